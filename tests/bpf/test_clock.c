/* SPDX-License-Identifier: GPL-2.0-only */
/* The process-wide clocks: overlaps, wrap-around, lost races, and CPU time split by voice. */
#include "world.h"

#include <pthread.h>

#define S	  3
#define T0	  (5ULL << 30)
#define MS	  1000000ULL
#define TIME_MASK ((1ULL << 54) - 1)

static __u64 running(enum wire_clock which)
{
	return clocks[which][0] >> 54;
}

/* What the voice clock has run since its word was 0. */
static __u64 voice(__u64 t)
{
	return clock_read(WIRE_CLOCK_VOICE, t);
}

static __u32 voice_call(__u32 index)
{
	stage(index, WIRE_STAGE_VOICE);
	return function(index, WIRE_ROLE_CALL, 0);
}

/* Stages that overlap, on two threads: the time is counted once. */
static void test_overlap_counts_once(void **state)
{
	__u32 f = voice_call(S), g = voice_call(S + 1);

	(void)state;
	enter(f, SP(8000));
	run_as(thread(2), 1);
	at(T0 + 3 * MS);
	enter(g, SP(8000));
	assert_int_equal(running(WIRE_CLOCK_VOICE), 2);
	assert_int_equal(voice(T0 + 4 * MS), 4 * MS);
	run_as(thread(1), 0);
	at(T0 + 5 * MS);
	leave(f, SP(8000));
	assert_int_equal(voice(T0 + 6 * MS), 6 * MS);
	run_as(thread(2), 1);
	at(T0 + 9 * MS);
	leave(g, SP(8000));
	assert_int_equal(voice(T0 + 9 * MS), 9 * MS);
	assert_int_equal(voice(T0 + 50 * MS), 9 * MS);
	at(T0 + 100 * MS);
	enter(f, SP(9000));
	at(T0 + 101 * MS);
	leave(f, SP(9000));
	assert_int_equal(voice(T0 + 200 * MS), 10 * MS);
	expect_no_losses();
}

/* Slices of three threads against a voice stage from T0 + 6 ms to T0 + 10 ms. */
static void test_voice_cpu(void **state)
{
	__u32 f = voice_call(S);

	(void)state;
	at(T0);
	switch_to(0, idle(), thread(1), false, 0);
	switch_to(1, idle(), thread(2), false, 0);
	at(T0 + 6 * MS);
	enter(f, SP(8000));
	at(T0 + 7 * MS);
	switch_to(2, idle(), thread(3), false, 0);
	at(T0 + 8 * MS);
	switch_to(2, thread(3), idle(), true, 0);
	at(T0 + 9 * MS);
	switch_to(1, thread(2), idle(), true, 0);
	at(T0 + 10 * MS);
	leave(f, SP(8000));
	at(T0 + 13 * MS);
	switch_to(0, thread(1), idle(), true, 0);
	assert_int_equal(slice(0)->cpu_ns, 13 * MS);
	assert_int_equal(slice(0)->voice_cpu_ns, 4 * MS);
	assert_int_equal(slice(1)->cpu_ns, 9 * MS);
	assert_int_equal(slice(1)->voice_cpu_ns, 3 * MS);
	assert_int_equal(slice(2)->cpu_ns, 1 * MS);
	assert_int_equal(slice(2)->voice_cpu_ns, 1 * MS);
	/* Wholly outside. */
	at(T0 + 14 * MS);
	switch_to(0, idle(), thread(1), false, 0);
	at(T0 + 15 * MS);
	switch_to(0, thread(1), idle(), true, 0);
	assert_int_equal(slice(0)->voice_cpu_ns, 4 * MS);
	assert_int_equal(running(WIRE_CLOCK_CPU), 0);
}

/* Interrupts took half of a slice: what is left is divided as the wall time is. */
static void test_stolen_time(void **state)
{
	(void)state;
	thread(1)->task.se.sum_exec_runtime = 77 * MS;
	switch_to(0, idle(), thread(1), false, 0);
	clock_step(WIRE_CLOCK_VOICE, 1, T0 + 6 * MS);
	thread(1)->task.se.sum_exec_runtime -= 5 * MS;
	at(T0 + 10 * MS);
	switch_to(0, thread(1), idle(), true, 0);
	assert_int_equal(slice(0)->cpu_ns, 5 * MS);
	assert_int_equal(slice(0)->voice_cpu_ns, 2 * MS);
}

/* A stage without the flag is background. */
static void test_background_stage(void **state)
{
	__u32 f;

	(void)state;
	stage(S, 0);
	f = function(S, WIRE_ROLE_FRAME, 0);
	switch_to(0, idle(), thread(1), false, 0);
	enter(f, SP(8000));
	at(T0 + 4 * MS);
	leave(f, SP(8000));
	switch_to(0, thread(1), idle(), true, 0);
	assert_int_equal(slice(0)->cpu_ns, 4 * MS);
	assert_int_equal(slice(0)->voice_cpu_ns, 0);
}

/* The sum passes 2^54 while things run: the count beside it is not touched. */
static void test_wrap(void **state)
{
	const __u64 before = TIME_MASK - 2 * MS;
	__u32 f = voice_call(S);

	(void)state;
	clocks[WIRE_CLOCK_VOICE][0] = before;
	clocks[WIRE_CLOCK_CPU][0] = before;
	switch_to(0, idle(), thread(1), false, 0);
	enter(f, SP(8000));
	assert_int_equal(running(WIRE_CLOCK_VOICE), 1);
	at(T0 + 10 * MS);
	leave(f, SP(8000));
	assert_int_equal(span(0)->process_cpu_ns, 10 * MS);
	switch_to(0, thread(1), idle(), true, 0);
	assert_int_equal(slice(0)->voice_cpu_ns, 10 * MS);
	assert_int_equal(running(WIRE_CLOCK_VOICE), 0);
	assert_int_equal(running(WIRE_CLOCK_CPU), 0);
	assert_int_equal(clocks[WIRE_CLOCK_VOICE][0], (before + 10 * MS) & TIME_MASK);
	assert_int_equal(clocks[WIRE_CLOCK_CPU][0], (before + 10 * MS) & TIME_MASK);
	expect_no_losses();
}

/* Times beyond 2^54 ns (208 days of uptime). */
static void test_long_uptime(void **state)
{
	const __u64 late = (3ULL << 54) - 4 * MS;
	__u32 f = voice_call(S);

	(void)state;
	at(late);
	switch_to(0, idle(), thread(1), false, 0);
	enter(f, SP(8000));
	at(late + 9 * MS);
	leave(f, SP(8000));
	switch_to(0, thread(1), idle(), true, 0);
	assert_int_equal(span(0)->process_cpu_ns, 9 * MS);
	assert_int_equal(slice(0)->voice_cpu_ns, 9 * MS);
	assert_int_equal(stats(S)->sum_ns, 9 * MS);
}

static void test_too_many_ends(void **state)
{
	(void)state;
	assert_int_equal(clock_step(WIRE_CLOCK_VOICE, 0, T0), -1);
	assert_int_equal(clocks[WIRE_CLOCK_VOICE][0], 0);
	expect_counter(WIRE_CTR_BUG, 1);
	assert_int_equal(clock_step(WIRE_CLOCKS, 1, T0), -1);
}

/* More than the ten bits can count: given up and counted, and undone by nobody. */
static void test_too_many_running(void **state)
{
	__u32 f = voice_call(S);
	__u64 word;

	(void)state;
	for (int i = 0; i < 1023; i++)
		assert_int_equal(clock_step(WIRE_CLOCK_VOICE, 1, T0), 0);
	word = clocks[WIRE_CLOCK_VOICE][0];
	enter(f, SP(8000));
	assert_int_equal(clocks[WIRE_CLOCK_VOICE][0], word);
	at(T0 + 1 * MS);
	leave(f, SP(8000));
	assert_int_equal(clocks[WIRE_CLOCK_VOICE][0], word);
	expect_counter(WIRE_CTR_CLOCK_RETRY, 1);
	assert_int_equal(stats(S)->spans, 1);
}

static int races_left;

/* Another CPU changes the word first: it starts something else at the same time. */
static void lose_race(enum shim_point point, void *word)
{
	if (point != SHIM_BEFORE_CAS || word != clocks[WIRE_CLOCK_VOICE] || !races_left)
		return;
	races_left--;
	clock_step(WIRE_CLOCK_VOICE, 1, shim.now_ns);
}

static void test_races_are_retried(void **state)
{
	__u32 f = voice_call(S);

	(void)state;
	shim.hook = lose_race;
	races_left = 15;
	enter(f, SP(8000));
	assert_int_equal(races_left, 0);
	assert_int_equal(running(WIRE_CLOCK_VOICE), 16);
	expect_no_losses();
	at(T0 + 2 * MS);
	leave(f, SP(8000));
	assert_int_equal(running(WIRE_CLOCK_VOICE), 15);
}

/* All tries lost: counted; the span is measured, and its end takes nothing from others. */
static void test_races_exhausted(void **state)
{
	__u32 f = voice_call(S);

	(void)state;
	shim.hook = lose_race;
	races_left = 1000;
	enter(f, SP(8000));
	assert_int_equal(running(WIRE_CLOCK_VOICE), 16);
	shim.hook = NULL;
	at(T0 + 2 * MS);
	leave(f, SP(8000));
	assert_int_equal(running(WIRE_CLOCK_VOICE), 16);
	expect_counter(WIRE_CTR_CLOCK_RETRY, 1);
	assert_int_equal(stats(S)->spans, 1);
	assert_int_equal(stats(S)->in_flight, 0);
}

/*
 * A stage ends at T0 + 2 ms, as its program says that read the clock then; the clock stops a bit
 * later.  A slice that began in between has seen the clock run on: it holds no voice time.
 */
static void test_end_counted_late(void **state)
{
	(void)state;
	clock_step(WIRE_CLOCK_VOICE, 1, T0);
	at(T0 + 2 * MS + 500);
	switch_to(0, idle(), thread(1), false, 0);
	clock_step(WIRE_CLOCK_VOICE, 0, T0 + 2 * MS);
	at(T0 + 3 * MS);
	switch_to(0, thread(1), idle(), true, 0);
	assert_int_equal(slice(0)->cpu_ns, 1 * MS - 500);
	assert_int_equal(slice(0)->voice_cpu_ns, 0);
}

/* A start that is counted late does not make more voice time than there was CPU time. */
static void test_start_counted_late(void **state)
{
	(void)state;
	at(T0 + 5 * MS);
	switch_to(0, idle(), thread(1), false, 0);
	clock_step(WIRE_CLOCK_VOICE, 1, T0);
	at(T0 + 6 * MS);
	switch_to(0, thread(1), idle(), true, 0);
	assert_int_equal(slice(0)->cpu_ns, 1 * MS);
	assert_int_equal(slice(0)->voice_cpu_ns, 1 * MS);
}

/* The process clock, read with a time from before a preemption, in which others stopped. */
static void test_process_clock_backwards(void **state)
{
	struct usage early = {}, late = {}, diff;

	(void)state;
	clock_step(WIRE_CLOCK_CPU, 1, T0);
	clock_step(WIRE_CLOCK_CPU, 1, T0);
	early.process_cpu_ns = clock_read(WIRE_CLOCK_CPU, T0 + 1 * MS);
	clock_step(WIRE_CLOCK_CPU, 1, T0 + 9 * MS);
	late.process_cpu_ns = clock_read(WIRE_CLOCK_CPU, T0 + 1 * MS + 100);
	usage_diff(&diff, &late, &early);
	assert_int_equal(diff.process_cpu_ns, 0);
}

static void *step_often(void *start_ns)
{
	__u64 t = *(const __u64 *)start_ns;

	for (int i = 0; i < 20000; i++, t += 10) {
		while (clock_step(WIRE_CLOCK_CPU, 1, t))
			;
		while (clock_step(WIRE_CLOCK_CPU, 0, t + 3))
			;
	}
	return NULL;
}

/* Two threads in earnest: no step is lost, whatever the order. */
static void test_parallel_steps(void **state)
{
	__u64 start_ns[2] = {T0, T0 + 7777};
	pthread_t other;

	(void)state;
	assert_non_null(shim_lookup_cpu(SHIM_MAP(&counters), &(__u32){WIRE_CTR_CLOCK_RETRY}, 0));
	assert_int_equal(pthread_create(&other, NULL, step_often, &start_ns[1]), 0);
	step_often(&start_ns[0]);
	assert_int_equal(pthread_join(other, NULL), 0);
	assert_int_equal(clocks[WIRE_CLOCK_CPU][0], 2 * 20000 * 3);
	assert_int_equal(counter(WIRE_CTR_BUG), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_overlap_counts_once),
		world_test(test_voice_cpu),
		world_test(test_stolen_time),
		world_test(test_background_stage),
		world_test(test_wrap),
		world_test(test_long_uptime),
		world_test(test_too_many_ends),
		world_test(test_too_many_running),
		world_test(test_races_are_retried),
		world_test(test_races_exhausted),
		world_test(test_end_counted_late),
		world_test(test_start_counted_late),
		world_test(test_process_clock_backwards),
		world_test(test_parallel_steps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
