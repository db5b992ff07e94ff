/* SPDX-License-Identifier: GPL-2.0-only */
/* Frame stages: audio frames, and the frame that hit. */
#include "world.h"

#define S     3
#define T0    (5ULL << 30)
#define MS    1000000ULL
#define WAKE  0xaa000 /* handles */
#define OTHER 0xbb000

static const struct wire_value arg0 = {.base = WIRE_BASE_ARG, .arg = 0};
static const struct wire_value arg1 = {.base = WIRE_BASE_ARG, .arg = 1};
static const struct wire_value returns = {.base = WIRE_BASE_RET, .op = WIRE_OP_NE};

/* A frame of `wall_ns` on this handle, `samples` long, that returns `ret`. */
static void frame(__u32 f, __u64 handle, __u64 start_ns, __u64 wall_ns, __u64 samples, __u64 ret)
{
	regs.di = handle;
	regs.si = samples;
	at(start_ns);
	enter(f, SP(8000));
	regs.di = regs.si = 0; /* long overwritten at the return */
	regs.ax = ret;
	at(start_ns + wall_ns);
	leave(f, SP(8000));
}

static __u32 frame_function(void)
{
	__u32 f;

	stage(S, 0);
	f = function(S, WIRE_ROLE_FRAME, 0);
	bind_at(f)->handle = arg0;
	bind_at(f)->work = arg1;
	bind_at(f)->per_second = (struct wire_value){.base = WIRE_BASE_CONST, .rhs = 16000};
	return f;
}

static __u32 hit_function(void)
{
	__u32 h = function(S, WIRE_ROLE_HIT, WIRE_BIND_AT_RETURN);

	bind_at(h)->handle = arg0;
	bind_at(h)->when = returns;
	return h;
}

/* Frames are counted, and their audio; none is recorded, none is a latency. */
static void test_frames_without_hit(void **state)
{
	__u32 f = frame_function();

	(void)state;
	for (int i = 0; i < 10; i++)
		frame(f, WAKE, T0 + i * 20 * MS, 3 * MS, 160, 0);
	expect_stats(S, .entry_hits = 10, .exit_hits = 10, .spans = 10, .sum_ns = 30 * MS,
		     .max_ns = 3 * MS, .cpu_ns = 30 * MS, .work_sum_ns = 100 * MS,
		     .worked_ns = 30 * MS);
	assert_int_equal(hist_total(S, WIRE_HIST_FRAME), 10);
	assert_int_equal(hist_of(S, WIRE_HIST_FRAME, 3 * MS), 10);
	assert_int_equal(hist_total(S, WIRE_HIST_LATENCY), 0);
	assert_int_equal(shim_records(), 0);
	expect_no_losses();
	expect_idle(thread(1), S);
}

/* The frame's own function says that it hit. */
static void test_hit_by_own_condition(void **state)
{
	__u32 f = frame_function();

	(void)state;
	bind_at(f)->when = returns;
	frame(f, WAKE, T0, 2 * MS, 160, 0);
	frame(f, WAKE, T0 + 20 * MS, 5 * MS, 160, 1);
	frame(f, WAKE, T0 + 40 * MS, 2 * MS, 160, 0);
	assert_int_equal(stats(S)->spans, 3);
	assert_int_equal(stats(S)->hits, 1);
	assert_int_equal(hist_total(S, WIRE_HIST_LATENCY), 1);
	assert_int_equal(hist_of(S, WIRE_HIST_LATENCY, 5 * MS), 1);
	assert_int_equal(spans_sent(), 1);
	assert_int_equal(span(0)->flags, WIRE_SPAN_HIT | WIRE_SPAN_CPU | WIRE_SPAN_WORK);
	assert_int_equal(span(0)->start_ns, T0 + 20 * MS);
	assert_int_equal(span(0)->end_ns, T0 + 25 * MS);
	assert_int_equal(span(0)->first_ns, T0 + 25 * MS);
	assert_int_equal(span(0)->bind, f);
	assert_int_equal(span(0)->work, 160);
	assert_int_equal(span(0)->per_second, 16000);
	assert_int_equal(span(0)->cpu_ns, 5 * MS);
	expect_no_losses();
}

static void ask(__u32 h, __u64 handle, __u64 ret)
{
	regs.di = handle;
	enter(h, SP(8000));
	regs.di = 0;
	regs.ax = ret;
	leave(h, SP(8000));
}

/* Another function on the same handle tells: the newest frame hit, once. */
static void test_hit_by_another_function(void **state)
{
	__u32 f = frame_function(), h = hit_function();

	(void)state;
	frame(f, WAKE, T0, 2 * MS, 160, 0);
	ask(h, WAKE, 0); /* no hypothesis yet */
	frame(f, WAKE, T0 + 20 * MS, 7 * MS, 160, 0);
	at(T0 + 28 * MS);
	ask(h, WAKE, 0x1234);
	assert_int_equal(stats(S)->hits, 1);
	assert_int_equal(hist_of(S, WIRE_HIST_LATENCY, 7 * MS), 1);
	assert_int_equal(span(0)->start_ns, T0 + 20 * MS);
	assert_int_equal(span(0)->end_ns, T0 + 27 * MS);
	assert_int_equal(span(0)->hdr.ts_ns, T0 + 28 * MS);
	assert_int_equal(span(0)->handle, WAKE);
	expect_no_losses();

	ask(h, WAKE, 0x1234); /* the same hypothesis, asked for again */
	assert_int_equal(stats(S)->hits, 1);
	assert_int_equal(spans_sent(), 1);
	expect_counter(WIRE_CTR_HIT_WITHOUT_FRAME, 1);
	/* Asking is no frame. */
	assert_int_equal(stats(S)->spans, 2);
	assert_int_equal(hist_total(S, WIRE_HIST_FRAME), 2);
	expect_idle(thread(1), S);
}

/* The engine asks itself while it processes a frame: the frame before it is meant. */
static void test_hit_inside_frame(void **state)
{
	__u32 f = frame_function(), h = hit_function();

	(void)state;
	frame(f, WAKE, T0, 2 * MS, 160, 0);
	at(T0 + 20 * MS);
	regs.di = WAKE;
	enter(f, SP(8000));
	enter(h, SP(7000));
	regs.ax = 1;
	leave(h, SP(7000));
	at(T0 + 29 * MS);
	leave(f, SP(8000));
	assert_int_equal(stats(S)->nested, 0);
	assert_int_equal(stats(S)->unmatched, 0);
	assert_int_equal(stats(S)->spans, 2);
	assert_int_equal(stats(S)->hits, 1);
	assert_int_equal(span(0)->start_ns, T0);
	assert_int_equal(span(0)->end_ns, T0 + 2 * MS);
	expect_idle(thread(1), S);
}

static void test_hit_on_another_handle(void **state)
{
	__u32 f = frame_function(), h = hit_function();

	(void)state;
	ask(h, WAKE, 1); /* before any frame */
	expect_counter(WIRE_CTR_HIT_WITHOUT_FRAME, 1);
	frame(f, WAKE, T0, 2 * MS, 160, 0);
	ask(h, OTHER, 1);
	assert_int_equal(stats(S)->hits, 0);
	expect_counter(WIRE_CTR_HIT_WITHOUT_FRAME, 2);
	ask(h, WAKE, 1); /* it is still there */
	assert_int_equal(stats(S)->hits, 1);
}

/* Frames of another stage on the same thread and handle are not ours. */
static void test_hit_of_another_stage(void **state)
{
	__u32 f = frame_function(), h = hit_function();

	(void)state;
	frame(f, WAKE, T0, 2 * MS, 160, 0);
	stage(S + 1, 0);
	bind_at(h)->stage = S + 1;
	ask(h, WAKE, 1);
	assert_int_equal(stats(S)->hits, 0);
	assert_int_equal(stats(S + 1)->hits, 0);
	expect_counter(WIRE_CTR_HIT_WITHOUT_FRAME, 1);
}

/* Work that makes no sense is not added up. */
static void test_work_out_of_range(void **state)
{
	__u32 f = frame_function();

	(void)state;
	frame(f, WAKE, T0, 2 * MS, 0, 0);
	frame(f, WAKE, T0, 2 * MS, (__u64)-160, 0);
	frame(f, WAKE, T0, 2 * MS, (1ULL << 32) + 1, 0);
	assert_int_equal(stats(S)->work_sum_ns, 0);
	frame(f, WAKE, T0, 2 * MS, 1ULL << 32, 0);
	assert_int_equal(stats(S)->work_sum_ns, (1ULL << 32) * 62500);
	bind_at(f)->per_second.rhs = 0;
	frame(f, WAKE, T0, 2 * MS, 160, 0);
	assert_int_equal(stats(S)->worked_ns, 2 * MS);
	assert_int_equal(stats(S)->spans, 5);
}

/* The key of a frame may be what it returned. */
static void test_key_at_return(void **state)
{
	__u32 f = frame_function();

	(void)state;
	bind_at(f)->when = returns;
	bind_at(f)->key = (struct wire_value){.base = WIRE_BASE_RET};
	frame(f, WAKE, T0, 2 * MS, 160, 77);
	assert_int_equal(span(0)->key, 77);
	assert_true(span(0)->flags & WIRE_SPAN_KEY);
}

/* A call: errors, work and a key. */
static void test_call_values(void **state)
{
	__u32 f;

	(void)state;
	stage(S, 0);
	f = function(S, WIRE_ROLE_CALL, 0);
	bind_at(f)->key = arg0;
	bind_at(f)->handle = arg1;
	bind_at(f)->error = (struct wire_value){
		.base = WIRE_BASE_RET, .type = WIRE_TYPE_I32, .op = WIRE_OP_LT, .rhs = 0};
	bind_at(f)->work = (struct wire_value){.base = WIRE_BASE_ARG, .arg = 2};
	bind_at(f)->per_second = (struct wire_value){.base = WIRE_BASE_ARG, .arg = 3};
	regs = (struct pt_regs){.di = 11, .si = 22, .dx = 8000, .cx = 16000};
	enter(f, SP(8000));
	at(T0 + 4 * MS);
	regs = (struct pt_regs){.ax = 0xffffffffUL}; /* int -1; the high half is not ours */
	leave(f, SP(8000));
	expect_stats(S, .entry_hits = 1, .exit_hits = 1, .spans = 1, .errors = 1, .sum_ns = 4 * MS,
		     .max_ns = 4 * MS, .cpu_ns = 4 * MS, .records = 1, .work_sum_ns = 500 * MS,
		     .worked_ns = 4 * MS);
	assert_int_equal(span(0)->flags, WIRE_SPAN_KEY | WIRE_SPAN_ERROR | WIRE_SPAN_WORK |
						 WIRE_SPAN_RATE | WIRE_SPAN_CPU);
	assert_int_equal(span(0)->key, 11);
	assert_int_equal(span(0)->handle, 22);
	assert_int_equal(span(0)->work, 8000);
	assert_int_equal(span(0)->per_second, 16000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_frames_without_hit),
		world_test(test_hit_by_own_condition),
		world_test(test_hit_by_another_function),
		world_test(test_hit_inside_frame),
		world_test(test_hit_on_another_handle),
		world_test(test_hit_of_another_stage),
		world_test(test_work_out_of_range),
		world_test(test_key_at_return),
		world_test(test_call_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
