/* SPDX-License-Identifier: GPL-2.0-only */
/* Windows on an allocator: which calls become samples, and whose address is handed out again. */
#include "arch.bpf.h"
#include "cheshire/wire_alloc.h"
#include "shim/shim.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define TARGET	    cfg_tgid
#define STACK_BASE  0x7ffe00000000ULL
#define STACK_BYTES (64 * 1024)
#define SP(offset)  (STACK_BASE + (offset))
#define CALLER	    0x400100ULL
#define CODE	    0x7f0000000000ULL /* of the allocator */
#define HEAP	    0x5500000000ULL
#define BLOCK(n)    (HEAP + (__u64)(n)*64)
#define MS	    1000000ULL
#define WINDOW	    7

int alloc_window(struct pt_regs *regs);
extern struct wire_alloc_control control;

static struct shim_task *threads[3];
static struct pt_regs regs;

/* As user space opens a window in which every call becomes a sample, or (by size) none does. */
static void open_window(__u64 calls_max, bool sampled)
{
	memset(&control, 0, sizeof(control));
	control.calls_max = calls_max;
	control.blocks_max = 480;
	control.sample_bytes = sampled ? 0 : ~0U;
	control.code_start = CODE;
	control.code_end = CODE + 4096;
	control.window = WINDOW;
}

static int begin(void **state)
{
	(void)state;
	shim_reset();
	memset(&regs, 0, sizeof(regs));
	shim_map_user(STACK_BASE, STACK_BYTES);
	for (int i = 0; i < 3; i++)
		threads[i] = shim_task_new((int)TARGET, (int)TARGET + i);
	shim.current = threads[0];
	shim.now_ns = 5ULL << 30;
	shim.random = ~0U;
	open_window(100, true);
	return 0;
}

static int end(void **state)
{
	(void)state;
	shim_check();
	shim_reset();
	return 0;
}

static void run_as(int n)
{
	shim.current = threads[n];
}

static void hit(enum wire_alloc_role role, enum wire_alloc_function function, __u64 sp)
{
	shim.cookie = wire_alloc_cookie(role, function, 0, 0, 0);
	regs.sp = sp;
	assert_int_equal(alloc_window(&regs), 0);
	shim_check();
}

static void enter_from(enum wire_alloc_function function, __u64 sp, __u64 from, __u64 first,
		       __u64 second)
{
	memcpy(shim_user(sp, 8), &from, 8);
	regs.di = first;
	regs.si = second;
	hit(WIRE_ALLOC_ENTER, function, sp);
}

static void leave(enum wire_alloc_function function, __u64 sp, __u64 pointer)
{
	regs.ax = pointer;
	hit(WIRE_ALLOC_EXIT, function, sp);
}

static void call_malloc(__u64 bytes, __u64 pointer)
{
	enter_from(WIRE_ALLOC_MALLOC, SP(8000), CALLER, bytes, 0);
	leave(WIRE_ALLOC_MALLOC, SP(8000), pointer);
}

static void call_realloc(__u64 old, __u64 bytes, __u64 pointer)
{
	enter_from(WIRE_ALLOC_REALLOC, SP(8000), CALLER, old, bytes);
	leave(WIRE_ALLOC_REALLOC, SP(8000), pointer);
}

static void sample(bool on)
{
	control.sample_bytes = on ? 0 : ~0U;
}

/* As alloc_windows__keeps(). */
static unsigned int kept_times(__u64 pointer)
{
	unsigned int n = 0;

	for (size_t i = 0; i < WIRE_ALLOC_KEPT; i++)
		n += control.kept[i] == pointer;
	return n;
}

static const struct wire_alloc *record(unsigned int i)
{
	const struct shim_record *r = shim_record_at(i);

	assert_non_null(r);
	assert_int_equal(r->bytes, sizeof(struct wire_alloc));
	return r->data;
}

static void test_samples_are_kept(void **state)
{
	(void)state;
	call_malloc(100, BLOCK(1));
	call_malloc(200, BLOCK(2));
	assert_int_equal(shim_records(), 2);
	assert_int_equal(record(1)->head.pointer, BLOCK(2));
	assert_int_equal(record(1)->head.size_bytes, 200);
	assert_int_equal(record(1)->head.kept, 1);
	assert_int_equal(kept_times(BLOCK(1)), 1);
	assert_int_equal(kept_times(BLOCK(2)), 1);
	assert_int_equal(control.calls, 2);
}

/* It was freed, and a call that is no sample was given it. */
static void test_handed_out_again(void **state)
{
	(void)state;
	call_malloc(100, BLOCK(1));
	call_malloc(100, BLOCK(2));
	sample(false);
	run_as(1);
	call_malloc(100, BLOCK(1));
	call_malloc(100, BLOCK(3));
	assert_int_equal(shim_records(), 2);
	assert_int_equal(kept_times(BLOCK(1)), 0);
	assert_int_equal(kept_times(BLOCK(2)), 1);
	assert_int_equal(kept_times(BLOCK(3)), 0);
	/* And again to one that is a sample. */
	sample(true);
	call_malloc(100, BLOCK(1));
	call_malloc(100, BLOCK(2));
	assert_int_equal(kept_times(BLOCK(1)), 1);
	assert_int_equal(kept_times(BLOCK(2)), 1);
	assert_int_equal(shim_records(), 4);
}

/* Behind the window's end, until the blocks have been looked at. */
static void test_late_calls(void **state)
{
	(void)state;
	open_window(3, true);
	for (int i = 1; i <= 3; i++)
		call_malloc(100, BLOCK(i));
	assert_true(control.ended_ns != 0);
	call_malloc(100, BLOCK(2));
	assert_int_equal(control.counters[WIRE_ALLOC_CTR_LATE] > 0, 1);
	assert_int_equal(shim_records(), 3);
	assert_int_equal(kept_times(BLOCK(2)), 0);
	/* A call that began before the look may have got what was freed before it. */
	enter_from(WIRE_ALLOC_MALLOC, SP(8000), CALLER, 100, 0);
	control.looked = 1;
	leave(WIRE_ALLOC_MALLOC, SP(8000), BLOCK(3));
	assert_int_equal(kept_times(BLOCK(3)), 0);
	call_malloc(100, BLOCK(1));
	assert_int_equal(kept_times(BLOCK(1)), 1);
}

/* What is given to realloc has ended, wherever it goes; what it returns is a block of its own. */
static void test_given_to_realloc(void **state)
{
	(void)state;
	for (int i = 1; i <= 3; i++)
		call_malloc(100, BLOCK(i));
	sample(false);
	call_realloc(BLOCK(1), 1000, BLOCK(9));
	call_realloc(BLOCK(2), 101, BLOCK(2));
	assert_int_equal(kept_times(BLOCK(1)), 0);
	assert_int_equal(kept_times(BLOCK(2)), 0);
	sample(true);
	call_realloc(BLOCK(3), 102, BLOCK(3));
	assert_int_equal(kept_times(BLOCK(3)), 1);
	assert_int_equal(record(3)->head.old_pointer, BLOCK(3));
	/* The allocator's own call within it: what that returns is nobody's yet. */
	sample(false);
	enter_from(WIRE_ALLOC_REALLOC, SP(8000), CALLER, BLOCK(4), 100);
	enter_from(WIRE_ALLOC_MALLOC, SP(7000), CODE + 16, 100, 0);
	leave(WIRE_ALLOC_MALLOC, SP(7000), BLOCK(3));
	assert_int_equal(kept_times(BLOCK(3)), 1);
	leave(WIRE_ALLOC_REALLOC, SP(8000), BLOCK(3));
	assert_int_equal(kept_times(BLOCK(3)), 0);
	assert_int_equal(control.counters[WIRE_ALLOC_CTR_NESTED], 1);
}

/* Where the allocator's own functions are not probed: what it calls is not part of any call. */
static void test_outer_only(void **state)
{
	(void)state;
	sample(true);
	control.outer_only = 1;
	enter_from(WIRE_ALLOC_MALLOC, SP(7000), CODE + 16, 100, 0);
	leave(WIRE_ALLOC_MALLOC, SP(7000), BLOCK(1));
	assert_int_equal(kept_times(BLOCK(1)), 0);
	assert_int_equal(control.counters[WIRE_ALLOC_CTR_NESTED], 1);
	call_malloc(100, BLOCK(2));
	assert_int_equal(kept_times(BLOCK(2)), 1);
	control.outer_only = 0;
	enter_from(WIRE_ALLOC_MALLOC, SP(7000), CODE + 16, 100, 0);
	leave(WIRE_ALLOC_MALLOC, SP(7000), BLOCK(1));
	assert_int_equal(kept_times(BLOCK(1)), 1);
}

/* Another CPU takes the place at the last moment. */
static __u64 other_pointer;

static void let_other_in(enum shim_point point, void *word)
{
	if (point != SHIM_BEFORE_CAS || !other_pointer)
		return;
	*(__u64 *)word = other_pointer;
	other_pointer = 0;
}

static __u64 same_place_as(__u64 pointer, unsigned int n)
{
	for (__u64 other = pointer + 16;; other += 16)
		if (wire_alloc_kept_at(other) == wire_alloc_kept_at(pointer) && !n--)
			return other;
}

static void test_both_are_kept(void **state)
{
	(void)state;
	other_pointer = same_place_as(BLOCK(1), 0);
	shim.hook = let_other_in;
	call_malloc(100, BLOCK(1));
	shim.hook = NULL;
	assert_int_equal(other_pointer, 0);
	assert_int_equal(kept_times(BLOCK(1)), 1);
	assert_int_equal(kept_times(same_place_as(BLOCK(1), 0)), 1);
}

/* What finds no room says so, and takes nobody's place. */
static void test_no_room(void **state)
{
	__u64 pointers[WIRE_ALLOC_KEPT_WAYS + 1] = {BLOCK(1)};

	(void)state;
	for (unsigned int i = 1; i <= WIRE_ALLOC_KEPT_WAYS; i++)
		pointers[i] = same_place_as(BLOCK(1), i - 1);
	for (unsigned int i = 0; i <= WIRE_ALLOC_KEPT_WAYS; i++)
		call_malloc(100, pointers[i]);
	for (unsigned int i = 0; i < WIRE_ALLOC_KEPT_WAYS; i++) {
		assert_int_equal(record(i)->head.kept, 1);
		assert_int_equal(kept_times(pointers[i]), 1);
	}
	assert_int_equal(record(WIRE_ALLOC_KEPT_WAYS)->head.kept, 0);
	assert_int_equal(kept_times(pointers[WIRE_ALLOC_KEPT_WAYS]), 0);
	/* The places are those of one set, at either end of the table too. */
	for (__u64 p = 0; p < 1 << 20; p += 16)
		assert_true(wire_alloc_kept_at(p) % WIRE_ALLOC_KEPT_WAYS == 0 &&
			    wire_alloc_kept_at(p) <= WIRE_ALLOC_KEPT - WIRE_ALLOC_KEPT_WAYS);
}

/* A call without a block, one whose return is not seen, one of another process. */
static void test_calls_that_give_nothing(void **state)
{
	(void)state;
	call_malloc(100, BLOCK(1));
	call_malloc(100, 0);
	assert_int_equal(control.counters[WIRE_ALLOC_CTR_FAILED], 1);
	sample(false);
	call_malloc(100, 0);
	assert_int_equal(control.counters[WIRE_ALLOC_CTR_FAILED], 1);
	enter_from(WIRE_ALLOC_MALLOC, SP(8000), CALLER, 100, 0);
	enter_from(WIRE_ALLOC_MALLOC, SP(9000), CALLER, 100, 0);
	assert_int_equal(control.counters[WIRE_ALLOC_CTR_UNSEEN], 1);
	assert_int_equal(control.counters[WIRE_ALLOC_CTR_LEFT], 0);
	leave(WIRE_ALLOC_MALLOC, SP(8000), BLOCK(1));
	assert_int_equal(kept_times(BLOCK(1)), 1);
	shim.current = shim_task_new((int)TARGET + 100, (int)TARGET + 100);
	call_malloc(100, BLOCK(1));
	assert_int_equal(kept_times(BLOCK(1)), 1);
	assert_int_equal(shim_records(), 1);
	assert_int_equal(control.counters[WIRE_ALLOC_CTR_HITS_EMULATED], 9);
}

/* As alloc_windows__brief(). */
static void note_brief(__u64 path, unsigned int way)
{
	control.brief[wire_alloc_path_at(path) + way] = path;
}

/* Where it returns to and how deep the stack is says whether its blocks last. */
static void test_paths_are_sampled_apart(void **state)
{
	__u64 path, top = threads[0]->task.thread.fsbase = STACK_BASE + STACK_BYTES;

	(void)state;
	threads[1]->task.thread.fsbase = top;
	call_malloc(100, BLOCK(1));
	path = record(0)->head.path;
	assert_int_equal(path, wire_alloc_path(CALLER, SP(8000), top));
	assert_int_equal(record(0)->head.brief, 0);
	note_brief(path, WIRE_ALLOC_PATH_WAYS - 1);
	control.brief_sample_bytes = ~0U;
	call_malloc(100, BLOCK(2));
	run_as(1);
	call_malloc(100, BLOCK(1));
	assert_int_equal(shim_records(), 1);
	assert_int_equal(control.calls, 3);
	/* What it was given is no longer the other's, as of any call. */
	assert_int_equal(kept_times(BLOCK(1)), 0);
	/* From another place, or another depth. */
	enter_from(WIRE_ALLOC_MALLOC, SP(8000), CALLER + 5, 100, 0);
	leave(WIRE_ALLOC_MALLOC, SP(8000), BLOCK(3));
	enter_from(WIRE_ALLOC_MALLOC, SP(8016), CALLER, 100, 0);
	leave(WIRE_ALLOC_MALLOC, SP(8016), BLOCK(4));
	assert_int_equal(shim_records(), 3);
	/* And the other way round: each says how it was sampled. */
	control.brief_sample_bytes = 50;
	control.sample_bytes = ~0U;
	call_malloc(100, BLOCK(5));
	assert_int_equal(shim_records(), 4);
	assert_int_equal(record(3)->head.brief, 1);
	assert_int_equal(record(3)->head.sample_bytes, 50);
	enter_from(WIRE_ALLOC_MALLOC, SP(8016), CALLER, 100, 0);
	leave(WIRE_ALLOC_MALLOC, SP(8016), BLOCK(6));
	assert_int_equal(shim_records(), 4);
	/* The places are those of one set, at either end of the table too. */
	for (__u64 p = 0; p < 1 << 16; p++)
		assert_true(wire_alloc_path_at(p) % WIRE_ALLOC_PATH_WAYS == 0 &&
			    wire_alloc_path_at(p) <= WIRE_ALLOC_PATHS - WIRE_ALLOC_PATH_WAYS);
}

#define window_test(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		window_test(test_samples_are_kept),
		window_test(test_handed_out_again),
		window_test(test_late_calls),
		window_test(test_given_to_realloc),
		window_test(test_outer_only),
		window_test(test_both_are_kept),
		window_test(test_no_room),
		window_test(test_calls_that_give_nothing),
		window_test(test_paths_are_sampled_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
