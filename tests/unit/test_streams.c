/* SPDX-License-Identifier: GPL-2.0-only */
/* Streams through the whole engine: how each of their ends is found. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "metrics/metrics.h"

#define MS 1000000ULL
#define S  1000000000ULL
#define T0 (100 * S)

enum { STT, RESPONSE, TTS, STAGES };

static struct stage_config stages[STAGES];
static struct config config;
static struct metrics *m;
static struct wire_stream kernel; /* the one stream of the kernel's table */
static bool kernel_has;
static int forgotten;

static int setup(void **state)
{
	static const char *const names[STAGES] = {"stt", "response", "tts"};

	(void)state;
	for (int i = 0; i < STAGES; i++)
		stages[i] = (struct stage_config){.name = (char *)names[i],
						  .kind = STAGE_STREAM,
						  .turn = true,
						  .gap_ns = 2 * S,
						  .hang_ns = 10 * S};
	stages[RESPONSE].latency_is_first = true;
	config = (struct config){.stages = stages,
				 .stages_n = STAGES,
				 .turn = {.key = TURN_KEY_VALUE, .idle_ns = 10 * S}};
	memset(&kernel, 0, sizeof(kernel));
	kernel_has = false;
	forgotten = 0;
	m = metrics__new(&config, T0);
	return m ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	metrics__free(m);
	return 0;
}

static int lookup(void *ctx, const struct wire_stream_key *key, struct wire_stream *out)
{
	(void)ctx;
	(void)key;
	if (!kernel_has)
		return -ENOENT;
	*out = kernel;
	return 0;
}

static void forget(void *ctx, const struct wire_stream_key *key)
{
	(void)ctx;
	(void)key;
	forgotten++;
	kernel_has = false;
}

static void poll(uint64_t at_ms)
{
	static const struct metrics_streams_ops ops = {.lookup = lookup, .forget = forget};

	metrics__poll_streams(m, &ops, NULL, T0 + at_ms * MS);
	metrics__tick(m, T0 + at_ms * MS);
}

static void feed(int stage, uint32_t flag, uint64_t start_ms, uint64_t first_ms, uint64_t end_ms)
{
	struct wire_span span = {.stage = (uint16_t)stage,
				 .flags = WIRE_SPAN_KEY | flag,
				 .key = 5,
				 .start_ns = T0 + start_ms * MS,
				 .first_ns = first_ms ? T0 + first_ms * MS : 0,
				 .end_ns = T0 + end_ms * MS,
				 .outputs = first_ms ? 1 : 0};

	metrics__feed_span(m, &span, T0 + end_ms * MS);
}

static void feed_totals(const struct wire_stage_stats *stats, uint64_t now_ns)
{
	static const struct wire_histogram none;
	const struct stage_reading reading = {.stats = stats, .latency = &none};

	metrics__feed_stage(m, TTS, &reading, now_ns);
}

struct found {
	const char *id;
	struct sample sample;
};

static void find_id(void *ctx, const char *id, const struct sample *sample)
{
	struct found *found = ctx;

	if (strcmp(id, found->id) == 0)
		found->sample = *sample;
}

/* In ms; -1: no sample. */
static double session_ms(const char *id)
{
	struct found found = {.id = id, .sample.value = -2};

	metrics__each(m, T0 + 3600 * S, find_id, &found);
	assert_true(found.sample.value != -2);
	return isnan(found.sample.value) ? -1 : found.sample.value * 1000;
}

static void assert_near(double got, double truth)
{
	if (fabs(got - truth) > truth * 0.016)
		fail_msg("got %f, expected %f", got, truth);
}

static void test_the_next_from_ends_it(void **state)
{
	(void)state;
	feed(STT, WIRE_SPAN_STREAM_OPEN, 100, 0, 100);
	feed(STT, WIRE_SPAN_STREAM_FIRST, 100, 150, 150);
	feed(STT, WIRE_SPAN_STREAM_CLOSED, 100, 150, 400);
	feed(STT, WIRE_SPAN_STREAM_OPEN, 1000, 0, 1000);
	metrics__tick(m, T0 + 1500 * MS);
	assert_near(session_ms("stt.first.max"), 50);
	assert_near(session_ms("stt.total.max"), 300);
	assert_near(session_ms("stt.latency.max"), 300);
	assert_near(session_ms("stt.count"), 1000);
}

static void test_the_gap_ends_it(void **state)
{
	(void)state;
	feed(STT, WIRE_SPAN_STREAM_OPEN, 100, 0, 100);
	feed(STT, WIRE_SPAN_STREAM_FIRST, 100, 150, 150);
	kernel = (struct wire_stream){.start_ns = T0 + 100 * MS,
				      .first_ns = T0 + 150 * MS,
				      .last_ns = T0 + 700 * MS,
				      .outputs = 9};
	kernel_has = true;
	poll(1000);
	assert_true(session_ms("stt.total.max") == -1);
	poll(2750);
	assert_true(session_ms("stt.total.max") == -1);
	poll(2850);
	assert_near(session_ms("stt.total.max"), 600);
	poll(2900);
	assert_int_equal(forgotten, 1);
	/* The kernel's late word about it changes nothing. */
	feed(STT, WIRE_SPAN_STREAM_CLOSED, 100, 150, 900);
	poll(5000);
	assert_near(session_ms("stt.count"), 1000);
}

static void test_the_next_stage_ends_it(void **state)
{
	(void)state;
	feed(STT, WIRE_SPAN_STREAM_OPEN, 100, 0, 100);
	kernel = (struct wire_stream){.start_ns = T0 + 100 * MS,
				      .first_ns = T0 + 180 * MS,
				      .last_ns = T0 + 200 * MS,
				      .outputs = 2};
	kernel_has = true;
	metrics__tick(m, T0 + 250 * MS);
	feed(RESPONSE, WIRE_SPAN_STREAM_OPEN, 240, 0, 240);
	poll(400);
	assert_near(session_ms("stt.total.max"), 100);
	assert_near(session_ms("turn.gap.stt.response.max"), 40);
}

/* All of it is joined at once, a moment later: nobody has looked at the stream in between. */
static void test_a_short_stream_is_looked_up_when_it_ends(void **state)
{
	(void)state;
	feed(STT, WIRE_SPAN_STREAM_OPEN, 100, 0, 100);
	feed(STT, WIRE_SPAN_STREAM_FIRST, 100, 110, 110);
	feed(RESPONSE, WIRE_SPAN_STREAM_OPEN, 140, 0, 140);
	kernel = (struct wire_stream){.start_ns = T0 + 100 * MS,
				      .first_ns = T0 + 110 * MS,
				      .last_ns = T0 + 130 * MS,
				      .outputs = 3};
	kernel_has = true;
	poll(300);
	assert_near(session_ms("stt.total.max"), 30);
	assert_near(session_ms("turn.gap.stt.response.max"), 10);
}

static void test_what_it_puts_out_after_the_next_stage_is_not_its(void **state)
{
	(void)state;
	feed(STT, WIRE_SPAN_STREAM_OPEN, 100, 0, 100);
	feed(STT, WIRE_SPAN_STREAM_FIRST, 100, 110, 110);
	feed(RESPONSE, WIRE_SPAN_STREAM_OPEN, 140, 0, 140);
	kernel = (struct wire_stream){.start_ns = T0 + 100 * MS,
				      .first_ns = T0 + 110 * MS,
				      .last_ns = T0 + 190 * MS,
				      .outputs = 3};
	kernel_has = true;
	poll(300);
	assert_near(session_ms("stt.total.max"), 10);
}

static void test_the_end_of_the_target_ends_it(void **state)
{
	(void)state;
	feed(STT, WIRE_SPAN_STREAM_OPEN, 100, 0, 100);
	feed(STT, WIRE_SPAN_STREAM_FIRST, 100, 150, 150);
	kernel = (struct wire_stream){.start_ns = T0 + 100 * MS,
				      .first_ns = T0 + 150 * MS,
				      .last_ns = T0 + 200 * MS,
				      .outputs = 2};
	kernel_has = true;
	poll(300);
	assert_true(session_ms("stt.total.max") == -1);
	metrics__target_gone(m, T0 + 310 * MS);
	assert_near(session_ms("stt.total.max"), 100);
	assert_near(session_ms("stt.count"), 1000);
}

static void test_a_stream_of_another_turn_does_not(void **state)
{
	struct wire_span other = {.stage = RESPONSE,
				  .flags = WIRE_SPAN_KEY | WIRE_SPAN_STREAM_OPEN,
				  .key = 6,
				  .start_ns = T0 + 240 * MS,
				  .end_ns = T0 + 240 * MS};

	(void)state;
	feed(STT, WIRE_SPAN_STREAM_OPEN, 100, 0, 100);
	feed(STT, WIRE_SPAN_STREAM_FIRST, 100, 150, 150);
	metrics__feed_span(m, &other, T0 + 300 * MS);
	metrics__tick(m, T0 + 500 * MS);
	assert_true(session_ms("stt.total.max") == -1);
}

static void test_first_output_is_latency_where_it_streams(void **state)
{
	(void)state;
	feed(STT, WIRE_SPAN_STREAM_OPEN, 0, 0, 0);
	feed(STT, WIRE_SPAN_STREAM_FIRST, 0, 100, 100);
	feed(RESPONSE, WIRE_SPAN_STREAM_OPEN, 120, 0, 120);
	feed(RESPONSE, WIRE_SPAN_STREAM_FIRST, 120, 200, 200);
	feed(TTS, WIRE_SPAN_STREAM_OPEN, 210, 0, 210);
	feed(TTS, WIRE_SPAN_STREAM_FIRST, 210, 260, 260);
	metrics__tick(m, T0 + 500 * MS);
	assert_near(session_ms("response.latency.max"), 80);
	assert_near(session_ms("turn.latency.max"), 260);
	assert_near(session_ms("turn.gap.stt.response.max"), 20);
	assert_near(session_ms("turn.gap.response.tts.max"), 10);
	assert_near(session_ms("turn.outcome.complete"), 1000);
}

/* Paired by thread: the record of the end comes from another one, the turn is still the same. */
static void test_ended_from_another_thread(void **state)
{
	struct wire_span closed = {.hdr.tid = 77,
				   .stage = TTS,
				   .flags = WIRE_SPAN_KEY | WIRE_SPAN_STREAM_CLOSED,
				   .key = 5,
				   .start_ns = T0 + 200 * MS,
				   .first_ns = T0 + 250 * MS,
				   .end_ns = T0 + 300 * MS};
	struct metrics_losses losses;

	(void)state;
	config.turn.key = TURN_KEY_THREAD;
	feed(STT, WIRE_SPAN_STREAM_CLOSED, 0, 100, 100);
	feed(TTS, WIRE_SPAN_STREAM_OPEN, 200, 0, 200);
	metrics__feed_span(m, &closed, T0 + 400 * MS);
	metrics__tick(m, T0 + 600 * MS);
	assert_near(session_ms("turn.latency.max"), 250);
	metrics__losses(m, &losses);
	assert_int_equal(losses.spans_unjoined, 0);
}

static void test_lost_opening_and_no_output(void **state)
{
	struct metrics_losses losses;

	(void)state;
	feed(STT, WIRE_SPAN_STREAM_CLOSED, 100, 150, 400);
	metrics__tick(m, T0 + 600 * MS);
	assert_near(session_ms("stt.total.max"), 300);
	feed(TTS, WIRE_SPAN_STREAM_OPEN, 1000, 0, 1000);
	metrics__tick(m, T0 + 32000 * MS);
	metrics__losses(m, &losses);
	assert_int_equal(losses.streams_empty, 1);
	assert_true(session_ms("tts.total.max") == -1);
}

/* The hang is said when its limit passes, outlasts the giving up, and ends with a new start. */
static void test_no_output_is_a_hang(void **state)
{
	struct wire_stage_stats stats = {.open[0] = {.start_ns = T0 + 1000 * MS, .tid = 3}};
	struct wire_stage_stats none = {0};
	size_t stage;

	(void)state;
	stages[TTS].hang_ns = 4 * S;
	feed_totals(&none, T0);
	feed(TTS, WIRE_SPAN_STREAM_OPEN, 1000, 0, 1000);
	feed_totals(&stats, T0 + 4900 * MS);
	metrics__tick(m, T0 + 4900 * MS);
	assert_null(metrics__unresponsive(m, &stage));
	metrics__tick(m, T0 + 5100 * MS);
	assert_non_null(metrics__unresponsive(m, &stage));
	assert_int_equal(stage, TTS);
	metrics__tick(m, T0 + 32000 * MS);
	feed_totals(&none, T0 + 33000 * MS);
	metrics__tick(m, T0 + 33000 * MS);
	assert_non_null(metrics__unresponsive(m, &stage));
	feed(TTS, WIRE_SPAN_STREAM_OPEN, 34000, 0, 34000);
	metrics__tick(m, T0 + 35000 * MS);
	assert_null(metrics__unresponsive(m, &stage));
}

/* A stream that goes on for long has its first output behind it: not in flight any more. */
static void test_a_first_output_after_the_hang_limit_counts(void **state)
{
	(void)state;
	stages[TTS].hang_ns = 4 * S;
	feed(TTS, WIRE_SPAN_STREAM_OPEN, 1000, 0, 1000);
	metrics__tick(m, T0 + 6000 * MS);
	feed(TTS, WIRE_SPAN_STREAM_FIRST, 1000, 7000, 7000);
	metrics__tick(m, T0 + 8000 * MS);
	metrics__tick(m, T0 + 10000 * MS);
	assert_near(session_ms("tts.first.max"), 6000);
	assert_near(session_ms("tts.total.max"), 6000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(test_the_next_from_ends_it),
		T(test_the_gap_ends_it),
		T(test_the_next_stage_ends_it),
		T(test_a_short_stream_is_looked_up_when_it_ends),
		T(test_what_it_puts_out_after_the_next_stage_is_not_its),
		T(test_the_end_of_the_target_ends_it),
		T(test_a_stream_of_another_turn_does_not),
		T(test_first_output_is_latency_where_it_streams),
		T(test_ended_from_another_thread),
		T(test_lost_opening_and_no_output),
		T(test_no_output_is_a_hang),
		T(test_a_first_output_after_the_hang_limit_counts),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
