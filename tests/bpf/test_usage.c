/* SPDX-License-Identifier: GPL-2.0-only */
/* Where wall time goes: scripted schedules, in which CPU time and waits are known exactly. */
#include "world.h"

#include <string.h>

#define S  3
#define T0 (5ULL << 30)
#define MS 1000000ULL

#define SLEEPING	1   /* TASK_INTERRUPTIBLE */
#define IRRELEVANT_CALL 186 /* gettid: no class of its own */

static __u32 one_call(__u32 flags)
{
	stage(S, flags);
	return function(S, WIRE_ROLE_CALL, 0);
}

/* The thread leaves its CPU in a system call (-1: none) at `out_ns`, and is back at `in_ns`. */
static void blocked(struct shim_task *t, long call, __u64 out_ns, __u64 in_ns, __u64 delay_ns)
{
	t->task.__state = SLEEPING;
	t->user.orig_ax = call;
	at(out_ns);
	switch_to(0, t, idle(), false, 0);
	at(in_ns);
	switch_to(0, idle(), t, false, delay_ns);
	t->task.__state = 0;
}

/* [T0, T0 + 30 ms]: preempted for 3, a lock for 10 of which 4 for a CPU, then on another CPU. */
static void test_cpu_and_waits_are_wall(void **state)
{
	struct shim_task *t = thread(1);
	__u32 f = one_call(0);

	(void)state;
	at(T0 - 10 * MS);
	switch_to(0, idle(), t, false, 0);
	at(T0);
	enter(f, SP(8000));
	at(T0 + 2 * MS);
	switch_to(0, t, idle(), true, 0);
	at(T0 + 5 * MS);
	switch_to(0, idle(), t, false, 3 * MS);
	blocked(t, 202, T0 + 7 * MS, T0 + 17 * MS, 4 * MS);
	at(T0 + 20 * MS);
	switch_to(0, t, idle(), true, 0);
	at(T0 + 28 * MS);
	run_as(t, 2);
	switch_to(2, idle(), t, false, 8 * MS);
	at(T0 + 30 * MS);
	leave(f, SP(8000));
	expect_stats(S, .entry_hits = 1, .exit_hits = 1, .spans = 1, .sum_ns = 30 * MS,
		     .max_ns = 30 * MS, .cpu_ns = 9 * MS, .process_cpu_ns = 9 * MS,
		     .wait_ns[WIRE_WAIT_RUNQUEUE] = 15 * MS, .wait_ns[WIRE_WAIT_LOCK] = 6 * MS,
		     .records = 1);
	assert_int_equal(span(0)->cpu_ns, 9 * MS);
	assert_int_equal(span(0)->process_cpu_ns, 9 * MS);
	assert_int_equal(span(0)->wait_ns[WIRE_WAIT_RUNQUEUE], 15 * MS);
	assert_int_equal(span(0)->wait_ns[WIRE_WAIT_LOCK], 6 * MS);
	expect_no_losses();
	/* The slices: 10 + 2 before the first switch, 2 and 3 more; the last one is open. */
	assert_int_equal(slice(0)->cpu_ns, 17 * MS);
	assert_int_equal(slice(0)->start_ns, 0);
	assert_int_equal(slice(2)->start_ns, T0 + 28 * MS);
	assert_int_equal(slice(2)->tid, TARGET + 1);
	assert_int_equal(slice(0)->tp_hits, 6);
}

/*
 * 2 of the 5 ms before it sleeps were stolen, and the thread's account at its entry is 1 ms old: 1
 * is seen.  1 of the 4 after it is seen as it is; of the last slice nobody knows yet.
 */
static void test_stolen_time_is_no_cpu_time(void **state)
{
	struct shim_task *t = thread(1);
	__u32 f = one_call(0);

	(void)state;
	at(T0 - 1 * MS);
	switch_to(0, idle(), t, false, 0);
	at(T0);
	enter(f, SP(8000));
	stolen(t, 2 * MS);
	blocked(t, 35, T0 + 5 * MS, T0 + 7 * MS, 0);
	stolen(t, 1 * MS);
	blocked(t, 35, T0 + 11 * MS, T0 + 12 * MS, 0);
	stolen(t, 1 * MS);
	at(T0 + 14 * MS);
	leave(f, SP(8000));
	assert_int_equal(span(0)->cpu_ns, (4 + 3 + 2) * MS);
	assert_int_equal(span(0)->wait_ns[WIRE_WAIT_RUNQUEUE], (1 + 1) * MS);
	assert_int_equal(span(0)->wait_ns[WIRE_WAIT_SLEEP], 3 * MS);
	expect_no_losses();
}

struct reason {
	long call;
	unsigned short mode; /* of the file behind descriptor 3 */
	int iowait;
	enum wire_wait wait;
};

static const struct reason reasons[] = {
	{-1, 0, 0, WIRE_WAIT_PAGE_FAULT},
	{202, 0, 0, WIRE_WAIT_LOCK},
	{449, 0, 0, WIRE_WAIT_LOCK},
	{45, 0, 0, WIRE_WAIT_NETWORK},
	{42, 0, 0, WIRE_WAIT_NETWORK},
	{288, 0, 0, WIRE_WAIT_NETWORK},
	{0, 0140644, 0, WIRE_WAIT_NETWORK},
	{1, 0010600, 0, WIRE_WAIT_PIPE},
	{0, 0020620, 0, WIRE_WAIT_PIPE},
	{17, 0100644, 0, WIRE_WAIT_DISK},
	{74, 0100644, 0, WIRE_WAIT_DISK},
	{0, 0060660, 0, WIRE_WAIT_DISK},
	{0, 0040755, 0, WIRE_WAIT_OTHER},
	{7, 0, 0, WIRE_WAIT_POLL},
	{281, 0, 0, WIRE_WAIT_POLL},
	{35, 0, 0, WIRE_WAIT_SLEEP},
	{230, 0, 0, WIRE_WAIT_SLEEP},
	{IRRELEVANT_CALL, 0, 0, WIRE_WAIT_OTHER},
	{IRRELEVANT_CALL, 0, 1, WIRE_WAIT_DISK},
};

static void test_reasons(void **state)
{
	struct shim_task *t = thread(1);
	__u32 f = one_call(0);

	(void)state;
	t->fds[3] = &t->file[3];
	t->user.di = 3;
	for (unsigned i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		const struct reason *r = &reasons[i];
		__u64 start = T0 + i * 100 * MS;
		const struct wire_span *s;

		t->inode[3].i_mode = r->mode;
		t->task.in_iowait = r->iowait;
		at(start);
		enter(f, SP(8000));
		blocked(t, r->call, start + 1 * MS, start + 8 * MS, 2 * MS);
		at(start + 9 * MS);
		leave(f, SP(8000));
		s = span(i);
		assert_int_equal(s->cpu_ns, 2 * MS);
		for (int w = 0; w < WIRE_WAITS; w++) {
			if (w == (int)r->wait)
				assert_int_equal(s->wait_ns[w], 5 * MS);
			else if (w == WIRE_WAIT_RUNQUEUE)
				assert_int_equal(s->wait_ns[w], 2 * MS);
			else
				assert_int_equal(s->wait_ns[w], 0);
		}
	}
	expect_no_losses();
}

/* Runnable all the time: preempted on the way into a sleep, and sched_yield. */
static void test_runnable(void **state)
{
	struct shim_task *t = thread(1);
	__u32 f = one_call(0);

	(void)state;
	enter(f, SP(8000));
	t->user.orig_ax = 202;
	t->task.__state = SLEEPING;
	at(T0 + 1 * MS);
	switch_to(0, t, idle(), true, 0);
	at(T0 + 3 * MS);
	switch_to(0, idle(), t, false, 1 * MS);
	t->task.__state = 0;
	t->user.orig_ax = 24;
	at(T0 + 4 * MS);
	switch_to(0, t, idle(), false, 0);
	at(T0 + 9 * MS);
	switch_to(0, idle(), t, false, 4 * MS);
	at(T0 + 10 * MS);
	leave(f, SP(8000));
	assert_int_equal(span(0)->cpu_ns, 3 * MS);
	for (int w = 0; w < WIRE_WAITS; w++)
		assert_int_equal(span(0)->wait_ns[w], w == WIRE_WAIT_RUNQUEUE ? 7 * MS : 0);
}

/* Descriptors that are not there, or not open any more. */
static void test_unknown_descriptor(void **state)
{
	struct shim_task *t = thread(1);
	__u32 f = one_call(0);

	(void)state;
	enter(f, SP(8000));
	t->fdt.max_fds = 6;
	t->fds[6] = &t->file[6];
	t->inode[6].i_mode = 0010600;
	t->user.di = 6; /* beyond the table */
	blocked(t, 0, T0 + 1 * MS, T0 + 2 * MS, 0);
	expect_no_losses();
	t->user.di = 5; /* closed */
	blocked(t, 0, T0 + 3 * MS, T0 + 4 * MS, 0);
	expect_counter(WIRE_CTR_READ_FAILED, 1);
	t->task.files = NULL; /* exiting */
	blocked(t, 0, T0 + 5 * MS, T0 + 6 * MS, 0);
	expect_counter(WIRE_CTR_READ_FAILED, 1);
	at(T0 + 10 * MS);
	leave(f, SP(8000));
	expect_stats(S, .entry_hits = 1, .exit_hits = 1, .spans = 1, .sum_ns = 10 * MS,
		     .max_ns = 10 * MS, .cpu_ns = 7 * MS,
		     /* the slice under way when all began was not seen */
		     .process_cpu_ns = 6 * MS, .wait_ns[WIRE_WAIT_OTHER] = 3 * MS, .records = 1);
}

/* More run delay than time away (the thread was not followed when it was counted): never below 0.
 */
static void test_delay_is_bounded(void **state)
{
	struct shim_task *t = thread(1);
	__u32 f = one_call(0);

	(void)state;
	enter(f, SP(8000));
	blocked(t, 202, T0 + 1 * MS, T0 + 5 * MS, 50 * MS);
	at(T0 + 6 * MS);
	leave(f, SP(8000));
	assert_int_equal(span(0)->cpu_ns, 2 * MS);
	assert_int_equal(span(0)->wait_ns[WIRE_WAIT_RUNQUEUE], 4 * MS);
	assert_int_equal(span(0)->wait_ns[WIRE_WAIT_LOCK], 0);
}

/* Waits before the stage and between two calls belong to nobody. */
static void test_only_while_open(void **state)
{
	struct shim_task *t = thread(1);
	__u32 f = one_call(0);

	(void)state;
	blocked(t, 35, T0, T0 + 20 * MS, 0);
	at(T0 + 30 * MS);
	enter(f, SP(8000));
	at(T0 + 31 * MS);
	leave(f, SP(8000));
	blocked(t, 35, T0 + 40 * MS, T0 + 60 * MS, 0);
	at(T0 + 70 * MS);
	enter(f, SP(8000));
	at(T0 + 72 * MS);
	leave(f, SP(8000));
	assert_int_equal(stats(S)->cpu_ns, 3 * MS);
	assert_int_equal(stats(S)->sum_ns, 3 * MS);
	for (int w = 0; w < WIRE_WAITS; w++)
		assert_int_equal(stats(S)->wait_ns[w], 0);
}

/* An inner stage sees its own part of the waits of the outer. */
static void test_nested_stages_share(void **state)
{
	struct shim_task *t = thread(1);
	__u32 f = one_call(0), g;

	(void)state;
	stage(S + 1, 0);
	g = function(S + 1, WIRE_ROLE_CALL, 0);
	enter(f, SP(8000));
	blocked(t, 45, T0 + 1 * MS, T0 + 3 * MS, 0);
	at(T0 + 4 * MS);
	enter(g, SP(7000));
	blocked(t, 45, T0 + 5 * MS, T0 + 10 * MS, 1 * MS);
	at(T0 + 11 * MS);
	leave(g, SP(7000));
	at(T0 + 12 * MS);
	leave(f, SP(8000));
	assert_int_equal(span(0)->stage, S + 1);
	assert_int_equal(span(0)->cpu_ns, 2 * MS);
	assert_int_equal(span(0)->wait_ns[WIRE_WAIT_NETWORK], 4 * MS);
	assert_int_equal(span(0)->wait_ns[WIRE_WAIT_RUNQUEUE], 1 * MS);
	assert_int_equal(span(1)->cpu_ns, 5 * MS);
	assert_int_equal(span(1)->wait_ns[WIRE_WAIT_NETWORK], 6 * MS);
	assert_int_equal(span(1)->wait_ns[WIRE_WAIT_RUNQUEUE], 1 * MS);
}

static void (*once)(void);

static void at_clock_reading(enum shim_point point, void *word)
{
	(void)word;
	if (point != SHIM_AFTER_KTIME || !once)
		return;
	once();
	once = NULL;
}

static void preempted_for_10ms(void)
{
	struct shim_task *t = thread(1);
	__u64 now = shim.now_ns;

	at(now + 1000);
	switch_to(0, t, idle(), true, 0);
	at(now + 10 * MS);
	switch_to(0, idle(), t, false, 10 * MS - 1000);
}

/* The program at the return is preempted after it has read the clock: nothing is negative. */
static void test_preempted_at_return(void **state)
{
	__u32 f = one_call(0);

	(void)state;
	enter(f, SP(8000));
	at(T0 + 5000);
	shim.hook = at_clock_reading;
	once = preempted_for_10ms;
	leave(f, SP(8000));
	assert_int_equal(span(0)->end_ns, T0 + 5000);
	assert_int_equal(span(0)->cpu_ns, 6000); /* with what the program itself took */
	for (int w = 0; w < WIRE_WAITS; w++)
		assert_int_equal(span(0)->wait_ns[w], 0);
	assert_true(span(0)->process_cpu_ns < MS);
}

/* At the entry: the wait belongs to the span, which has begun. */
static void test_preempted_at_entry(void **state)
{
	__u32 f = one_call(0);

	(void)state;
	at(T0);
	enter(f, SP(8000));
	leave(f, SP(8000)); /* so that the thread is known */
	stage(S + 1, 0);
	enter(function(S + 1, WIRE_ROLE_CALL, 0), SP(9000)); /* and followed */
	shim.hook = at_clock_reading;
	once = preempted_for_10ms;
	enter(f, SP(8000));
	at(T0 + 15 * MS);
	leave(f, SP(8000));
	assert_int_equal(span(1)->start_ns, T0);
	assert_int_equal(span(1)->cpu_ns, 5 * MS);
	assert_int_equal(span(1)->wait_ns[WIRE_WAIT_RUNQUEUE], 10 * MS - 1000);
}

/* Two worker threads of the engine: their CPU time is the process's, not the thread's. */
static void test_process_cpu(void **state)
{
	__u32 f = one_call(0);

	(void)state;
	at(T0 - 5 * MS);
	switch_to(0, idle(), thread(1), false, 0);
	switch_to(1, idle(), thread(2), false, 0);
	at(T0);
	enter(f, SP(8000));
	at(T0 + 4 * MS);
	switch_to(2, idle(), thread(3), false, 0);
	at(T0 + 6 * MS);
	switch_to(1, thread(2), idle(), true, 0);
	at(T0 + 10 * MS);
	leave(f, SP(8000));
	assert_int_equal(span(0)->cpu_ns, 10 * MS);
	assert_int_equal(span(0)->process_cpu_ns, 22 * MS);
	assert_int_equal(slice(1)->cpu_ns, 11 * MS);
	/* From one thread of the target right to another. */
	switch_to(2, thread(3), thread(2), true, 0);
	assert_int_equal(slice(2)->cpu_ns, 6 * MS);
	assert_int_equal(slice(2)->tid, TARGET + 2);
	assert_int_equal(clocks[WIRE_CLOCK_CPU][0] >> WIRE_CLOCK_BITS, 2);
}

static void test_other_processes(void **state)
{
	struct shim_task *a = shim_task_new(OTHER_TGID, 1), *b = shim_task_new(OTHER_TGID, 2);
	__u32 f = one_call(0);

	(void)state;
	switch_to(0, a, b, true, 0);
	switch_to(0, b, idle(), true, 0);
	assert_int_equal(slice(0)->tp_hits, 0);
	run_as(a, 0);
	enter(f, SP(8000));
	catch (SP(8000));
	leave(f, SP(8000));
	a->signal.live.counter = 0;
	sched_process_exit(&a->task);
	sched_process_exec(&a->task, 1);
	expect_stats(S, .entry_hits = 0);
	assert_null(state_of(a));
	assert_int_equal(shim_records(), 0);
	assert_int_equal(slice(0)->probe_runs, 0);
	assert_int_equal(clocks[WIRE_CLOCK_CPU][0], 0);
	expect_no_losses();
}

static void each_reading_takes_1us(enum shim_point point, void *word)
{
	(void)word;
	if (point == SHIM_AFTER_KTIME)
		shim.now_ns += 1000;
}

/* One run in 64 is timed; what took far too long was interrupted, and is not counted. */
static void test_run_time_is_sampled(void **state)
{
	__u32 f = one_call(0);

	(void)state;
	shim.hook = each_reading_takes_1us;
	for (int i = 0; i < 65; i++) {
		enter(f, SP(8000));
		leave(f, SP(8000));
		switch_to(0, thread(1), idle(), true, 0);
	}
	assert_int_equal(slice(0)->probe_runs, 130);
	assert_int_equal(slice(0)->probe_sampled, 3);
	assert_int_equal(slice(0)->probe_sampled_ns, 3000);
	assert_int_equal(slice(0)->tp_hits, 65);
	assert_int_equal(slice(0)->tp_sampled, 2);
	assert_int_equal(slice(0)->tp_sampled_ns, 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_cpu_and_waits_are_wall),
		world_test(test_stolen_time_is_no_cpu_time),
		world_test(test_reasons),
		world_test(test_runnable),
		world_test(test_unknown_descriptor),
		world_test(test_delay_is_bounded),
		world_test(test_only_while_open),
		world_test(test_nested_stages_share),
		world_test(test_preempted_at_return),
		world_test(test_preempted_at_entry),
		world_test(test_process_cpu),
		world_test(test_other_processes),
		world_test(test_run_time_is_sampled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
