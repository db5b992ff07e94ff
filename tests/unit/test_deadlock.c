/* SPDX-License-Identifier: GPL-2.0-only */
/* Waits for locks, second by second: which of them are for ever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "metrics/deadlock.h"

#define MS 1000000ULL
#define S  1000000000ULL
#define T0 (100 * S)

static struct deadlock *d;
static struct lock_wait waits[DEADLOCK_WAITS_MAX + 1];
static size_t waits_n;
/* Who holds the lock at this address; further ones belong to nobody. */
static struct lock_owner owners[2 * DEADLOCK_WAITS_MAX];
static int asked;

static int setup(void **state)
{
	(void)state;
	memset(waits, 0, sizeof(waits));
	memset(owners, 0, sizeof(owners));
	waits_n = 0;
	asked = 0;
	d = deadlock__new();
	return d ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	deadlock__free(d);
	return 0;
}

static void owner(void *ctx, const struct lock_wait *wait, struct lock_owner *out)
{
	(void)ctx;
	asked++;
	*out = owners[wait->address];
}

static void name(void *ctx, uint32_t tid, char *out, size_t size)
{
	(void)ctx;
	snprintf(out, size, "t%u", tid);
}

static void add_wait(uint32_t tid, uint64_t address, uint64_t switches)
{
	waits[waits_n++] = (struct lock_wait){
		.tid = tid, .address = address, .switches = switches, .value = 2};
}

static void holds(uint64_t address, uint32_t tid, enum lock_owner_state state)
{
	owners[address] = (struct lock_owner){state, tid};
}

static const char *feed(uint64_t at_ms)
{
	static const struct deadlock_ops ops = {owner, name};
	struct lock_wait copy[DEADLOCK_WAITS_MAX + 1];

	memcpy(copy, waits, sizeof(copy));
	deadlock__feed(d, copy, waits_n, &ops, NULL, T0 + at_ms * MS);
	return deadlock__why(d);
}

/* The first of the seconds from 0 on at which somebody is stuck; -1: none of ten. */
static int stuck_after_s(void)
{
	for (int i = 0; i <= 10; i++)
		if (feed((uint64_t)i * 1000))
			return i;
	return -1;
}

static void assert_says(const char *text)
{
	const char *why = deadlock__why(d);

	assert_non_null(why);
	if (!strstr(why, text))
		fail_msg("'%s' is not in '%s'", text, why);
}

static void test_two_threads_and_two_locks(void **state)
{
	(void)state;
	add_wait(8, 1, 70);
	add_wait(7, 2, 30);
	holds(1, 7, LOCK_OWNER_SLEEPS);
	holds(2, 8, LOCK_OWNER_SLEEPS);
	assert_int_equal(stuck_after_s(), 2);
	assert_says("deadlock: thread 't7' (7) waits for a lock held by thread 't8' (8), which "
		    "waits for a lock held by thread 't7' (7)");
	waits_n = 0;
	assert_null(feed(3000));
}

static void test_a_long_ring_is_cut(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 9; i++) {
		add_wait(10 + i, i, 1);
		holds(i, 10 + (i + 1) % 9, LOCK_OWNER_SLEEPS);
	}
	assert_int_equal(stuck_after_s(), 2);
	assert_says("and so on through 9 threads");
}

static void test_a_lock_that_the_thread_holds_itself(void **state)
{
	(void)state;
	add_wait(7, 1, 1);
	holds(1, 7, LOCK_OWNER_SLEEPS);
	assert_int_equal(stuck_after_s(), 2);
	assert_says("thread 't7' (7) waits for a lock that it holds itself");
}

static void test_an_owner_that_has_ended(void **state)
{
	(void)state;
	add_wait(7, 1, 1);
	holds(1, 99, LOCK_OWNER_ENDED);
	assert_int_equal(stuck_after_s(), 2);
	assert_says("whose owner (thread 99) has ended");
}

static void test_held_for_long(void **state)
{
	(void)state;
	add_wait(7, 1, 1);
	add_wait(6, 1, 1);
	holds(1, 99, LOCK_OWNER_SLEEPS);
	for (int i = 0; i < 4; i++)
		assert_null(feed((uint64_t)i * 1000));
	assert_true(deadlock__due_ns(d) == T0 + DEADLOCK_HELD_NS);
	assert_non_null(feed(3501));
	assert_says("has waited 3 s and more for a lock held by thread 't99' (99), which sleeps");
	assert_says("2 threads wait so in all");
	holds(1, 99, LOCK_OWNER_RUNS);
	feed(4000);
	assert_says("which runs");
}

/* Neither the waits nor the owners stay: it goes on. */
static void test_moving(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++) {
		waits_n = 0;
		add_wait(7, 1, (uint64_t)i);
		add_wait(8, 2, 5);
		holds(1, 8, LOCK_OWNER_SLEEPS);
		holds(2, i & 1 ? 7 : 9, LOCK_OWNER_RUNS);
		assert_null(feed((uint64_t)i * 1000));
	}
	assert_true(asked < 20);
}

static void test_no_known_owner_or_an_idle_one(void **state)
{
	(void)state;
	add_wait(7, 1, 1);
	add_wait(8, 2, 1);
	add_wait(9, 3, 1);
	holds(2, 99, LOCK_OWNER_IDLE);
	/* Through a follower that holds a lock of its own. */
	holds(3, 8, LOCK_OWNER_SLEEPS);
	assert_int_equal(stuck_after_s(), -1);
	assert_true(deadlock__due_ns(d) == UINT64_MAX);
}

/* A cycle that this thread only waits on: the cycle is told. */
static void test_behind_a_cycle(void **state)
{
	(void)state;
	add_wait(3, 1, 1);
	add_wait(7, 2, 1);
	add_wait(8, 1, 1);
	holds(1, 7, LOCK_OWNER_SLEEPS);
	holds(2, 8, LOCK_OWNER_SLEEPS);
	assert_int_equal(stuck_after_s(), 2);
	assert_says("deadlock: thread 't7'");
}

static void test_more_than_are_looked_at(void **state)
{
	(void)state;
	for (uint32_t i = 0; i <= DEADLOCK_WAITS_MAX; i++) {
		add_wait(10 + i, i, 1);
		holds(i, 11 + i, LOCK_OWNER_SLEEPS);
	}
	assert_int_equal(stuck_after_s(), 4);
	assert_says("threads wait so in all");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(test_two_threads_and_two_locks),
		T(test_a_long_ring_is_cut),
		T(test_a_lock_that_the_thread_holds_itself),
		T(test_an_owner_that_has_ended),
		T(test_held_for_long),
		T(test_moving),
		T(test_no_known_owner_or_an_idle_one),
		T(test_behind_a_cycle),
		T(test_more_than_are_looked_at),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
