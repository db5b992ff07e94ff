/* SPDX-License-Identifier: GPL-2.0-only */
/* Threads whose coming to a CPU was not told: scripted schedules, in which CPU time is known. */
#include "world.h"

#define S  3
#define T0 (5ULL << 30)
#define MS 1000000ULL

#define SLEEPING  1 /* TASK_INTERRUPTIBLE */
#define NANOSLEEP 35
#define PRIO_FIFO 50

static __u32 one_call(void)
{
	stage(S, 0);
	return function(S, WIRE_ROLE_CALL, 0);
}

static void seen(__u32 cpu, struct shim_task *t, __u64 from_ns, __u64 to_ns)
{
	at(from_ns);
	switch_to(cpu, idle(), t, false, 0);
	at(to_ns);
	switch_to(cpu, t, idle(), false, 0);
}

/* Switches are seen since T0 - 100 ms; each CPU had a slice by which its clocks are known. */
static void watched_for_long(void)
{
	sched_since_ns = T0 - 100 * MS;
	for (__u32 cpu = 0; cpu < 2; cpu++)
		seen(cpu, thread(3), T0 - 90 * MS, T0 - 89 * MS);
}

static void sleeps(struct shim_task *t, __u64 out_ns)
{
	t->task.__state = SLEEPING;
	t->user.orig_ax = NANOSLEEP;
	at(out_ns);
	switch_to(0, t, idle(), false, 0);
	t->task.__state = 0;
}

/* 2 ms on the CPU, 5 asleep, 3 for a CPU, 4 on it: the program at the return finds out. */
static void test_found_by_its_own_probe(void **state)
{
	struct shim_task *t = thread(1);
	__u32 f = one_call();

	(void)state;
	watched_for_long();
	at(T0);
	switch_to(0, idle(), t, false, 0);
	enter(f, SP(8000));
	sleeps(t, T0 + 2 * MS);
	at(T0 + 10 * MS);
	switch_unseen(0, idle(), t, 3 * MS);
	at(T0 + 14 * MS);
	leave(f, SP(8000));
	assert_int_equal(span(0)->cpu_ns, 6 * MS);
	assert_int_equal(span(0)->wait_ns[WIRE_WAIT_SLEEP], 5 * MS);
	assert_int_equal(span(0)->wait_ns[WIRE_WAIT_RUNQUEUE], 3 * MS);
	expect_no_losses();
	/* The clock is right again as soon as the thread leaves. */
	at(T0 + 15 * MS);
	switch_to(0, t, idle(), true, 0);
	assert_int_equal(slice(0)->cpu_ns, (1 + 2 + 5) * MS);
	assert_int_equal(slice(0)->unseen, 1);
	assert_int_equal(clocks[WIRE_CLOCK_CPU][0], (1 + 1 + 2 + 5) * MS);
}

/* The switch away finds out, where the thread meets no probe meanwhile; 1 ms was stolen. */
static void test_found_as_it_leaves(void **state)
{
	struct shim_task *t = thread(1);
	__u32 f = one_call();

	(void)state;
	watched_for_long();
	at(T0);
	switch_to(0, idle(), t, false, 0);
	enter(f, SP(8000));
	at(T0 + 2 * MS);
	switch_to(0, t, idle(), true, 0);
	at(T0 + 5 * MS);
	switch_unseen(0, idle(), t, 3 * MS);
	stolen(t, 1 * MS);
	at(T0 + 9 * MS);
	switch_to(0, t, idle(), true, 0);
	at(T0 + 12 * MS);
	switch_to(0, idle(), t, false, 3 * MS);
	at(T0 + 14 * MS);
	leave(f, SP(8000));
	assert_int_equal(span(0)->cpu_ns, (2 + 3 + 2) * MS);
	assert_int_equal(span(0)->wait_ns[WIRE_WAIT_RUNQUEUE], (3 + 1 + 3) * MS);
	assert_int_equal(span(0)->process_cpu_ns, (2 + 4 + 2) * MS);
	assert_int_equal(slice(0)->cpu_ns, (1 + 2 + 3) * MS);
	assert_int_equal(slice(0)->start_ns, T0 + 12 * MS);
	assert_int_equal(clocks[WIRE_CLOCK_CPU][0] >> WIRE_CLOCK_BITS, 1);
	expect_no_losses();
}

/* A worker of the engine runs on, unseen, while a stage begins and ends: nothing twice. */
static void test_of_another_thread(void **state)
{
	__u32 f = one_call();

	(void)state;
	watched_for_long();
	/* Once it was found out that this happens, it is looked for. */
	at(T0 - 20 * MS);
	switch_unseen(1, idle(), thread(2), 0);
	at(T0 - 15 * MS);
	switch_to(1, thread(2), idle(), true, 0);
	at(T0 - 10 * MS);
	switch_unseen(1, idle(), thread(2), 0);
	switch_to(0, idle(), thread(1), false, 0);
	at(T0);
	enter(f, SP(8000));
	at(T0 + 10 * MS);
	leave(f, SP(8000));
	assert_int_equal(span(0)->process_cpu_ns, 20 * MS);
	at(T0 + 11 * MS);
	enter(f, SP(8000));
	at(T0 + 15 * MS);
	switch_to(1, thread(2), idle(), true, 0);
	at(T0 + 20 * MS);
	leave(f, SP(8000));
	assert_int_equal(span(1)->process_cpu_ns, (9 + 4) * MS);
	assert_int_equal(slice(1)->cpu_ns, (1 + 5 + 25) * MS);
	assert_int_equal(slice(1)->unseen, 2);
	expect_no_losses();
}

/* A thread that is being switched to is in the clock a moment later. */
static void test_not_before_it_is_told(void **state)
{
	struct shim_task *t = thread(2);

	(void)state;
	watched_for_long();
	t->task.sched_info.last_arrival = T0 - 10 * MS - slice(1)->arrival_gap_ns;
	t->task.sched_info.last_queued = 1;
	shim.rq[1].curr = &t->task;
	assert_int_equal(clock_missing(T0), 0);
	t->task.sched_info.last_queued = 0;
	assert_int_equal(clock_missing(T0), 10 * MS);
	slice(1)->start_ns = T0 - MS;
	assert_int_equal(clock_missing(T0), 0);
}

/* What ran before switches were looked at counts since then, and is nothing to look for. */
static void test_running_at_the_attach(void **state)
{
	struct shim_task *t = thread(1);
	__u32 f = one_call();

	(void)state;
	at(T0 - 50 * MS);
	switch_unseen(0, idle(), t, 0);
	sched_since_ns = T0;
	at(T0 + 1 * MS);
	enter(f, SP(8000));
	at(T0 + 6 * MS);
	switch_to(0, t, idle(), true, 0);
	assert_int_equal(slice(0)->cpu_ns, 6 * MS);
	assert_int_equal(slice(0)->unseen, 0);
	assert_int_equal(sched_missed, 0);
	assert_int_equal(clocks[WIRE_CLOCK_CPU][0], 6 * MS);
}

/* Not before it: what the programs do until the attach is over is as if nothing were known. */
static void test_nothing_before_the_attach(void **state)
{
	(void)state;
	at(T0 - 50 * MS);
	switch_unseen(0, idle(), thread(1), 0);
	at(T0);
	switch_to(0, thread(1), idle(), true, 0);
	assert_int_equal(slice(0)->cpu_ns, 0);
	assert_int_equal(clocks[WIRE_CLOCK_CPU][0], 0);
}

/* Where the clocks are not known yet, by what the fair class notes; a real-time thread is lost. */
static void test_before_clocks_are_known(void **state)
{
	struct shim_task *t = thread(1), *fifo = thread(2);

	(void)state;
	fifo->task.prio = PRIO_FIFO;
	sched_since_ns = T0 - 100 * MS;
	at(T0);
	switch_unseen(0, idle(), t, 0);
	switch_unseen(1, idle(), fifo, 0);
	at(T0 + 8 * MS);
	switch_to(0, t, idle(), true, 0);
	switch_to(1, fifo, idle(), true, 0);
	assert_int_equal(slice(0)->cpu_ns, 8 * MS);
	assert_int_equal(slice(1)->cpu_ns, 0);
}

/* Preempted on its way to sleep: the scheduler does not note when it comes back from that. */
static void test_stale_note(void **state)
{
	struct shim_task *t = thread(1);
	__u64 gap_ns;

	(void)state;
	watched_for_long();
	gap_ns = slice(0)->arrival_gap_ns;
	at(T0);
	switch_to(0, idle(), t, false, 0);
	t->task.sched_info.last_arrival -= 40 * MS;
	at(T0 + 1 * MS);
	switch_to(0, t, idle(), false, 0);
	assert_int_equal(slice(0)->arrival_gap_ns, gap_ns);
	/* Nor is such a note older than what ended here before. */
	at(T0 + 5 * MS);
	switch_unseen(0, idle(), t, 0);
	t->task.sched_info.last_arrival -= 40 * MS;
	at(T0 + 6 * MS);
	switch_to(0, t, idle(), false, 0);
	assert_in_range(slice(0)->cpu_ns, (1 + 1 + 1) * MS, (1 + 1 + 5) * MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_found_by_its_own_probe),
		world_test(test_found_as_it_leaves),
		world_test(test_of_another_thread),
		world_test(test_not_before_it_is_told),
		world_test(test_running_at_the_attach),
		world_test(test_nothing_before_the_attach),
		world_test(test_before_clocks_are_known),
		world_test(test_stale_note),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
