/* SPDX-License-Identifier: GPL-2.0-only */
/* Which sleeping threads the iterator takes for waiting for a lock. */
#include "world.h"

#include <string.h>

#define FUTEX	      202
#define WAIT	      0
#define LOCK_PI	      6
#define WAIT_BITSET   9
#define LOCK_PI2      13
#define PRIVATE	      128
#define REALTIME      256
#define INTERRUPTIBLE 1
#define WORD	      0x7f0000001000ULL

int lock_waits(struct bpf_iter__task *ctx);

static struct shim_seq seq;
static struct pid number;

/* The thread sleeps in this call; the records that came of it. */
static __u32 records(struct shim_task *task, long call, __u64 op, __u64 value, __u64 timeout)
{
	struct bpf_iter_meta meta = {.seq = (struct seq_file *)&seq};
	struct bpf_iter__task ctx = {.meta = &meta, .task = &task->task};

	memset(&seq, 0, sizeof(seq));
	task->task.thread_pid = &number;
	task->user.orig_ax = (unsigned long)call;
	task->user.di = WORD;
	task->user.si = op;
	task->user.dx = value;
	task->user.r10 = timeout;
	assert_int_equal(lock_waits(&ctx), 0);
	return seq.bytes / sizeof(struct wire_lock_wait);
}

static struct shim_task *sleeper(void)
{
	struct shim_task *task = thread(1);

	task->task.__state = INTERRUPTIBLE;
	task->task.nvcsw = 7;
	task->task.nivcsw = 2;
	number.level = 0;
	number.numbers[0].nr = 33;
	return task;
}

static void test_a_mutex(void **state)
{
	struct shim_task *task = sleeper();
	const struct wire_lock_wait *wait = (const void *)seq.data;

	(void)state;
	assert_int_equal(records(task, FUTEX, WAIT | PRIVATE, 2, 0), 1);
	assert_int_equal(wait->address, WORD);
	assert_int_equal(wait->switches, 9);
	assert_int_equal(wait->tid, task->task.pid);
	assert_int_equal(wait->own_tid, 33);
	assert_int_equal(wait->value, 2);
	assert_int_equal(wait->flags, 0);
	assert_int_equal(records(task, FUTEX, WAIT, 2, 0), 1);
	assert_int_equal(wait->flags, WIRE_LOCK_SHARED);
}

static void test_words_that_name_the_owner(void **state)
{
	struct shim_task *task = sleeper();
	const struct wire_lock_wait *wait = (const void *)seq.data;

	(void)state;
	assert_int_equal(records(task, FUTEX, WAIT | PRIVATE, 0x80000000U | 44, 0), 1);
	assert_int_equal(records(task, FUTEX, LOCK_PI | PRIVATE, 0, 0), 1);
	assert_int_equal(wait->flags, WIRE_LOCK_PI);
	assert_int_equal(records(task, FUTEX, LOCK_PI2 | PRIVATE, 0, 0), 1);
}

static void test_everything_else(void **state)
{
	struct shim_task *task = sleeper();

	(void)state;
	/* Condition variables, semaphores, joins. */
	assert_int_equal(records(task, FUTEX, WAIT_BITSET | PRIVATE | REALTIME, 2, 0), 0);
	assert_int_equal(records(task, FUTEX, WAIT | PRIVATE, 0, 0), 0);
	assert_int_equal(records(task, FUTEX, WAIT | PRIVATE, 2, 0x7ffe0000), 0);
	assert_int_equal(records(task, FUTEX, LOCK_PI | PRIVATE, 0, 0x7ffe0000), 0);
	assert_int_equal(records(task, 230, WAIT | PRIVATE, 2, 0), 0);
	assert_int_equal(records(task, -1, WAIT | PRIVATE, 2, 0), 0);
	task->task.__state = 0;
	assert_int_equal(records(task, FUTEX, WAIT | PRIVATE, 2, 0), 0);
	task->task.__state = INTERRUPTIBLE;
	task->task.tgid++;
	assert_int_equal(records(task, FUTEX, WAIT | PRIVATE, 2, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_a_mutex),
		world_test(test_words_that_name_the_owner),
		world_test(test_everything_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
