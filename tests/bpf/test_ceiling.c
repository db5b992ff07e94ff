/* SPDX-License-Identifier: GPL-2.0-only */
/* Stages that are taken off and come back, and functions on trial in a stage that counts. */
#include "world.h"

#define S  3
#define T0 (5ULL << 30)
#define MS 1000000ULL

static __u32 one_call(void)
{
	stage(S, WIRE_STAGE_VOICE);
	return function(S, WIRE_ROLE_CALL, 0);
}

static void back_at(__u64 now_ns)
{
	stage(S, WIRE_STAGE_VOICE)->frames_since_ns = now_ns;
}

/* The call's end was not seen; the next one at the same stack pointer is its own span. */
static void test_old_frame_at_the_same_place(void **state)
{
	__u32 f = one_call();

	(void)state;
	enter(f, SP(8000));
	back_at(T0 + 50 * MS);
	at(T0 + 60 * MS);
	enter(f, SP(8000));
	at(T0 + 61 * MS);
	leave(f, SP(8000));
	assert_int_equal(stats(S)->spans, 1);
	assert_int_equal(stats(S)->sum_ns, MS);
	assert_int_equal(stats(S)->abnormal_unwound, 0);
	expect_idle(thread(1), S);
}

/* A call from further down the stack is no inner one of a call that ended unseen. */
static void test_old_frame_further_up(void **state)
{
	__u32 f = one_call();

	(void)state;
	enter(f, SP(8000));
	back_at(T0 + 50 * MS);
	at(T0 + 60 * MS);
	enter(f, SP(4000));
	at(T0 + 62 * MS);
	leave(f, SP(4000));
	assert_int_equal(stats(S)->spans, 1);
	assert_int_equal(stats(S)->nested, 0);
	assert_int_equal(stats(S)->sum_ns, 2 * MS);
	expect_idle(thread(1), S);
}

/* The return of a call that was under way all the time: how long it took would be right by chance
   only, for another may have been there in between. */
static void test_old_frame_returns(void **state)
{
	__u32 f = one_call();

	(void)state;
	enter(f, SP(8000));
	back_at(T0 + 50 * MS);
	at(T0 + 60 * MS);
	leave(f, SP(8000));
	assert_int_equal(stats(S)->spans, 0);
	assert_int_equal(stats(S)->abnormal_unwound, 0);
	expect_idle(thread(1), S);
}

/* While a stage is taken off calls that are open end, new ones are not seen, nothing is unmatched.
 */
static void test_landing(void **state)
{
	__u32 f = one_call();

	(void)state;
	enter(f, SP(8000));
	stage(S, WIRE_STAGE_VOICE)->state = WIRE_STAGE_LANDING;
	enter(f, SP(4000));
	leave(f, SP(4000));
	at(T0 + 3 * MS);
	leave(f, SP(8000));
	leave(f, SP(8000));
	assert_int_equal(stats(S)->spans, 1);
	assert_int_equal(stats(S)->sum_ns, 3 * MS);
	assert_int_equal(stats(S)->unmatched, 0);
	expect_idle(thread(1), S);
}

/* A stage that is off, and another's event on the thread: nothing abnormal was seen. */
static void test_off_is_not_abnormal(void **state)
{
	__u32 f = one_call(), g;

	(void)state;
	stage(S + 1, 0);
	g = function(S + 1, WIRE_ROLE_CALL, 0);
	enter(f, SP(4000));
	stage(S, WIRE_STAGE_VOICE)->state = WIRE_STAGE_OFF;
	at(T0 + 5 * MS);
	enter(g, SP(8000));
	leave(g, SP(8000));
	assert_int_equal(stats(S)->abnormal_unwound, 0);
	assert_int_equal(stats(S + 1)->spans, 1);
	expect_idle(thread(1), S);
}

static void test_joining_is_counted_only(void **state)
{
	__u32 f = one_call(), g = function(S, WIRE_ROLE_CALL, 0);

	(void)state;
	bind_at(g)->flags |= WIRE_BIND_TRIAL;
	enter(g, SP(8000));
	leave(g, SP(8000));
	enter(f, SP(8000));
	at(T0 + MS);
	leave(f, SP(8000));
	assert_int_equal(stats(S)->trial_hits, 1);
	assert_int_equal(stats(S)->entry_hits, 2);
	assert_int_equal(stats(S)->spans, 1);
	assert_int_equal(stats(S)->unmatched, 0);
	bind_at(g)->flags &= ~WIRE_BIND_TRIAL;
	enter(g, SP(8000));
	leave(g, SP(8000));
	assert_int_equal(stats(S)->spans, 2);
	expect_idle(thread(1), S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_old_frame_at_the_same_place),
		world_test(test_old_frame_further_up),
		world_test(test_old_frame_returns),
		world_test(test_landing),
		world_test(test_off_is_not_abnormal),
		world_test(test_joining_is_counted_only),
	};

	return cmocka_run_group_tests_name("ceiling", tests, NULL, NULL);
}
