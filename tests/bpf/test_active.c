/* SPDX-License-Identifier: GPL-2.0-only */
/* The clocks of one stage: wall and CPU time with it in flight, and who runs beside it. */
#include "world.h"

#define S  3
#define T0 (5ULL << 30)
#define MS 1000000ULL

#define ASKED (WIRE_STAGE_VOICE | WIRE_STAGE_ACTIVE | WIRE_STAGE_OVERLAPS)
#define OTHER (WIRE_STAGE_VOICE | WIRE_STAGE_OVERLAPS)

/* What user space reads: src/kernel/shared_clock.c. */
static __u64 reading(__u64 word, __u64 clock)
{
	return (word + (word >> WIRE_CLOCK_BITS ? clock : 0)) & WIRE_CLOCK_MASK;
}

static __u64 wall(__u64 t)
{
	return reading(stats(S)->active_wall, t);
}

static __u64 cpu(__u64 t)
{
	return reading(stats(S)->active_cpu, clock_read(WIRE_CLOCK_CPU, t));
}

static void expect_landed(void)
{
	assert_int_equal(stats(S)->active_wall >> WIRE_CLOCK_BITS, 0);
	assert_int_equal(stats(S)->active_cpu >> WIRE_CLOCK_BITS, 0);
	expect_idle(thread(1), S);
}

static __u32 call(__u32 index, __u32 flags)
{
	stage(index, flags);
	return function(index, WIRE_ROLE_CALL, 0);
}

/* Two threads run all the time; the stage is in flight from 10 ms to 14 ms, read in between. */
static void test_cpu_of_all_threads(void **state)
{
	__u32 f = call(S, ASKED);

	(void)state;
	switch_to(0, idle(), thread(1), false, 0);
	switch_to(1, idle(), thread(2), false, 0);
	at(T0 + 10 * MS);
	enter(f, SP(8000));
	assert_int_equal(wall(T0 + 11 * MS), 1 * MS);
	assert_int_equal(cpu(T0 + 11 * MS), 2 * MS);
	at(T0 + 12 * MS);
	switch_to(1, thread(2), idle(), false, 0);
	at(T0 + 14 * MS);
	leave(f, SP(8000));
	assert_int_equal(wall(T0 + 14 * MS), 4 * MS);
	assert_int_equal(cpu(T0 + 14 * MS), 6 * MS);
	/* It stands while the stage is not in flight. */
	assert_int_equal(wall(T0 + 90 * MS), 4 * MS);
	assert_int_equal(cpu(T0 + 90 * MS), 6 * MS);
	assert_int_equal(stats(S)->overlaps, 0);
	expect_landed();
	expect_no_losses();
}

/* Spans of the stage that overlap are in flight once. */
static void test_spans_overlap(void **state)
{
	__u32 f = call(S, ASKED);

	(void)state;
	enter(f, SP(8000));
	run_as(thread(2), 1);
	at(T0 + 3 * MS);
	enter(f, SP(8000));
	run_as(thread(1), 0);
	at(T0 + 5 * MS);
	leave(f, SP(8000));
	run_as(thread(2), 1);
	at(T0 + 9 * MS);
	leave(f, SP(8000));
	assert_int_equal(wall(T0 + 50 * MS), 9 * MS);
	assert_int_equal(stats(S)->overlaps, 0);
	run_as(thread(1), 0);
	expect_landed();
}

/* Nobody asked: nothing is kept. */
static void test_not_asked(void **state)
{
	__u32 f = call(S, WIRE_STAGE_VOICE);

	(void)state;
	enter(f, SP(8000));
	at(T0 + 3 * MS);
	leave(f, SP(8000));
	assert_int_equal(stats(S)->active_wall, 0);
	assert_int_equal(stats(S)->active_cpu, 0);
	assert_int_equal(clocks[WIRE_CLOCK_VOICE][WIRE_CLOCK_STARTS], 0);
}

/* Another voice stage runs already, begins meanwhile, or does neither. */
static void test_overlaps(void **state)
{
	__u32 f = call(S, ASKED), g = call(S + 1, OTHER);

	(void)state;
	run_as(thread(2), 1);
	enter(g, SP(8000));
	run_as(thread(1), 0);
	at(T0 + 1 * MS);
	enter(f, SP(8000));
	at(T0 + 2 * MS);
	leave(f, SP(8000));
	assert_int_equal(stats(S)->overlaps, 1);
	run_as(thread(2), 1);
	leave(g, SP(8000));

	run_as(thread(1), 0);
	at(T0 + 3 * MS);
	enter(f, SP(8000));
	at(T0 + 4 * MS);
	leave(f, SP(8000));
	assert_int_equal(stats(S)->overlaps, 1);

	at(T0 + 5 * MS);
	enter(f, SP(8000));
	run_as(thread(2), 1);
	at(T0 + 6 * MS);
	enter(g, SP(8000));
	at(T0 + 7 * MS);
	leave(g, SP(8000));
	run_as(thread(1), 0);
	at(T0 + 8 * MS);
	leave(f, SP(8000));
	assert_int_equal(stats(S)->overlaps, 2);
	expect_landed();
}

/* A stage that is no voice stage is beside any that is; frames are none. */
static void test_overlaps_of_background(void **state)
{
	__u32 f = call(S, WIRE_STAGE_ACTIVE), g = call(S + 1, OTHER), frame;

	(void)state;
	stage(S + 2, 0);
	frame = function(S + 2, WIRE_ROLE_FRAME, 0);
	run_as(thread(2), 1);
	enter(frame, SP(8000));
	run_as(thread(1), 0);
	enter(f, SP(8000));
	leave(f, SP(8000));
	assert_int_equal(stats(S)->overlaps, 0);
	run_as(thread(2), 1);
	leave(frame, SP(8000));
	enter(g, SP(8000));
	run_as(thread(1), 0);
	enter(f, SP(8000));
	leave(f, SP(8000));
	assert_int_equal(stats(S)->overlaps, 1);
	run_as(thread(2), 1);
	leave(g, SP(8000));
	run_as(thread(1), 0);
	expect_landed();
}

/* An exception, a longjmp noticed later and the end of the thread take it out of the clocks. */
static void test_abnormal_ends(void **state)
{
	__u32 f = call(S, ASKED), g = call(S + 1, 0);

	(void)state;
	enter(f, SP(8000));
	at(T0 + 2 * MS);
	catch (SP(9000));
	expect_landed();
	at(T0 + 10 * MS);
	enter(f, SP(8000));
	at(T0 + 13 * MS);
	enter(g, SP(9500));
	assert_int_equal(stats(S)->active_wall >> WIRE_CLOCK_BITS, 0);
	leave(g, SP(9500));
	at(T0 + 20 * MS);
	enter(f, SP(8000));
	at(T0 + 24 * MS);
	assert_int_equal(sched_process_exit(&thread(1)->task), 0);
	expect_landed();
	assert_int_equal(wall(T0 + 90 * MS), 9 * MS);
}

/* A stream is in flight from its opening to its first output. */
static void test_stream(void **state)
{
	static const struct wire_value arg0 = {.base = WIRE_BASE_ARG};
	__u32 from, to;

	(void)state;
	stage(S, ASKED);
	from = function(S, WIRE_ROLE_FROM, 0);
	to = function(S, WIRE_ROLE_TO, 0);
	bind_at(from)->key = bind_at(to)->key = arg0;
	regs.di = 7;
	enter(from, SP(8000));
	assert_int_equal(stats(S)->active_wall >> WIRE_CLOCK_BITS, 1);
	at(T0 + 30 * MS);
	enter(to, SP(8000));
	expect_landed();
	at(T0 + 50 * MS);
	enter(to, SP(8000));
	assert_int_equal(wall(T0 + 90 * MS), 30 * MS);
	assert_int_equal(stats(S)->overlaps, 0);
	expect_landed();
}

/* The word of the CPU cannot be stepped: the span is in neither clock. */
static void always_raced(enum shim_point point, void *word)
{
	if (point == SHIM_BEFORE_CAS && word == &stats(S)->active_cpu)
		stats(S)->active_cpu++;
}

static void test_races_exhausted(void **state)
{
	__u32 f = call(S, ASKED);

	(void)state;
	shim.hook = always_raced;
	enter(f, SP(8000));
	shim.hook = NULL;
	assert_int_equal(stats(S)->active_wall >> WIRE_CLOCK_BITS, 0);
	at(T0 + 4 * MS);
	leave(f, SP(8000));
	assert_int_equal(wall(T0 + 90 * MS), 0);
	expect_counter(WIRE_CTR_CLOCK_RETRY, 1);
	expect_landed();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_cpu_of_all_threads),
		world_test(test_spans_overlap),
		world_test(test_not_asked),
		world_test(test_overlaps),
		world_test(test_overlaps_of_background),
		world_test(test_abnormal_ends),
		world_test(test_stream),
		world_test(test_races_exhausted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
