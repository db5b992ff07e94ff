/* SPDX-License-Identifier: GPL-2.0-only */
/* Caches: hits, misses and failures, what is put in and thrown out, size; nothing is timed. */
#include "world.h"

#include <string.h>

#define C    4
#define PAGE 0x610000ULL
#define MS   1000000ULL

static const struct wire_value found = {.base = WIRE_BASE_RET, .op = WIRE_OP_NE};

static __u32 lookup(void)
{
	__u32 f;

	stage(C, 0);
	f = function(C, WIRE_ROLE_LOOKUP, WIRE_BIND_AT_RETURN);
	bind_at(f)->when = found;
	return f;
}

static void look(__u32 f, __u64 ret)
{
	enter(f, SP(8000));
	regs.ax = ret;
	leave(f, SP(8000));
}

static void test_hits_and_misses(void **state)
{
	__u32 f = lookup();

	(void)state;
	for (int i = 0; i < 7; i++)
		look(f, i < 3);
	expect_stats(C, .entry_hits = 7, .exit_hits = 7, .hits = 3);
	assert_int_equal(stats(C)->cache_misses, 4);
	assert_int_equal(spans_sent(), 0);
	assert_int_equal(hist_total(C, WIRE_HIST_LATENCY), 0);
	expect_no_losses();
	expect_idle(thread(1), C);
}

/* A cache in front of another one, and a look-up that calls itself: what the caller got. */
static void test_outermost_only(void **state)
{
	__u32 f = lookup();

	(void)state;
	enter(f, SP(8000));
	enter(f, SP(7000));
	regs.ax = 0;
	leave(f, SP(7000));
	regs.ax = PAGE;
	leave(f, SP(8000));
	expect_stats(C, .entry_hits = 2, .exit_hits = 2, .hits = 1, .nested = 1);
	assert_int_equal(stats(C)->cache_misses, 0);
}

/* As hiredis has it: the type of a reply; no reply, and a reply that is none, are failures. */
static void test_reply(void **state)
{
	static const struct {
		__s32 type;
		__u64 hits, misses, errors;
	} cases[] = {{1, 1, 0, 0}, {4, 1, 1, 0}, {6, 1, 1, 1}, {5, 1, 1, 2}, {1, 2, 1, 2}};
	__u32 f = lookup();

	(void)state;
	bind_at(f)->when = (struct wire_value){.base = WIRE_BASE_RET,
					       .derefs = 1,
					       .type = WIRE_TYPE_I32,
					       .op = WIRE_OP_EQ,
					       .rhs = 1};
	bind_at(f)->error = (struct wire_value){.base = WIRE_BASE_RET,
						.derefs = 1,
						.type = WIRE_TYPE_I32,
						.op = WIRE_OP_GE,
						.rhs = 5};
	shim_map_user(PAGE, 4096);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memcpy(shim_user(PAGE, 4), &cases[i].type, 4);
		look(f, PAGE);
		assert_int_equal(stats(C)->hits, cases[i].hits);
		assert_int_equal(stats(C)->cache_misses, cases[i].misses);
		assert_int_equal(stats(C)->errors, cases[i].errors);
	}
	look(f, 0);
	assert_int_equal(stats(C)->errors, 3);
	assert_int_equal(stats(C)->read_failures, 0);
	/* Out of reach: it may have been either. */
	look(f, PAGE + 8192);
	expect_stats(C, .entry_hits = 7, .exit_hits = 7, .hits = 2, .errors = 3,
		     .read_failures = 1);
	assert_int_equal(stats(C)->cache_misses, 1);
}

/* Which command it was is in the text of an argument, in letters of either case. */
static void test_command(void **state)
{
	static const char *const texts[] = {"GET %s", "get %b", "Get x", "SET %s",
					    "GETSET", "GET",	"get",	 "GE"};
	__u32 f = lookup();
	__u64 rhs = 0;

	(void)state;
	shim_map_user(PAGE, 4096);
	memcpy(&rhs, "get ", 4);
	bind_at(f)->where = (struct wire_value){.base = WIRE_BASE_ARG,
						.arg = 1,
						.type = WIRE_TYPE_STR,
						.op = WIRE_OP_LIKE,
						.str_bytes = 4,
						.rhs = rhs};
	for (int whole = 0; whole <= 1; whole++) {
		__u64 before = stats(C)->hits;

		for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
			strcpy((char *)shim_user(PAGE, 16), texts[i]);
			regs.si = PAGE;
			look(f, 1);
		}
		assert_int_equal(stats(C)->hits - before, whole ? 2 : 3);
		memcpy(&rhs, "get", 4);
		bind_at(f)->where.rhs = rhs;
	}
}

static void test_inserted_and_evicted(void **state)
{
	__u32 in, out;

	(void)state;
	stage(C, 0);
	in = function(C, WIRE_ROLE_INSERT, 0);
	out = function(C, WIRE_ROLE_EVICT, 0);
	bind_at(in)->flags = bind_at(out)->flags = 0; /* at the entry */
	bind_at(in)->work = (struct wire_value){.base = WIRE_BASE_ARG, .arg = 2};
	bind_at(out)->work = (struct wire_value){.base = WIRE_BASE_CONST, .rhs = 100};
	regs.dx = 700;
	enter(in, SP(8000));
	enter(in, SP(8000));
	enter(out, SP(8000));
	assert_int_equal(stats(C)->cache_inserts, 2);
	assert_int_equal(stats(C)->cache_inserted_bytes, 1400);
	assert_int_equal(stats(C)->cache_evictions, 1);
	assert_int_equal(stats(C)->cache_evicted_bytes, 100);
	expect_stats(C, .entry_hits = 3);
	/* A negative number is no number of bytes. */
	regs.dx = (__u64)-1;
	enter(in, SP(8000));
	assert_int_equal(stats(C)->cache_inserted_bytes, 1400);
	assert_int_equal(stats(C)->read_failures, 1);
	expect_idle(thread(1), C);
}

static void test_size(void **state)
{
	__u64 bytes = 4096;
	__u32 f = lookup();

	(void)state;
	shim_map_user(PAGE, 4096);
	memcpy(shim_user(PAGE + 16, 8), &bytes, 8);
	bind_at(f)->size = (struct wire_value){.base = WIRE_BASE_ARG, .derefs = 1, .off = {16}};
	assert_int_equal(stats(C)->cache_sizes, 0);
	regs.di = PAGE;
	look(f, 1);
	assert_int_equal(stats(C)->cache_sizes, 1);
	assert_int_equal(stats(C)->cache_size_bytes, 4096);
	bytes = ~0ULL;
	memcpy(shim_user(PAGE + 16, 8), &bytes, 8);
	regs.di = PAGE;
	look(f, 1);
	assert_int_equal(stats(C)->cache_sizes, 1);
	assert_int_equal(stats(C)->cache_size_bytes, 4096);
	assert_int_equal(stats(C)->read_failures, 1);
	assert_int_equal(stats(C)->hits, 2);
}

/* Left by an exception: nothing was found.  By the end of its thread: nobody knows. */
static void test_left_otherwise(void **state)
{
	__u32 f = lookup();

	(void)state;
	enter(f, SP(8000));
	catch (SP(9000));
	assert_int_equal(stats(C)->abnormal_exception, 1);
	enter(f, SP(8000));
	enter(f, SP(8200));
	assert_int_equal(stats(C)->abnormal_unwound, 1);
	regs.ax = 1;
	leave(f, SP(8200));
	assert_int_equal(stats(C)->hits, 1);
	assert_int_equal(stats(C)->cache_misses, 0);
	assert_int_equal(spans_sent(), 0);
	expect_idle(thread(1), C);
}

/* A stage that looks into a cache: its own time and CPU are as if nobody counted there. */
static void test_inside_of_a_stage(void **state)
{
	__u32 f = lookup(),
	      g = (stage(C + 1, WIRE_STAGE_VOICE), function(C + 1, WIRE_ROLE_CALL, 0));

	(void)state;
	at(100 * MS);
	enter(g, SP(9000));
	at(101 * MS);
	enter(f, SP(8000));
	at(104 * MS);
	leave(f, SP(8000));
	at(105 * MS);
	leave(g, SP(9000));
	assert_int_equal(stats(C + 1)->spans, 1);
	assert_int_equal(stats(C + 1)->cpu_ns, 5 * MS);
	/* And the other way round: the stage is inside of the look-up. */
	at(200 * MS);
	enter(f, SP(9000));
	at(203 * MS);
	enter(g, SP(8000));
	at(207 * MS);
	leave(g, SP(8000));
	leave(f, SP(9000));
	assert_int_equal(stats(C + 1)->cpu_ns, 9 * MS);
	expect_idle(thread(1), C);
	expect_idle(thread(1), C + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_hits_and_misses),
		world_test(test_outermost_only),
		world_test(test_reply),
		world_test(test_command),
		world_test(test_inserted_and_evicted),
		world_test(test_size),
		world_test(test_left_otherwise),
		world_test(test_inside_of_a_stage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
