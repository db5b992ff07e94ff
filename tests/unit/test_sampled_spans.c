/* SPDX-License-Identifier: GPL-2.0-only */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "python/sampled_spans.h"

#define MS  1000000ULL
#define TID 7

/* What came out. */
struct seen {
	struct sampled_spans *spans;
	struct wire_span span[64];
	size_t n;
	int open; /* opened less landed */
};

static uint32_t on_opened(void *ctx, uint32_t stage, uint64_t start_ns, uint32_t tid)
{
	struct seen *seen = ctx;

	(void)stage, (void)start_ns, (void)tid;
	return (uint32_t)++seen->open;
}

static void on_landed(void *ctx, uint32_t stage, uint32_t slot)
{
	(void)stage;
	assert_true(slot);
	((struct seen *)ctx)->open--;
}

static void on_span(void *ctx, const struct wire_span *span)
{
	struct seen *seen = ctx;

	assert_true(seen->n < 64);
	seen->span[seen->n++] = *span;
}

static int set_up(void **state)
{
	const struct sampled_spans_ops ops = {on_opened, on_landed, on_span};
	struct seen *seen = calloc(1, sizeof(*seen));

	seen->spans = sampled_spans__new(&ops, seen);
	*state = seen;
	return seen->spans ? 0 : -1;
}

static int tear_down(void **state)
{
	struct seen *seen = *state;

	sampled_spans__stop(seen->spans);
	assert_int_equal(seen->open, 0);
	sampled_spans__free(seen->spans);
	free(seen);
	return 0;
}

/* A look at `ts`, the last one before at `before`; the thread has only ever run. */
static struct wire_python_sample look(uint64_t before_ms, uint64_t ts_ms)
{
	return (struct wire_python_sample){
		.hdr = {.kind = WIRE_KIND_PYTHON_SAMPLE, .tid = TID, .ts_ns = ts_ms * MS},
		.before_ns = before_ms * MS,
		.cpu_ns = ts_ms * MS,
		.process_cpu_ns = ts_ms * MS};
}

static void add(struct wire_python_sample *sample, uint64_t frame, uint32_t cls, uint32_t flags)
{
	sample->frames[sample->frames_n++] =
		(struct wire_python_frame){frame, 0x1000 + (cls & 63), cls, flags};
}

static void feed(struct seen *seen, struct wire_python_sample sample)
{
	sampled_spans__feed(seen->spans, &sample);
}

/* A look at which one frame is there. */
static void feed_one(struct seen *seen, uint64_t before_ms, uint64_t ts_ms, uint64_t frame,
		     uint32_t cls, uint32_t flags)
{
	struct wire_python_sample sample = look(before_ms, ts_ms);

	add(&sample, frame, cls, flags);
	feed(seen, sample);
}

static void test_middle(void **state)
{
	struct seen *seen = *state;

	feed_one(seen, 10, 12, 0x100, 3, 0);
	assert_int_equal(seen->open, 1);
	assert_int_equal(seen->n, 0);
	feed(seen, look(30, 32));
	assert_int_equal(seen->n, 1);
	assert_int_equal(seen->open, 0);
	assert_int_equal(seen->span[0].stage, 2);
	assert_int_equal(seen->span[0].start_ns, 11 * MS);
	assert_int_equal(seen->span[0].end_ns, 31 * MS);
	assert_int_equal(seen->span[0].key, TID);
	/* All of it on a CPU. */
	assert_int_equal(seen->span[0].cpu_ns, 20 * MS);
	assert_int_equal(seen->span[0].process_cpu_ns, 20 * MS);
	assert_true(seen->span[0].flags & WIRE_SPAN_CPU);
}

/* CPU and waits add up to the wall time. */
static void test_waits(void **state)
{
	struct wire_python_sample sample = look(10, 10);
	struct seen *seen = *state;

	add(&sample, 0x100, 1, 0);
	sample.cpu_ns = 5 * MS;
	feed(seen, sample);
	/* Came back from a sleep of 30 ms at 42, was looked at at 44. */
	sample = look(42, 44);
	sample.cpu_ns = 9 * MS;
	sample.wait_ns[WIRE_WAIT_SLEEP] = 30 * MS;
	feed(seen, sample);
	assert_int_equal(seen->n, 1);
	assert_int_equal(seen->span[0].end_ns - seen->span[0].start_ns, 33 * MS);
	assert_int_equal(seen->span[0].cpu_ns, 3 * MS);
	assert_int_equal(seen->span[0].wait_ns[WIRE_WAIT_SLEEP], 30 * MS);
	assert_int_equal(seen->span[0].wait_ns[WIRE_WAIT_OTHER], 0);
}

static void test_nested_and_other_threads(void **state)
{
	struct wire_python_sample sample = look(10, 12);
	struct seen *seen = *state;

	add(&sample, 0x200, 2, 0);
	add(&sample, 0x100, 1, 0);
	feed(seen, sample);
	/* Another thread does not end them, though its frame is alike. */
	sample = look(10, 13);
	sample.hdr.tid = TID + 1;
	add(&sample, 0x100, 1, 0);
	feed(seen, sample);
	assert_int_equal(seen->open, 3);
	/* The inner one ends. */
	feed_one(seen, 20, 22, 0x100, 1, 0);
	assert_int_equal(seen->n, 1);
	assert_int_equal(seen->span[0].stage, 1);
	/* Another frame of the same function: another call. */
	feed_one(seen, 30, 32, 0x180, 1, 0);
	assert_int_equal(seen->n, 2);
	assert_int_equal(seen->span[1].stage, 0);
	assert_int_equal(seen->span[1].end_ns, 31 * MS);
	feed(seen, look(40, 42));
	assert_int_equal(seen->n, 3);
	assert_int_equal(seen->span[2].start_ns, 31 * MS);
	assert_int_equal(seen->open, 1);
}

/* A look that did not reach the outermost frames ends nothing. */
static void test_cut(void **state)
{
	struct wire_python_sample sample = look(20, 22);
	struct seen *seen = *state;

	feed_one(seen, 10, 12, 0x100, 1, 0);
	sample.flags = WIRE_PYTHON_CUT;
	feed(seen, sample);
	assert_int_equal(seen->n, 0);
	assert_int_equal(seen->open, 1);
	feed(seen, look(30, 32));
	assert_int_equal(seen->n, 1);
	assert_int_equal(seen->span[0].end_ns, 31 * MS);
}

/* What was under way when the looks began is not counted. */
static void test_under_way(void **state)
{
	const struct sampled_suspended before[] = {{0x100, 0x1001}};
	struct wire_python_sample sample = look(10, 10);
	struct sampled_spans_stats stats;
	struct seen *seen = *state;

	sample.flags = WIRE_PYTHON_FIRST;
	add(&sample, 0x100, 1, 0);
	feed(seen, sample);
	assert_int_equal(seen->open, 0);
	feed(seen, look(20, 22));
	assert_int_equal(seen->n, 0);
	sampled_spans__stats(seen->spans, &stats);
	assert_int_equal(stats.under_way, 1);
	/* And what was open when they stopped is forgotten. */
	feed_one(seen, 30, 32, 0x100, 1, 0);
	sample = look(90, 90);
	sample.flags = WIRE_PYTHON_FIRST;
	feed(seen, sample);
	assert_int_equal(seen->n, 0);
	assert_int_equal(seen->open, 0);
	/* Where it is known what was there before, all else is counted. */
	sampled_spans__under_way(seen->spans, before, 1);
	sample.before_ns = 88 * MS;
	add(&sample, 0x100, 1, 0);
	add(&sample, 0x200, 2, 0);
	feed(seen, sample);
	assert_int_equal(seen->open, 1);
	feed(seen, look(98, 100));
	assert_int_equal(seen->n, 1);
	assert_int_equal(seen->span[0].stage, 1);
	assert_int_equal(seen->span[0].start_ns, 89 * MS);
}

static void test_thread_end(void **state)
{
	struct wire_python_sample sample = look(20, 22);
	struct seen *seen = *state;

	feed_one(seen, 10, 12, 0x100, 1, 0);
	sample.flags = WIRE_PYTHON_THREAD_END;
	feed(seen, sample);
	assert_int_equal(seen->n, 1);
	assert_int_equal(seen->span[0].end_ns, 21 * MS);
}

/* Nobody knows yet which function it is: it counts from when it was seen. */
static void test_asked(void **state)
{
	struct wire_python_sample sample = look(10, 12);
	struct seen *seen = *state;

	add(&sample, 0x100, WIRE_PYTHON_ASKED, 0);
	sample.frames[0].code = 0xc0de;
	feed(seen, sample);
	assert_int_equal(seen->open, 0);
	sampled_spans__resolve(seen->spans, 0xc0de, 4);
	assert_int_equal(seen->open, 1);
	feed(seen, look(20, 22));
	assert_int_equal(seen->n, 1);
	assert_int_equal(seen->span[0].stage, 3);
	assert_int_equal(seen->span[0].start_ns, 11 * MS);
	/* It ended before there was an answer. */
	feed(seen, sample);
	feed(seen, look(14, 16));
	assert_int_equal(seen->n, 1);
	sampled_spans__resolve(seen->spans, 0xc0de, 4);
	assert_int_equal(seen->n, 2);
	assert_int_equal(seen->span[1].end_ns - seen->span[1].start_ns, 4 * MS);
	/* It was none that anybody asked for. */
	feed(seen, sample);
	sampled_spans__resolve(seen->spans, 0xc0de, WIRE_PYTHON_NOTHING);
	feed(seen, look(14, 16));
	assert_int_equal(seen->n, 2);
	/* The programs were told before we were. */
	feed(seen, sample);
	sample.frames[0].cls = 4;
	sample.hdr.ts_ns += MS;
	feed(seen, sample);
	feed(seen, look(14, 16));
	assert_int_equal(seen->n, 3);
}

/* A generator was made, or is over. */
static void tell(struct seen *seen, uint64_t before_ms, uint64_t ts_ms, uint64_t frame,
		 uint32_t cls, uint32_t over)
{
	const struct wire_python_generator g = {
		.hdr = {.kind = WIRE_KIND_PYTHON_GENERATOR, .tid = TID, .ts_ns = ts_ms * MS},
		.before_ns = before_ms * MS,
		.frame = frame,
		.code = 0x1000 + (cls & 63),
		.cls = cls,
		.over = over};

	sampled_spans__generator(seen->spans, &g);
}

/* A coroutine is one span, however often it leaves its thread, and on whichever it goes on. */
static void test_generator(void **state)
{
	struct wire_python_sample sample = look(52, 52);
	struct seen *seen = *state;

	tell(seen, 4, 6, 0x100, 1, 0);
	assert_int_equal(seen->open, 1);
	feed_one(seen, 10, 12, 0x100, 1, WIRE_PYTHON_GENERATOR);
	feed(seen, look(20, 22));
	assert_int_equal(seen->n, 0);
	assert_int_equal(seen->open, 1);
	sample.hdr.tid = TID + 1;
	add(&sample, 0x100, 1, WIRE_PYTHON_GENERATOR);
	feed(seen, sample);
	sample = look(60, 62);
	sample.hdr.tid = TID + 1;
	feed(seen, sample);
	assert_int_equal(seen->n, 0);
	tell(seen, 70, 72, 0x100, 1, 1);
	assert_int_equal(seen->n, 1);
	assert_int_equal(seen->open, 0);
	assert_int_equal(seen->span[0].start_ns, 5 * MS);
	assert_int_equal(seen->span[0].end_ns, 71 * MS);
	assert_int_equal(seen->span[0].cpu_ns, 19 * MS);
	assert_int_equal(seen->span[0].wait_ns[WIRE_WAIT_OTHER], 47 * MS);
	/* Its end once more: nothing is there. */
	tell(seen, 70, 72, 0x100, 1, 1);
	assert_int_equal(seen->n, 1);
}

/* Those that overlap are apart, though none was ever seen on a thread. */
static void test_generators_overlap(void **state)
{
	struct seen *seen = *state;

	tell(seen, 10, 12, 0x100, 1, 0);
	tell(seen, 10, 12, 0x200, 1, 0);
	tell(seen, 20, 22, 0x300, 2, 0);
	assert_int_equal(seen->open, 3);
	tell(seen, 30, 32, 0x200, 1, 1);
	tell(seen, 40, 42, 0x100, 1, 1);
	tell(seen, 50, 50, 0x300, 2, 1);
	assert_int_equal(seen->n, 3);
	assert_int_equal(seen->span[0].end_ns - seen->span[0].start_ns, 20 * MS);
	assert_int_equal(seen->span[1].end_ns - seen->span[1].start_ns, 30 * MS);
	assert_int_equal(seen->span[2].end_ns - seen->span[2].start_ns, 29 * MS);
	assert_int_equal(seen->span[2].stage, 1);
	assert_int_equal(seen->span[2].cpu_ns, 0);
	assert_int_equal(seen->span[2].wait_ns[WIRE_WAIT_OTHER], 29 * MS);
}

/* It is over when it leaves: the next one in its place is another. */
static void test_generator_over(void **state)
{
	struct wire_python_sample sample = look(20, 22);
	struct seen *seen = *state;

	for (int told = 0; told < 2; told++) {
		tell(seen, 8, 10, 0x100, 1, 0);
		feed_one(seen, 10, 12, 0x100, 1, WIRE_PYTHON_GENERATOR);
		if (told)
			tell(seen, 20, 22, 0x100, 1, 1);
		sample.over[3] = told ? 0 : 0x100;
		feed(seen, sample);
		assert_int_equal(seen->n, 1 + told);
		assert_int_equal(seen->span[told].start_ns, 9 * MS);
		assert_int_equal(seen->span[told].end_ns, 21 * MS);
		assert_int_equal(seen->span[told].cpu_ns, 10 * MS);
	}
	assert_int_equal(seen->open, 0);
}

/* Nobody saw it being made: it is not counted. */
static void test_generator_from_nowhere(void **state)
{
	struct sampled_spans_stats stats;
	struct seen *seen = *state;

	feed_one(seen, 10, 12, 0x100, 1, WIRE_PYTHON_GENERATOR);
	feed(seen, look(20, 22));
	assert_int_equal(seen->open, 0);
	tell(seen, 30, 32, 0x100, 1, 1);
	assert_int_equal(seen->n, 0);
	sampled_spans__stats(seen->spans, &stats);
	assert_int_equal(stats.under_way, 1);
}

/* It was on its thread as the lists could not be read; then it is told that it is new. */
static void test_generator_seen_before_it_is_told(void **state)
{
	struct sampled_spans_stats stats;
	struct seen *seen = *state;

	feed_one(seen, 10, 12, 0x100, 1, WIRE_PYTHON_GENERATOR);
	tell(seen, 8, 14, 0x100, 1, 0);
	assert_int_equal(seen->open, 1);
	feed(seen, look(20, 22));
	tell(seen, 30, 32, 0x100, 1, 1);
	assert_int_equal(seen->n, 1);
	assert_int_equal(seen->span[0].start_ns, 11 * MS);
	assert_int_equal(seen->span[0].end_ns, 31 * MS);
	assert_int_equal(seen->span[0].cpu_ns, 10 * MS);
	/* And when it had left. */
	feed_one(seen, 40, 42, 0x100, 1, WIRE_PYTHON_GENERATOR);
	feed(seen, look(44, 46));
	tell(seen, 40, 48, 0x100, 1, 0);
	tell(seen, 60, 62, 0x100, 1, 1);
	assert_int_equal(seen->n, 2);
	assert_int_equal(seen->span[1].end_ns - seen->span[1].start_ns, 17 * MS);
	assert_int_equal(seen->open, 0);
	sampled_spans__stats(seen->spans, &stats);
	assert_int_equal(stats.lost, 0);
}

/* On no thread: from its making on, while it is not seen on one. */
static void test_waiting(void **state)
{
	struct sampled_waiting waiting[2];
	struct seen *seen = *state;

	tell(seen, 10, 10, 0x100, 1, 0);
	tell(seen, 20, 20, 0x200, 2, 0);
	assert_int_equal(sampled_spans__waiting(seen->spans, 10 * MS, waiting, 2), 0);
	assert_int_equal(sampled_spans__waiting(seen->spans, 15 * MS, waiting, 2), 1);
	assert_int_equal(waiting[0].frame, 0x100);
	assert_int_equal(waiting[0].code, 0x1001);
	assert_int_equal(waiting[0].stage, 0);
	assert_int_equal(sampled_spans__waiting(seen->spans, 30 * MS, waiting, 2), 2);
	assert_int_equal(sampled_spans__waiting(seen->spans, 30 * MS, waiting, 1), 1);
	feed_one(seen, 30, 32, 0x100, 1, WIRE_PYTHON_GENERATOR);
	assert_int_equal(sampled_spans__waiting(seen->spans, 40 * MS, waiting, 2), 1);
	assert_int_equal(waiting[0].stage, 1);
}

/* An end that was lost: counted as that, and nothing else. */
static void test_generator_gone(void **state)
{
	struct sampled_suspended suspended[4];
	struct sampled_spans_stats stats;
	struct seen *seen = *state;

	tell(seen, 10, 10, 0x100, 1, 0);
	assert_int_equal(sampled_spans__suspended(seen->spans, 900 * MS, suspended, 4), 0);
	assert_int_equal(sampled_spans__suspended(seen->spans, 1100 * MS, suspended, 4), 1);
	assert_int_equal(suspended[0].frame, 0x100);
	assert_false(sampled_spans__gone(seen->spans, 0x100, 0x1001, 1100 * MS));
	assert_false(sampled_spans__gone(seen->spans, 0x100, 0x1001, 1900 * MS));
	assert_true(sampled_spans__gone(seen->spans, 0x100, 0x1001, 2200 * MS));
	assert_false(sampled_spans__gone(seen->spans, 0x100, 0x1001, 2300 * MS));
	/* Another one in its place. */
	tell(seen, 3000, 3000, 0x100, 1, 0);
	tell(seen, 3100, 3100, 0x100, 1, 0);
	assert_int_equal(seen->open, 1);
	sampled_spans__stats(seen->spans, &stats);
	assert_int_equal(stats.lost, 2);
	assert_int_equal(seen->n, 0);
}

/* Records may hold anything that decodes: nothing overflows, all is bounded and counted. */
static void test_hostile(void **state)
{
	struct sampled_spans_stats stats;
	struct seen *seen = *state;

	for (uint32_t i = 0; i < 4000; i++) {
		struct wire_python_sample sample = look(i % 7, i % 5);

		sample.hdr.tid = i;
		sample.frames_n = WIRE_PYTHON_SET + i;
		sample.cpu_ns = i % 3 ? 0 : UINT64_MAX;
		for (size_t n = 0; n < WIRE_PYTHON_SET; n++)
			sample.frames[n] = (struct wire_python_frame){i, n, WIRE_PYTHON_ASKED, 1};
		feed(seen, sample);
	}
	sampled_spans__stats(seen->spans, &stats);
	assert_true(stats.lost > 0);
	for (uint32_t n = 0; n < WIRE_PYTHON_SET; n++)
		sampled_spans__resolve(seen->spans, n, n % 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_middle, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_waits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nested_and_other_threads, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_cut, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_under_way, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_thread_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_asked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_generator, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_generators_overlap, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_generator_over, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_generator_from_nowhere, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_generator_seen_before_it_is_told, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_waiting, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_generator_gone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hostile, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
