/* SPDX-License-Identifier: GPL-2.0-only */
/* Entry and exit paired: plain calls, recursion, alternatives, tail calls, what does not match. */
#include "world.h"

#include <string.h>

#define S  3 /* the stage */
#define T0 (5ULL << 30)
#define MS 1000000ULL

static void test_plain_call(void **state)
{
	const struct wire_span *s;
	__u32 f;

	(void)state;
	stage(S, 0);
	f = function(S, WIRE_ROLE_CALL, 0);
	probe_at(2 * f)->cost_ns = 700;
	probe_at(2 * f + 1)->cost_ns = 900;
	at(T0);
	enter(f, SP(4096));
	assert_int_equal(stats(S)->in_flight, 1);
	at(T0 + 12 * MS);
	leave(f, SP(4096));

	expect_stats(S, .entry_hits = 1, .exit_hits = 1, .cost_ns = 1600, .spans = 1,
		     .sum_ns = 12 * MS, .max_ns = 12 * MS, .cpu_ns = 12 * MS, .records = 1);
	expect_no_losses();
	expect_idle(thread(1), S);
	assert_int_equal(hist_total(S, WIRE_HIST_LATENCY), 1);
	assert_int_equal(hist_of(S, WIRE_HIST_LATENCY, 12 * MS), 1);
	assert_int_equal(hist_total(S, WIRE_HIST_FRAME), 0);
	assert_int_equal(spans_sent(), 1);
	s = span(0);
	assert_int_equal(s->hdr.ts_ns, T0 + 12 * MS);
	assert_int_equal(s->hdr.tid, TARGET + 1);
	assert_int_equal(s->hdr.cpu, 0);
	assert_int_equal(s->stage, S);
	assert_int_equal(s->bind, f);
	assert_int_equal(s->flags, WIRE_SPAN_CPU);
	assert_int_equal(s->start_ns, T0);
	assert_int_equal(s->end_ns, T0 + 12 * MS);
	assert_int_equal(s->first_ns, T0 + 12 * MS);
	assert_int_equal(s->key, TARGET + 1); /* no key: the thread */
	assert_int_equal(s->cpu_ns, 12 * MS);
	assert_int_equal(s->outputs, 0);
}

/* The slot of a span in flight shows its start and thread, and is free again afterwards. */
static void test_open_slot(void **state)
{
	struct wire_open_slot *open;
	__u32 f;

	(void)state;
	stage(S, 0);
	f = function(S, WIRE_ROLE_CALL, 0);
	enter(f, SP(4096));
	open = &stats(S)->open[(TARGET + 1) % WIRE_OPEN_SLOTS];
	assert_int_equal(open->start_ns, T0);
	assert_int_equal(open->tid, TARGET + 1);
	leave(f, SP(4096));
	assert_int_equal(open->start_ns, 0);
}

/* Where all slots are taken a thread is measured all the same; only its age is not watched. */
static void test_no_slot(void **state)
{
	__u32 f;

	(void)state;
	stage(S, 0);
	f = function(S, WIRE_ROLE_CALL, 0);
	for (unsigned i = 0; i < WIRE_OPEN_SLOTS; i++)
		stats(S)->open[i].start_ns = 1;
	enter(f, SP(4096));
	leave(f, SP(4096));
	assert_int_equal(stats(S)->spans, 1);
	expect_counter(WIRE_CTR_NO_SLOT, 1);
	for (unsigned i = 0; i < WIRE_OPEN_SLOTS; i++)
		assert_int_equal(stats(S)->open[i].start_ns, 1);
}

static void test_recursion(void **state)
{
	__u32 f;

	(void)state;
	stage(S, 0);
	f = function(S, WIRE_ROLE_CALL, 0);
	enter(f, SP(8000));
	at(T0 + 1 * MS);
	enter(f, SP(7000));
	at(T0 + 2 * MS);
	enter(f, SP(6000));
	at(T0 + 3 * MS);
	leave(f, SP(6000));
	leave(f, SP(7000));
	at(T0 + 5 * MS);
	leave(f, SP(8000));
	expect_stats(S, .entry_hits = 3, .exit_hits = 3, .spans = 1, .nested = 2, .sum_ns = 5 * MS,
		     .max_ns = 5 * MS, .cpu_ns = 5 * MS, .records = 1);
	expect_no_losses();
	expect_idle(thread(1), S);
}

/* Two functions of one stage, one calling the other: the outermost counts, the inner is quiet. */
static void test_nested_alternative(void **state)
{
	__u32 outer, inner;

	(void)state;
	stage(S, 0);
	outer = function(S, WIRE_ROLE_CALL, 0);
	inner = function(S, WIRE_ROLE_CALL, 0);
	enter(outer, SP(8000));
	at(T0 + 1 * MS);
	enter(inner, SP(7000));
	at(T0 + 2 * MS);
	leave(inner, SP(7000));
	at(T0 + 4 * MS);
	leave(outer, SP(8000));
	expect_stats(S, .entry_hits = 2, .exit_hits = 2, .spans = 1, .nested = 1, .sum_ns = 4 * MS,
		     .max_ns = 4 * MS, .cpu_ns = 4 * MS, .records = 1);
	assert_int_equal(span(0)->bind, outer);

	/* The inner one alone counts as well. */
	enter(inner, SP(7000));
	at(T0 + 5 * MS);
	leave(inner, SP(7000));
	assert_int_equal(stats(S)->spans, 2);
	assert_int_equal(span(1)->bind, inner);
	expect_no_losses();
}

/* Another stage inside: both count. */
static void test_inner_stage(void **state)
{
	__u32 outer, inner;

	(void)state;
	stage(S, 0);
	stage(S + 1, 0);
	outer = function(S, WIRE_ROLE_CALL, 0);
	inner = function(S + 1, WIRE_ROLE_CALL, 0);
	enter(outer, SP(8000));
	at(T0 + 1 * MS);
	enter(inner, SP(7000));
	at(T0 + 3 * MS);
	leave(inner, SP(7000));
	at(T0 + 4 * MS);
	leave(outer, SP(8000));
	expect_stats(S, .entry_hits = 1, .exit_hits = 1, .spans = 1, .sum_ns = 4 * MS,
		     .max_ns = 4 * MS, .cpu_ns = 4 * MS, .records = 1);
	expect_stats(S + 1, .entry_hits = 1, .exit_hits = 1, .spans = 1, .sum_ns = 2 * MS,
		     .max_ns = 2 * MS, .cpu_ns = 2 * MS, .records = 1);
	expect_no_losses();
}

/*
 * f ends in a jump to g, whose rets are exits of f too.  g calls itself before it returns: its
 * inner returns are at lower stack pointers.
 */
static void test_tail_target(void **state)
{
	__u32 f;

	(void)state;
	stage(S, 0);
	f = function(S, WIRE_ROLE_CALL, 0);
	enter(f, SP(8000));
	at(T0 + 1 * MS);
	leave(f, SP(7000));
	leave(f, SP(6000));
	at(T0 + 9 * MS);
	leave(f, SP(8000));
	expect_stats(S, .entry_hits = 1, .exit_hits = 3, .spans = 1, .sum_ns = 9 * MS,
		     .max_ns = 9 * MS, .cpu_ns = 9 * MS, .records = 1);
	expect_idle(thread(1), S);

	/* g called by others: an exit without a frame. */
	leave(f, SP(8000));
	assert_int_equal(stats(S)->unmatched, 1);
	assert_int_equal(stats(S)->spans, 1);
}

/* A jump from one alternative to another shares its stack pointer and return address. */
static void test_jump_to_alternative(void **state)
{
	__u32 f, g;

	(void)state;
	stage(S, 0);
	f = function(S, WIRE_ROLE_CALL, 0);
	g = function(S, WIRE_ROLE_CALL, 0);
	enter(f, SP(8000));
	at(T0 + 1 * MS);
	enter(g, SP(8000)); /* by a jump */
	leave(g, SP(8000)); /* the ret of g is an exit of both; f is what was called */
	assert_int_equal(stats(S)->spans, 0);
	at(T0 + 2 * MS);
	leave(f, SP(8000));
	assert_int_equal(span(0)->bind, f);
	expect_stats(S, .entry_hits = 2, .exit_hits = 2, .spans = 1, .nested = 1, .sum_ns = 2 * MS,
		     .max_ns = 2 * MS, .cpu_ns = 2 * MS, .records = 1);
	expect_idle(thread(1), S);
}

/* An alternative left by longjmp does not swallow the calls of another at its stack pointer. */
static void test_alternative_left(void **state)
{
	__u32 f, g;

	(void)state;
	stage(S, 0);
	f = function(S, WIRE_ROLE_CALL, 0);
	g = function(S, WIRE_ROLE_CALL, 0);
	enter_from(f, SP(8000), CALLER);
	at(T0 + 1 * MS);
	enter_from(g, SP(8000), CALLER + 32); /* called from elsewhere, not jumped to */
	at(T0 + 3 * MS);
	leave(g, SP(8000));
	assert_int_equal(stats(S)->abnormal_unwound, 1);
	assert_int_equal(stats(S)->nested, 0);
	assert_int_equal(stats(S)->unmatched, 0);
	assert_int_equal(stats(S)->spans, 1);
	assert_int_equal(stats(S)->sum_ns, 2 * MS);
	expect_idle(thread(1), S);
}

static void test_unmatched(void **state)
{
	__u32 f, where;

	(void)state;
	stage(S, 0);
	f = function(S, WIRE_ROLE_CALL, 0);
	/* Attached in mid call: the thread has no state at all, then none that fits. */
	leave(f, SP(8000));
	enter(f, SP(8000));
	leave(f, SP(8000));
	leave(f, SP(9000));
	expect_stats(S, .entry_hits = 1, .exit_hits = 3, .spans = 1, .unmatched = 2, .records = 1);

	/* With a condition, exits of calls that it let pass are expected. */
	where = function(S, WIRE_ROLE_CALL, 0);
	bind_at(where)->where = (struct wire_value){.base = WIRE_BASE_ARG, .op = WIRE_OP_NE};
	enter(where, SP(8000));
	leave(where, SP(8000));
	expect_stats(S, .entry_hits = 2, .exit_hits = 4, .spans = 1, .unmatched = 2, .filtered = 1,
		     .records = 1);
	/* Nor inside another stage. */
	stage(S + 1, 0);
	enter(function(S + 1, WIRE_ROLE_CALL, 0), SP(9000));
	enter(where, SP(8000));
	leave(where, SP(8000));
	assert_int_equal(stats(S)->filtered, 2);
	assert_int_equal(stats(S)->unmatched, 2);
	/* Nor in a function that a tail jump leads to: whoever else calls it returns there, too. */
	f = function(S, WIRE_ROLE_CALL, 0);
	probe_at(2 * f + 1)->shared = 1;
	leave(f, SP(7000));
	enter(f, SP(7000));
	leave(f, SP(6000));
	leave(f, SP(7000));
	assert_int_equal(stats(S)->spans, 2);
	assert_int_equal(stats(S)->unmatched, 2);
	expect_no_losses();
}

/* The stack pointer fits, what lies there does not: that frame was left long ago. */
static void test_return_address_mismatch(void **state)
{
	__u64 other = CALLER + 64;
	__u32 f;

	(void)state;
	stage(S, 0);
	f = function(S, WIRE_ROLE_CALL, 0);
	enter(f, SP(8000));
	memcpy(shim_user(SP(8000), 8), &other, 8);
	at(T0 + 1 * MS);
	leave(f, SP(8000));
	expect_stats(S, .entry_hits = 1, .exit_hits = 1, .abnormal_unwound = 1, .unmatched = 1,
		     .records = 1);
	assert_int_equal(span(0)->flags,
			 WIRE_SPAN_ABNORMAL | WIRE_SPAN_UPPER_BOUND | WIRE_SPAN_CPU);
	expect_idle(thread(1), S);

	/* A probe at a return site: the address has been popped, there is nothing to compare. */
	probe_at(2 * f + 1)->no_ra_check = 1;
	probe_at(2 * f + 1)->sp_delta = -8;
	enter(f, SP(8000));
	memcpy(shim_user(SP(8000), 8), &other, 8);
	leave(f, SP(8008));
	assert_int_equal(stats(S)->spans, 1);
	assert_int_equal(stats(S)->unmatched, 1);
}

/* The loop of a function goes back to its first instruction: one call all the same. */
static void test_entry_loops(void **state)
{
	__u32 f;

	(void)state;
	stage(S, 0);
	f = function(S, WIRE_ROLE_CALL, WIRE_BIND_ENTRY_LOOPS);
	enter(f, SP(8000));
	for (int i = 1; i <= 3; i++) {
		at(T0 + i * MS);
		enter(f, SP(8000));
	}
	leave(f, SP(8000));
	expect_stats(S, .entry_hits = 4, .exit_hits = 1, .spans = 1, .nested = 3, .sum_ns = 3 * MS,
		     .max_ns = 3 * MS, .cpu_ns = 3 * MS, .records = 1);
	expect_idle(thread(1), S);
}

/* Entry and exit somewhat inside the function: sp_delta leads back. */
static void test_moved_sites(void **state)
{
	__u32 f;

	(void)state;
	stage(S, 0);
	f = function(S, WIRE_ROLE_CALL, 0);
	probe_at(2 * f)->sp_delta = 24;
	enter(f, SP(8000));
	assert_int_equal(state_of(thread(1))->frame[0].sp, SP(8024));
	leave(f, SP(8000)); /* a deeper ret */
	assert_int_equal(stats(S)->spans, 0);
	memcpy(shim_user(SP(8024), 8), &(__u64){0}, 8);
	leave(f, SP(8024));
	assert_int_equal(stats(S)->spans, 1);
	assert_int_equal(stats(S)->unmatched, 0);
}

static void test_timeout_and_max(void **state)
{
	__u32 f;

	(void)state;
	stage(S, 0)->timeout_ns = 5 * MS;
	f = function(S, WIRE_ROLE_CALL, 0);
	for (int i = 1; i <= 3; i++) {
		__u64 start = T0 + i * 100 * MS, wall = i == 2 ? 6 * MS : 5 * MS;

		at(start);
		enter(f, SP(8000));
		at(start + wall);
		leave(f, SP(8000));
	}
	expect_stats(S, .entry_hits = 3, .exit_hits = 3, .spans = 3, .timeouts = 1,
		     .sum_ns = 16 * MS, .max_ns = 6 * MS, .cpu_ns = 16 * MS, .records = 3);
	assert_int_equal(hist_of(S, WIRE_HIST_LATENCY, 5 * MS), 2);
	assert_int_equal(hist_of(S, WIRE_HIST_LATENCY, 6 * MS), 1);
}

/* A function that ends in an unknown jump: its return sites are learnt, then probed. */
static void test_learn(void **state)
{
	struct site_key key = {.return_address = CALLER};
	const struct wire_learn *learn;
	__u64 known = 1;
	__u32 f;

	(void)state;
	stage(S, 0);
	f = function(S, WIRE_ROLE_CALL, WIRE_BIND_LEARN);
	enter(f, SP(8000));
	expect_stats(S, .entry_hits = 1, .learning = 1);
	assert_int_equal(shim_records(), 1);
	learn = shim_record_at(0)->data;
	assert_int_equal(learn->hdr.kind, WIRE_KIND_LEARN);
	assert_int_equal(learn->hdr.len_bytes, sizeof(*learn));
	assert_int_equal(learn->stage, S);
	assert_int_equal(learn->bind, f);
	assert_int_equal(learn->return_address, CALLER);
	assert_int_equal(learn->pad0, 0);

	key.bind = f;
	assert_int_equal(bpf_map_update_elem(&return_sites, &key, &known, BPF_ANY), 0);
	probe_at(2 * f + 1)->no_ra_check = 1;
	probe_at(2 * f + 1)->sp_delta = -8;
	enter(f, SP(8000));
	at(T0 + 1 * MS);
	leave(f, SP(8008));
	expect_stats(S, .entry_hits = 2, .exit_hits = 1, .learning = 1, .spans = 1,
		     .sum_ns = 1 * MS, .max_ns = 1 * MS, .cpu_ns = 1 * MS, .records = 1);

	/* No room for the question: counted. */
	shim.ring_bytes = 0;
	enter_from(f, SP(8000), CALLER + 5);
	assert_int_equal(stats(S)->learning, 2);
	expect_counter(WIRE_CTR_RING_FULL, 1);
	expect_idle(thread(1), S);
}

/* Threads do not see each other's frames. */
static void test_two_threads(void **state)
{
	__u32 f;

	(void)state;
	stage(S, WIRE_STAGE_VOICE);
	f = function(S, WIRE_ROLE_CALL, 0);
	enter(f, SP(8000));
	run_as(thread(2), 1);
	at(T0 + 1 * MS);
	enter(f, SP(9000));
	assert_int_equal(stats(S)->in_flight, 2);
	run_as(thread(1), 0);
	at(T0 + 3 * MS);
	leave(f, SP(8000));
	run_as(thread(2), 1);
	at(T0 + 7 * MS);
	leave(f, SP(9000));
	expect_stats(S, .entry_hits = 2, .exit_hits = 2, .spans = 2, .sum_ns = 9 * MS,
		     .max_ns = 6 * MS, .cpu_ns = 9 * MS, .records = 2);
	expect_idle(thread(1), S);
	expect_idle(thread(2), S);
	assert_int_equal(span(0)->hdr.tid, TARGET + 1);
	assert_int_equal(span(1)->hdr.tid, TARGET + 2);
	assert_int_equal(span(1)->hdr.cpu, 1);
}

/* Another tool's uretprobe on the function: its trampoline lies where the address was. */
static void test_uretprobe_of_another_tool(void **state)
{
	struct xol_area page = {.vaddr = 0x7fffffffe000};
	__u64 trampoline = page.vaddr;
	__u32 f;

	(void)state;
	stage(S, 0);
	f = function(S, WIRE_ROLE_CALL, 0);
	thread(1)->mm.uprobes_state.xol_area = &page;
	enter(f, SP(8000));
	memcpy(shim_user(SP(8000), 8), &trampoline, 8);
	at(T0 + 1 * MS);
	leave(f, SP(8000));
	expect_stats(S, .entry_hits = 1, .exit_hits = 1, .spans = 1, .sum_ns = MS, .max_ns = MS,
		     .cpu_ns = MS, .records = 1);
	expect_idle(thread(1), S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_plain_call),
		world_test(test_open_slot),
		world_test(test_no_slot),
		world_test(test_recursion),
		world_test(test_nested_alternative),
		world_test(test_inner_stage),
		world_test(test_tail_target),
		world_test(test_jump_to_alternative),
		world_test(test_alternative_left),
		world_test(test_unmatched),
		world_test(test_return_address_mismatch),
		world_test(test_uretprobe_of_another_tool),
		world_test(test_entry_loops),
		world_test(test_moved_sites),
		world_test(test_timeout_and_max),
		world_test(test_learn),
		world_test(test_two_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
