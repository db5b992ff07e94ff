/* SPDX-License-Identifier: GPL-2.0-only */
/* Streams: from a `from` point to the last output. */
#include "world.h"

#define S  3
#define T0 (5ULL << 30)
#define MS 1000000ULL

static const struct wire_value arg0 = {.base = WIRE_BASE_ARG, .arg = 0};

static __u32 from, to;

/* One stage: `from` at the entry of a function, `to` at the return of another; the key is arg0. */
static void stream_stage(__u32 flags)
{
	stage(S, flags);
	from = function(S, WIRE_ROLE_FROM, 0);
	to = function(S, WIRE_ROLE_TO, WIRE_BIND_AT_RETURN);
	bind_at(from)->key = bind_at(from)->handle = arg0;
	bind_at(to)->key = arg0;
}

static void begin(__u64 key, __u64 now_ns)
{
	at(now_ns);
	regs.di = key;
	enter(from, SP(8000));
}

static void output(__u64 key, __u64 now_ns, __u64 ret)
{
	at(now_ns);
	regs.di = key;
	enter(to, SP(8000));
	regs.di = 0;
	regs.ax = ret;
	leave(to, SP(8000));
}

static struct wire_stream *stream(__u64 key)
{
	struct wire_stream_key k = {.key = key, .stage = S};

	return bpf_map_lookup_elem(&streams, &k);
}

/* As user space does when a stream is over. */
static void forget(__u64 key)
{
	struct wire_stream_key k = {.key = key, .stage = S};

	assert_int_equal(bpf_map_delete_elem(&streams, &k), 0);
}

static void test_one_stream(void **state)
{
	const struct wire_stream *s;

	(void)state;
	stream_stage(0);
	begin(7, T0);
	assert_int_equal(spans_sent(), 1);
	assert_int_equal(span(0)->flags, WIRE_SPAN_KEY | WIRE_SPAN_STREAM_OPEN);
	assert_int_equal(span(0)->start_ns, T0);
	assert_int_equal(span(0)->end_ns, T0);
	assert_int_equal(span(0)->first_ns, 0);
	assert_int_equal(span(0)->key, 7);
	assert_int_equal(span(0)->handle, 7);
	assert_int_equal(span(0)->bind, from);

	output(7, T0 + 30 * MS, 0);
	assert_int_equal(spans_sent(), 2);
	assert_int_equal(span(1)->flags, WIRE_SPAN_KEY | WIRE_SPAN_STREAM_FIRST | WIRE_SPAN_CPU);
	assert_int_equal(span(1)->start_ns, T0);
	assert_int_equal(span(1)->first_ns, T0 + 30 * MS);
	assert_int_equal(span(1)->end_ns, T0 + 30 * MS);
	assert_int_equal(span(1)->outputs, 1);
	assert_int_equal(span(1)->cpu_ns, 30 * MS);

	output(7, T0 + 50 * MS, 0);
	output(7, T0 + 90 * MS, 0);
	assert_int_equal(spans_sent(), 2); /* user space reads the stream */
	s = stream(7);
	assert_int_equal(s->first_ns, T0 + 30 * MS);
	assert_int_equal(s->last_ns, T0 + 90 * MS);
	assert_int_equal(s->outputs, 3);
	assert_int_equal(s->cpu_ns, 90 * MS);

	begin(7, T0 + 500 * MS);
	assert_int_equal(spans_sent(), 4);
	assert_int_equal(span(2)->flags, WIRE_SPAN_KEY | WIRE_SPAN_STREAM_CLOSED | WIRE_SPAN_CPU);
	assert_int_equal(span(2)->start_ns, T0);
	assert_int_equal(span(2)->first_ns, T0 + 30 * MS);
	assert_int_equal(span(2)->end_ns, T0 + 90 * MS);
	assert_int_equal(span(2)->outputs, 3);
	assert_int_equal(span(3)->flags, WIRE_SPAN_KEY | WIRE_SPAN_STREAM_OPEN);
	assert_int_equal(span(3)->start_ns, T0 + 500 * MS);
	expect_stats(S, .entry_hits = 5, .exit_hits = 3, .records = 4, .in_flight = 1);
	expect_no_losses();
}

/* Partial results while the user still speaks. */
static void test_output_before_from(void **state)
{
	(void)state;
	stream_stage(WIRE_STAGE_VOICE);
	output(7, T0, 0);
	output(7, T0 + 1 * MS, 0);
	assert_null(stream(7));
	assert_int_equal(shim_records(), 0);
	begin(8, T0 + 2 * MS);
	output(7, T0 + 3 * MS, 0); /* of another key */
	assert_int_equal(spans_sent(), 1);
	assert_int_equal(stream(8)->outputs, 0);
	expect_no_losses();
}

/* Voice is in flight from `from` to the first output. */
static void test_voice_until_first_output(void **state)
{
	(void)state;
	stream_stage(WIRE_STAGE_VOICE);
	begin(7, T0);
	begin(8, T0 + 10 * MS);
	assert_int_equal(stats(S)->in_flight, 2);
	output(7, T0 + 20 * MS, 0);
	assert_int_equal(stats(S)->in_flight, 1);
	output(8, T0 + 40 * MS, 0);
	expect_idle(thread(1), S);
	output(7, T0 + 60 * MS, 0);
	assert_int_equal(clock_read(WIRE_CLOCK_VOICE, T0 + 100 * MS), 40 * MS);
	expect_idle(thread(1), S);
	expect_no_losses();
}

/* A stream without output is given up when the next one begins. */
static void test_no_output(void **state)
{
	(void)state;
	stream_stage(WIRE_STAGE_VOICE);
	begin(7, T0);
	begin(7, T0 + 100 * MS);
	assert_int_equal(span(1)->flags,
			 WIRE_SPAN_KEY | WIRE_SPAN_STREAM_CLOSED | WIRE_SPAN_ABNORMAL);
	assert_int_equal(span(1)->start_ns, T0);
	assert_int_equal(span(1)->end_ns, T0);
	assert_int_equal(span(1)->first_ns, 0);
	assert_int_equal(stats(S)->in_flight, 1);
	output(7, T0 + 110 * MS, 0);
	expect_idle(thread(1), S);
}

/* Two threads put out at once: the stream lands once. */
static void other_thread_lands(enum shim_point point, void *word)
{
	if (point == SHIM_BEFORE_CAS && stream(7) && word == &stream(7)->counted) {
		shim.hook = NULL;
		run_as(thread(2), 1);
		output(7, shim.now_ns, 0);
		regs.sp = SP(8000);
	}
}

static void test_outputs_at_once(void **state)
{
	(void)state;
	stream_stage(WIRE_STAGE_VOICE);
	begin(7, T0);
	begin(8, T0);
	at(T0 + 5 * MS);
	shim.hook = other_thread_lands;
	output(7, T0 + 5 * MS, 0);
	assert_int_equal(stats(S)->in_flight, 1); /* 8 */
	assert_int_equal(stream(7)->outputs, 2);
	output(8, T0 + 9 * MS, 0);
	expect_idle(thread(1), S);
	assert_int_equal(clock_read(WIRE_CLOCK_VOICE, T0 + 100 * MS), 9 * MS);
}

/* The usage of the thread of `from`, with its waits; none when another thread puts out. */
static void test_usage(void **state)
{
	struct shim_task *t = thread(1);

	(void)state;
	stream_stage(0);
	switch_to(0, idle(), t, false, 0);
	begin(7, T0 + 1 * MS);
	t->task.__state = 1;
	t->user.orig_ax = 45;
	at(T0 + 2 * MS);
	switch_to(0, t, idle(), false, 0);
	at(T0 + 8 * MS);
	switch_to(0, idle(), t, false, 2 * MS);
	output(7, T0 + 10 * MS, 0);
	assert_int_equal(span(1)->cpu_ns, 3 * MS);
	assert_int_equal(span(1)->process_cpu_ns, 3 * MS);
	assert_int_equal(span(1)->wait_ns[WIRE_WAIT_NETWORK], 4 * MS);
	assert_int_equal(span(1)->wait_ns[WIRE_WAIT_RUNQUEUE], 2 * MS);
	assert_true(span(1)->flags & WIRE_SPAN_CPU);

	run_as(thread(2), 1);
	output(7, T0 + 20 * MS, 0);
	assert_false(stream(7)->flags & WIRE_SPAN_CPU);
	assert_int_equal(stream(7)->last_ns, T0 + 20 * MS);

	/* A thread that ends is not followed to its last switch. */
	run_as(t, 0);
	t->signal.live.counter = 1;
	sched_process_exit(&t->task);
	assert_false(usage_active(state_of(t)));
}

/* Only outputs for which the condition holds; errors and work are kept. */
static void test_values(void **state)
{
	(void)state;
	stream_stage(0);
	bind_at(to)->when = (struct wire_value){.base = WIRE_BASE_RET, .op = WIRE_OP_NE};
	bind_at(to)->error = (struct wire_value){.base = WIRE_BASE_RET, .op = WIRE_OP_EQ, .rhs = 9};
	bind_at(to)->work = (struct wire_value){.base = WIRE_BASE_RET};
	bind_at(to)->per_second = (struct wire_value){.base = WIRE_BASE_CONST, .rhs = 22050};
	begin(7, T0);
	output(7, T0 + 1 * MS, 0);
	assert_int_equal(stream(7)->outputs, 0);
	output(7, T0 + 2 * MS, 100);
	assert_int_equal(span(1)->flags,
			 WIRE_SPAN_KEY | WIRE_SPAN_STREAM_FIRST | WIRE_SPAN_CPU | WIRE_SPAN_WORK);
	assert_int_equal(span(1)->work, 100);
	output(7, T0 + 3 * MS, 9);
	assert_int_equal(stream(7)->work, 109);
	assert_int_equal(stream(7)->per_second, 22050);
	assert_true(stream(7)->flags & WIRE_SPAN_ERROR);
}

/* `from` at a return, with the key that it returns; `to` at an entry. */
static void test_other_ends(void **state)
{
	(void)state;
	stage(S, WIRE_STAGE_VOICE);
	from = function(S, WIRE_ROLE_FROM, WIRE_BIND_AT_RETURN);
	to = function(S, WIRE_ROLE_TO, 0);
	bind_at(from)->key = (struct wire_value){.base = WIRE_BASE_RET};
	bind_at(to)->key = arg0;
	at(T0);
	enter(from, SP(8000));
	at(T0 + 5 * MS);
	regs.ax = 4711;
	leave(from, SP(8000));
	assert_int_equal(span(0)->key, 4711);
	assert_int_equal(span(0)->start_ns, T0 + 5 * MS);
	regs.di = 4711;
	at(T0 + 9 * MS);
	enter(to, SP(7000));
	assert_int_equal(stream(4711)->outputs, 1);
	assert_int_equal(span(1)->first_ns, T0 + 9 * MS);
	expect_idle(thread(1), S);
}

/* Without a key the thread is the key, and the record says so. */
static void test_no_key(void **state)
{
	(void)state;
	stream_stage(0);
	bind_at(from)->key.base = bind_at(to)->key.base = WIRE_BASE_NONE;
	begin(1, T0);
	run_as(thread(2), 1);
	output(1, T0 + 1 * MS, 0); /* nothing is open on this thread */
	run_as(thread(1), 0);
	output(1, T0 + 2 * MS, 0);
	assert_int_equal(spans_sent(), 2);
	assert_int_equal(span(1)->key, TARGET + 1);
	assert_false(span(1)->flags & WIRE_SPAN_KEY);
	assert_int_equal(span(1)->outputs, 1);
}

static void test_table_full(void **state)
{
	(void)state;
	shim_set_max_entries(&streams, 2);
	stream_stage(WIRE_STAGE_VOICE);
	begin(1, T0);
	begin(2, T0);
	begin(3, T0);
	expect_counter(WIRE_CTR_STREAMS_FULL, 1);
	assert_int_equal(stats(S)->in_flight, 2);
	assert_int_equal(spans_sent(), 2);
	begin(2, T0 + 1 * MS); /* of those there are: no more room needed */
	expect_counter(WIRE_CTR_STREAMS_FULL, 1);
	output(1, T0 + 5 * MS, 0);
	output(2, T0 + 5 * MS, 0);
	expect_idle(thread(1), S);
	forget(1);
	begin(3, T0 + 6 * MS);
	expect_counter(WIRE_CTR_STREAMS_FULL, 1);
	assert_null(stream(1));
	output(1, T0 + 7 * MS, 0); /* forgotten: before its `from` again */
	assert_int_equal(stream(3)->outputs, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_one_stream),
		world_test(test_output_before_from),
		world_test(test_voice_until_first_output),
		world_test(test_no_output),
		world_test(test_outputs_at_once),
		world_test(test_usage),
		world_test(test_values),
		world_test(test_other_ends),
		world_test(test_no_key),
		world_test(test_table_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
