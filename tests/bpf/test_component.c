/* SPDX-License-Identifier: GPL-2.0-only */
/* What calls tell of themselves: cached answers, the audio's sample rate, time-outs of bad ends. */
#include "world.h"

#include <string.h>

#define S    3
#define T0   (5ULL << 30)
#define MS   1000000ULL
#define PAGE 0x10000ULL

static void run(__u32 f, __u64 start_ns, __u64 end_ns, __u64 ret)
{
	at(start_ns);
	enter(f, SP(8000));
	at(end_ns);
	regs.ax = ret;
	leave(f, SP(8000));
}

static void test_cached(void **state)
{
	__u32 f;

	(void)state;
	shim_set_max_entries(&cached_hists, 2);
	stage(S, 0)->cached = 2;
	f = function(S, WIRE_ROLE_CALL, 0);
	bind_at(f)->cached = (struct wire_value){
		.base = WIRE_BASE_RET, .type = WIRE_TYPE_I32, .op = WIRE_OP_EQ, .rhs = 1};
	run(f, T0, T0 + 1 * MS, 1);
	run(f, T0, T0 + 9 * MS, 2);
	run(f, T0, T0 + 2 * MS, 1);
	assert_int_equal(stats(S)->spans, 3);
	assert_int_equal(stats(S)->cached, 2);
	assert_int_equal(stats(S)->sum_ns, 12 * MS);
	assert_int_equal(cached_total(1), 2);
	assert_int_equal(cached_total(0), 0);
	assert_int_equal(hist_total(S, WIRE_HIST_LATENCY), 1);
	assert_int_equal(hist_of(S, WIRE_HIST_LATENCY, 9 * MS), 1);
	assert_true(span(0)->flags & WIRE_SPAN_CACHED);
	assert_false(span(1)->flags & WIRE_SPAN_CACHED);
	expect_idle(thread(1), S);
	expect_no_losses();
}

/* What cannot be read is no cached answer, and counted. */
static void test_cached_unreadable(void **state)
{
	__u32 f;

	(void)state;
	stage(S, 0)->cached = 1;
	f = function(S, WIRE_ROLE_CALL, 0);
	bind_at(f)->cached =
		(struct wire_value){.base = WIRE_BASE_RET, .derefs = 1, .op = WIRE_OP_EQ, .rhs = 1};
	run(f, T0, T0 + MS, 0xdead0000);
	assert_int_equal(stats(S)->cached, 0);
	assert_int_equal(stats(S)->read_failures, 1);
	assert_int_equal(hist_total(S, WIRE_HIST_LATENCY), 1);
}

/* The rate alone, both, a constant, and nonsense. */
static void test_sample_rate(void **state)
{
	const __u32 rate = 22050, length = 2205;
	__u32 f;

	(void)state;
	shim_map_user(PAGE, 4096);
	memcpy(shim_user(PAGE + 8, 4), &rate, 4);
	memcpy(shim_user(PAGE + 12, 4), &length, 4);
	stage(S, 0);
	f = function(S, WIRE_ROLE_CALL, 0);
	bind_at(f)->per_second = (struct wire_value){
		.base = WIRE_BASE_RET, .derefs = 1, .type = WIRE_TYPE_I32, .off = {8}};
	run(f, T0, T0 + 10 * MS, PAGE);
	assert_int_equal(span(0)->flags, WIRE_SPAN_RATE | WIRE_SPAN_CPU);
	assert_int_equal(span(0)->per_second, 22050);
	assert_int_equal(stats(S)->worked_ns, 0);

	bind_at(f)->work = (struct wire_value){
		.base = WIRE_BASE_RET, .derefs = 1, .type = WIRE_TYPE_I32, .off = {12}};
	run(f, T0, T0 + 10 * MS, PAGE);
	assert_int_equal(span(1)->flags, WIRE_SPAN_RATE | WIRE_SPAN_WORK | WIRE_SPAN_CPU);
	assert_int_equal(stats(S)->work_sum_ns, 100 * MS);
	assert_int_equal(stats(S)->worked_ns, 10 * MS);

	bind_at(f)->per_second = (struct wire_value){.base = WIRE_BASE_CONST, .rhs = 16000};
	run(f, T0, T0 + 10 * MS, PAGE);
	assert_int_equal(span(2)->flags, WIRE_SPAN_WORK | WIRE_SPAN_CPU);

	memset(shim_user(PAGE + 8, 4), 0xff, 4);
	bind_at(f)->per_second = (struct wire_value){
		.base = WIRE_BASE_RET, .derefs = 1, .type = WIRE_TYPE_I32, .off = {8}};
	run(f, T0, T0 + 10 * MS, PAGE);
	assert_int_equal(span(3)->flags, WIRE_SPAN_CPU);
}

/* A stream in flight longer than its outputs have seen: the rate goes with its record. */
static void test_stream_rate(void **state)
{
	__u32 from, to;

	(void)state;
	stage(S, 0);
	from = function(S, WIRE_ROLE_FROM, 0);
	to = function(S, WIRE_ROLE_TO, WIRE_BIND_AT_RETURN);
	bind_at(to)->per_second = (struct wire_value){.base = WIRE_BASE_RET, .type = WIRE_TYPE_I32};
	enter(from, SP(8000));
	assert_int_equal(stats(S)->in_flight, 1);
	run(to, T0 + MS, T0 + 2 * MS, 24000);
	assert_int_equal(span(1)->per_second, 24000);
	assert_true(span(1)->flags & WIRE_SPAN_RATE);
	assert_false(span(1)->flags & WIRE_SPAN_WORK);
	expect_idle(thread(1), S);
}

/* An exception after the time-out is one; when a longjmp came is not known. */
static void test_timeouts(void **state)
{
	__u32 f, g;

	(void)state;
	stage(S, 0)->timeout_ns = 5 * MS;
	stage(S + 1, 0);
	f = function(S, WIRE_ROLE_CALL, 0);
	g = function(S + 1, WIRE_ROLE_CALL, 0);
	enter(f, SP(8000));
	at(T0 + 6 * MS);
	catch (SP(9000));
	assert_int_equal(stats(S)->timeouts, 1);
	enter(f, SP(8000));
	at(T0 + 10 * MS);
	catch (SP(9000));
	assert_int_equal(stats(S)->timeouts, 1);
	enter(f, SP(8000));
	at(T0 + 90 * MS);
	enter(g, SP(9500));
	assert_int_equal(stats(S)->timeouts, 1);
	assert_int_equal(stats(S)->abnormal_unwound, 1);
	leave(g, SP(9500));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_cached),      world_test(test_cached_unreadable),
		world_test(test_sample_rate), world_test(test_stream_rate),
		world_test(test_timeouts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
