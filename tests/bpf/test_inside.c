/* SPDX-License-Identifier: GPL-2.0-only */
/* A stage whose open call is worked off by other threads, which call its functions themselves. */
#include "world.h"

#include <string.h>

#define S      3
#define T0     (5ULL << 30)
#define MS     1000000ULL
#define HANDLE 0x5500ULL

/* whole(handle) hands the work to threads that call part(handle). */
static __u32 whole, part;

static void two_functions(void)
{
	stage(S, WIRE_STAGE_VOICE);
	whole = function(S, WIRE_ROLE_CALL, WIRE_BIND_INSIDE | WIRE_BIND_ENCLOSES);
	part = function(S, WIRE_ROLE_CALL, WIRE_BIND_INSIDE);
	bind_at(whole)->handle.base = bind_at(part)->handle.base = WIRE_BASE_ARG;
	regs.di = HANDLE;
	at(T0);
}

static void call_on(unsigned n, __u32 f, __u64 handle)
{
	run_as(thread(n), 0);
	regs.di = handle;
	enter(f, SP(8000));
}

static void return_on(unsigned n, __u32 f)
{
	run_as(thread(n), 0);
	leave(f, SP(8000));
}

/* A part on another thread, or on the own one, is the whole's; its exits are no surprise. */
static void test_parts_of_a_whole(void **state)
{
	(void)state;
	two_functions();
	call_on(1, whole, HANDLE);
	call_on(2, part, HANDLE);
	call_on(3, part, HANDLE);
	at(T0 + 2 * MS);
	return_on(3, part);
	return_on(2, part);
	run_as(thread(1), 0);
	enter(part, SP(7000));
	leave(part, SP(7000));
	at(T0 + 5 * MS);
	return_on(1, whole);
	assert_int_equal(stats(S)->spans, 1);
	assert_int_equal(stats(S)->nested, 3);
	assert_int_equal(stats(S)->unmatched, 0);
	assert_int_equal(stats(S)->sum_ns, 5 * MS);
	assert_int_equal(spans_sent(), 1);
	expect_idle(thread(1), S);
	expect_no_losses();
}

/* The same functions elsewhere: another handle, another stage, after the whole, without one. */
static void test_others_count(void **state)
{
	__u32 elsewhere;

	(void)state;
	two_functions();
	stage(S + 1, 0);
	elsewhere = function(S + 1, WIRE_ROLE_CALL, WIRE_BIND_INSIDE);
	bind_at(elsewhere)->handle.base = WIRE_BASE_ARG;
	call_on(1, whole, HANDLE);
	call_on(2, part, HANDLE + 8);
	return_on(2, part);
	call_on(2, elsewhere, HANDLE);
	return_on(2, elsewhere);
	assert_int_equal(stats(S)->spans, 1);
	assert_int_equal(stats(S + 1)->spans, 1);
	return_on(1, whole);
	call_on(2, part, HANDLE);
	return_on(2, part);
	assert_int_equal(stats(S)->spans, 3);
	assert_int_equal(stats(S)->nested, 0);
	/* Two parts at once without a whole: each by itself. */
	call_on(2, part, HANDLE);
	call_on(3, part, HANDLE);
	return_on(2, part);
	return_on(3, part);
	assert_int_equal(stats(S)->spans, 5);
	expect_no_losses();
}

/* A part that began before its whole is its own span, and goes on through it. */
static void test_part_before_whole(void **state)
{
	(void)state;
	two_functions();
	call_on(2, part, HANDLE);
	call_on(1, whole, HANDLE);
	return_on(2, part);
	return_on(1, whole);
	assert_int_equal(stats(S)->spans, 2);
	expect_idle(thread(2), S);
	expect_no_losses();
}

/* A whole inside a whole: the end of the inner one changes nothing. */
static void test_whole_in_whole(void **state)
{
	(void)state;
	two_functions();
	call_on(1, whole, HANDLE);
	call_on(2, whole, HANDLE);
	return_on(2, whole);
	call_on(3, part, HANDLE);
	return_on(3, part);
	return_on(1, whole);
	assert_int_equal(stats(S)->spans, 1);
	assert_int_equal(stats(S)->nested, 2);
	expect_idle(thread(2), S);
	expect_no_losses();
}

static void part_counts_again(void)
{
	__u64 before = stats(S)->spans;

	call_on(2, part, HANDLE);
	return_on(2, part);
	assert_int_equal(stats(S)->spans, before + 1);
}

/* However the whole ended, the handle is free again. */
static void test_abandoned_by_exception(void **state)
{
	(void)state;
	two_functions();
	call_on(1, whole, HANDLE);
	catch (SP(9000));
	assert_int_equal(stats(S)->abnormal_exception, 1);
	part_counts_again();
}

static void test_abandoned_by_longjmp(void **state)
{
	(void)state;
	two_functions();
	call_on(1, whole, HANDLE);
	run_as(thread(1), 0);
	enter(part, SP(9000)); /* further up: the whole is dead, and this is a span */
	leave(part, SP(9000));
	assert_int_equal(stats(S)->abnormal_unwound, 1);
	assert_int_equal(stats(S)->spans, 1);
	part_counts_again();
}

static void test_abandoned_by_the_end_of_its_thread(void **state)
{
	(void)state;
	two_functions();
	call_on(1, whole, HANDLE);
	run_as(thread(1), 0);
	sched_process_exit(&thread(1)->task);
	assert_int_equal(stats(S)->abnormal_thread_end, 1);
	part_counts_again();
}

/* The whole again at the same place, the old one left by longjmp. */
static void test_entered_again(void **state)
{
	(void)state;
	two_functions();
	for (int i = 0; i < 5; i++)
		call_on(1, whole, HANDLE);
	call_on(2, part, HANDLE);
	return_on(2, part);
	return_on(1, whole);
	assert_int_equal(stats(S)->abnormal_unwound, 4);
	assert_int_equal(stats(S)->spans, 1);
	part_counts_again();
	expect_no_losses();
}

/* Without room the whole is measured, its parts count as well, and that is said. */
static void test_table_full(void **state)
{
	(void)state;
	shim_set_max_entries(&enclosing, 1);
	two_functions();
	call_on(1, whole, HANDLE);
	call_on(2, whole, HANDLE + 8);
	call_on(3, part, HANDLE + 8);
	return_on(3, part);
	return_on(2, whole);
	assert_int_equal(stats(S)->spans, 2);
	expect_counter(WIRE_CTR_ENCLOSING_FULL, 1);
	call_on(3, part, HANDLE);
	return_on(3, part);
	return_on(1, whole);
	assert_int_equal(stats(S)->spans, 3);
	assert_int_equal(stats(S)->nested, 1);
	part_counts_again();
}

/* A handle that could not be read is no handle: nothing is left out. */
static void test_no_handle(void **state)
{
	(void)state;
	two_functions();
	call_on(1, whole, 0);
	call_on(2, part, 0);
	return_on(2, part);
	return_on(1, whole);
	assert_int_equal(stats(S)->spans, 2);
	expect_no_losses();
}

/*
 * The whole's end was not seen, for the stage was taken off: it encloses nothing any more, and what
 * becomes of its thread does not end the whole that has come since.
 */
static void test_taken_off_meanwhile(void **state)
{
	(void)state;
	two_functions();
	call_on(1, whole, HANDLE);
	at(T0 + 50 * MS);
	stage(S, WIRE_STAGE_VOICE)->frames_since_ns = T0 + 50 * MS;
	part_counts_again();
	at(T0 + 60 * MS);
	call_on(4, whole, HANDLE);
	run_as(thread(1), 0);
	sched_process_exit(&thread(1)->task);
	call_on(2, part, HANDLE);
	return_on(2, part);
	assert_int_equal(stats(S)->spans, 1);
	assert_int_equal(stats(S)->nested, 1);
	return_on(4, whole);
	part_counts_again();
	expect_no_losses();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_parts_of_a_whole),
		world_test(test_others_count),
		world_test(test_part_before_whole),
		world_test(test_whole_in_whole),
		world_test(test_abandoned_by_exception),
		world_test(test_abandoned_by_longjmp),
		world_test(test_abandoned_by_the_end_of_its_thread),
		world_test(test_entered_again),
		world_test(test_table_full),
		world_test(test_no_handle),
		world_test(test_taken_off_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
