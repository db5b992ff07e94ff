/* SPDX-License-Identifier: GPL-2.0-only */
/* Targets of components through the engine: cached answers, errors, CPU and memory in flight. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "metrics/hist.h"
#include "metrics/metrics.h"

#define MS 1000000ULL
#define S  1000000000ULL
#define MB (1ULL << 20)
#define T0 (100 * S)

enum { STT, INTENT, TTS, WAKE, STAGES };

static struct probe_config lookup, speech;
static struct stage_config stages[STAGES];
static struct config config;
static struct wire_stage_stats stats[STAGES];
static struct wire_histogram hists[STAGES], cached;
static uint64_t active_wall_ns, active_cpu_ns;
static struct metrics *m;

static int setup(void **state)
{
	static const char *const names[STAGES] = {"stt", "intent", "tts", "wake_word"};

	(void)state;
	memset(stats, 0, sizeof(stats));
	memset(hists, 0, sizeof(hists));
	memset(&cached, 0, sizeof(cached));
	active_wall_ns = active_cpu_ns = 0;
	for (int i = 0; i < STAGES; i++)
		stages[i] = (struct stage_config){.name = (char *)names[i],
						  .kind = STAGE_CALL,
						  .voice = true,
						  .turn = true,
						  .gap_ns = 2 * S,
						  .hang_ns = 10 * S};
	lookup = (struct probe_config){.cached.base = WIRE_BASE_RET};
	speech =
		(struct probe_config){.work.base = WIRE_BASE_RET, .per_second.base = WIRE_BASE_RET};
	stages[INTENT].call = (struct probe_list){&lookup, 1};
	stages[INTENT].timeout_ns = S;
	stages[TTS].call = (struct probe_list){&speech, 1};
	stages[STT].kind = STAGE_STREAM;
	stages[STT].timeout_ns = 2 * S;
	stages[STT].hang_ns = 4 * S;
	stages[WAKE].kind = STAGE_FRAME;
	stages[WAKE].voice = false;
	config = (struct config){.stages = stages, .stages_n = STAGES, .turn = {.idle_ns = 10 * S}};
	m = metrics__new(&config, T0);
	return m ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	metrics__free(m);
	return 0;
}

static void tick(uint64_t now_ns)
{
	struct process_sample process = {.ts_ns = now_ns, .cpus = 2};

	for (size_t i = 0; i < STAGES; i++) {
		const struct stage_reading r = {.stats = &stats[i],
						.latency = &hists[i],
						.cached = i == INTENT ? &cached : NULL,
						.active_wall_ns = active_wall_ns,
						.active_cpu_ns = active_cpu_ns,
						.active_known = metrics__wants_active(m, i)};

		metrics__feed_stage(m, i, &r, now_ns);
	}
	metrics__feed_process(m, &process);
	metrics__tick(m, now_ns);
}

static struct sample read_now(const char *id, enum statistic stat, uint64_t now_ns)
{
	int handle = metrics__demand(m, id, stat, 60 * S);

	if (handle < 0)
		fail_msg("%s: %d", id, handle);
	return metrics__read(m, handle, now_ns);
}

/* What the kernel does at the end of a call. */
static void call(int stage, uint64_t wall_ns, bool from_cache)
{
	stats[stage].spans++;
	stats[stage].sum_ns += wall_ns;
	if (wall_ns > stats[stage].max_ns)
		stats[stage].max_ns = wall_ns;
	stats[stage].cached += from_cache;
	(from_cache ? &cached : &hists[stage])->bucket[hist_bucket(wall_ns)]++;
}

static void ask(const char *id, enum statistic stat)
{
	assert_true(metrics__demand(m, id, stat, 60 * S) >= 0);
}

static void test_cached(void **state)
{
	(void)state;
	ask("intent.latency", STAT_P95);
	ask("intent.total", STAT_P95);
	ask("intent.cached.latency", STAT_P95);
	ask("intent.uncached.latency", STAT_P95);
	ask("intent.cached_ratio", STAT_MEAN);
	tick(T0);
	for (int i = 0; i < 30; i++)
		call(INTENT, 5 * MS, true);
	for (int i = 0; i < 10; i++)
		call(INTENT, 200 * MS, false);
	tick(T0 + S);
	assert_int_equal(read_now("intent.latency", STAT_P95, T0 + S).n, 40);
	assert_int_equal(read_now("intent.cached.latency", STAT_P95, T0 + S).n, 30);
	assert_int_equal(read_now("intent.uncached.latency", STAT_P95, T0 + S).n, 10);
	assert_true(fabs(read_now("intent.cached.latency", STAT_MAX, T0 + S).value - .005) < 1e-4);
	assert_true(fabs(read_now("intent.latency.max", STAT_INVALID, T0 + S).value - .2) < 1e-9);
	assert_true(fabs(read_now("intent.total", STAT_P50, T0 + S).value - .005) < 1e-4);
	assert_true(fabs(read_now("intent.cached_ratio", STAT_MEAN, T0 + S).value - .75) < 1e-9);
	/* Not told by the others. */
	assert_int_equal(metrics__demand(m, "tts.cached.latency", STAT_P95, S), -ENOENT);
	assert_int_equal(metrics__demand(m, "tts.cached_ratio", STAT_MEAN, S), -ENOENT);
	assert_int_equal(metrics__demand(m, "wake_word.total", STAT_P95, S), -ENOENT);
}

static void test_errors(void **state)
{
	(void)state;
	ask("intent.error_rate", STAT_MEAN);
	ask("intent.timeout_rate", STAT_MEAN);
	tick(T0);
	for (int i = 0; i < 16; i++)
		call(INTENT, 5 * MS, false);
	stats[INTENT].errors = 1;
	stats[INTENT].abnormal_exception = 2;
	stats[INTENT].abnormal_thread_end = 1;
	stats[INTENT].abnormal_unwound = 1;
	stats[INTENT].timeouts = 3;
	tick(T0 + S);
	assert_true(read_now("intent.error_rate", STAT_MEAN, T0 + S).value == 5.0 / 20);
	assert_int_equal(read_now("intent.error_rate", STAT_MEAN, T0 + S).n, 20);
	assert_true(read_now("intent.timeout_rate", STAT_MEAN, T0 + S).value == 3.0 / 20);
	/* Without a limit there is nothing to be over. */
	assert_int_equal(metrics__demand(m, "tts.timeout_rate", STAT_MEAN, S), -ENOENT);
}

static void stream(uint32_t flag, uint64_t start_ns, uint64_t first_ns, uint64_t ts_ns)
{
	struct wire_span span = {.hdr.ts_ns = ts_ns,
				 .stage = STT,
				 .flags = WIRE_SPAN_KEY | flag,
				 .key = 5,
				 .start_ns = start_ns,
				 .first_ns = first_ns,
				 .end_ns = first_ns ? first_ns : start_ns};

	metrics__feed_span(m, &span, ts_ns);
}

static void no_more(void *ctx, const struct wire_stream_key *key)
{
	(void)ctx;
	(void)key;
}

static int not_there(void *ctx, const struct wire_stream_key *key, struct wire_stream *out)
{
	(void)ctx;
	(void)key;
	(void)out;
	return -ENOENT;
}

/* A stream that never gave anything has failed; a failed output fails its stream. */
static void test_streams(void **state)
{
	static const struct metrics_streams_ops ops = {.lookup = not_there, .forget = no_more};
	const uint64_t end_ns = T0 + 50 * S;

	(void)state;
	ask("stt.error_rate", STAT_MEAN);
	ask("stt.timeout_rate", STAT_MEAN);
	ask("stt.abnormal", STAT_COUNT);
	tick(T0);
	/* Good; failed; cut off after 1 s; given up after the hang limit, which is over the
	 * timeout. */
	stream(WIRE_SPAN_STREAM_OPEN, T0 + 1 * S, 0, T0 + 1 * S);
	stream(WIRE_SPAN_STREAM_FIRST, T0 + 1 * S, T0 + 1 * S + MS, T0 + 1 * S + MS);
	stream(WIRE_SPAN_STREAM_OPEN, T0 + 5 * S, 0, T0 + 5 * S);
	stream(WIRE_SPAN_STREAM_FIRST | WIRE_SPAN_ERROR, T0 + 5 * S, T0 + 5 * S + MS,
	       T0 + 5 * S + MS);
	stream(WIRE_SPAN_STREAM_OPEN, T0 + 10 * S, 0, T0 + 10 * S);
	stream(WIRE_SPAN_STREAM_CLOSED | WIRE_SPAN_ABNORMAL, T0 + 10 * S, 0, T0 + 11 * S);
	stream(WIRE_SPAN_STREAM_OPEN, T0 + 11 * S, 0, T0 + 11 * S);
	metrics__poll_streams(m, &ops, NULL, end_ns);
	tick(end_ns);
	tick(end_ns + S);
	assert_true(read_now("stt.error_rate", STAT_MEAN, end_ns + S).value == 3.0 / 4);
	assert_true(read_now("stt.timeout_rate", STAT_MEAN, end_ns + S).value == 1.0 / 4);
	assert_true(read_now("stt.abnormal", STAT_COUNT, end_ns + S).value == 2);
}

static void test_active_cpu(void **state)
{
	struct sample s;

	(void)state;
	assert_false(metrics__wants_active(m, TTS));
	ask("tts.active_cpu", STAT_MEAN);
	assert_true(metrics__wants_active(m, TTS));
	assert_false(metrics__wants_active(m, STT));
	/* The clocks do not begin at 0, and wrap. */
	active_wall_ns = WIRE_CLOCK_MASK - 100 * MS;
	active_cpu_ns = 77;
	tick(T0);
	/* 0.5 s in flight, in which 0.25 s of CPU on 2 CPUs were used: 25 %. */
	active_wall_ns = (active_wall_ns + 500 * MS) & WIRE_CLOCK_MASK;
	active_cpu_ns += 250 * MS;
	tick(T0 + S);
	s = read_now("tts.active_cpu", STAT_MEAN, T0 + S);
	assert_true(fabs(s.value - 25.0) < 1e-9);
	assert_int_equal(s.quality, QUALITY_EXACT);
	assert_int_equal(s.unit, UNIT_PERCENT);
	/* Not in flight: no sample, the mean stays. */
	tick(T0 + 2 * S);
	assert_true(fabs(read_now("tts.active_cpu", STAT_MEAN, T0 + 2 * S).value - 25.0) < 1e-9);
	/* One clock of the two was read too early: nothing is counted twice, or not at all. */
	active_wall_ns = (active_wall_ns + 500 * MS) & WIRE_CLOCK_MASK;
	active_cpu_ns -= 50 * MS;
	tick(T0 + 3 * S);
	active_cpu_ns += 800 * MS;
	tick(T0 + 4 * S);
	assert_true(fabs(read_now("tts.active_cpu", STAT_MEAN, T0 + 4 * S).value - 50.0) < 1e-9);
	stats[TTS].overlaps = 1;
	tick(T0 + 5 * S);
	assert_int_equal(read_now("tts.active_cpu", STAT_MEAN, T0 + 5 * S).quality,
			 QUALITY_PARTIAL);
}

static void test_memory(void **state)
{
	uint32_t open[WIRE_STAGES_MAX] = {0};
	uint64_t now_ns = T0;
	struct sample s;

	(void)state;
	open[STT] = 1;
	assert_false(metrics__wants_memory(m, open, now_ns));
	ask("stt.memory", STAT_NOW);
	assert_true(metrics__wants_memory(m, open, now_ns));
	for (int i = 0; i < 60; i++, now_ns += S / 10) {
		open[STT] = (uint32_t)(i / 20);
		/* Another voice stage holds memory of its own; audio frames are always there. */
		open[TTS] = i % 10 == 3;
		open[WAKE] = 1;
		metrics__feed_memory(m, (100 + open[STT] * 200 + open[TTS] * 5000) * MB, open,
				     now_ns);
	}
	s = read_now("stt.memory", STAT_NOW, now_ns);
	assert_true(fabs(s.value - 200.0 * MB) < 1);
	assert_int_equal(s.quality, QUALITY_SAMPLED);
	assert_int_equal(s.unit, UNIT_BYTES);
	/* After the last span for 2 s, then once a second. */
	memset(open, 0, sizeof(open));
	open[STT] = 1;
	assert_true(metrics__wants_memory(m, open, now_ns));
	open[STT] = 0;
	metrics__feed_memory(m, 100 * MB, open, now_ns + 3 * S);
	assert_true(metrics__wants_memory(m, open, now_ns + 19 * S / 10));
	assert_false(metrics__wants_memory(m, open, now_ns + 31 * S / 10));
	assert_true(metrics__wants_memory(m, open, now_ns + 4 * S));
}

static void spoken(uint32_t flags, int64_t per_second, uint64_t now_ns)
{
	struct wire_span span = {.stage = TTS,
				 .flags = flags,
				 .start_ns = now_ns - MS,
				 .end_ns = now_ns,
				 .first_ns = now_ns,
				 .per_second = per_second};

	metrics__feed_span(m, &span, now_ns);
}

static void test_sample_rate(void **state)
{
	struct sample s;

	(void)state;
	ask("tts.sample_rate", STAT_MIN);
	tick(T0);
	assert_true(read_now("tts.sample_rate", STAT_MIN, T0).idle);
	spoken(WIRE_SPAN_RATE, 22050, T0 + MS);
	spoken(WIRE_SPAN_RATE, 8000, T0 + 2 * MS);
	spoken(WIRE_SPAN_RATE, 22050, T0 + 3 * MS);
	spoken(WIRE_SPAN_RATE, -5, T0 + 4 * MS);
	spoken(0, 10, T0 + 5 * MS);
	s = read_now("tts.sample_rate", STAT_MIN, T0 + S);
	assert_true(s.value == 8000 && s.n == 3);
	assert_int_equal(s.quality, QUALITY_EXACT);
	stats[TTS].records_limited = 1;
	tick(T0 + S);
	assert_int_equal(read_now("tts.sample_rate", STAT_MIN, T0 + S).quality, QUALITY_PARTIAL);
}

/* What the configuration says itself is no measurement, and no length no factor. */
static void test_not_there(void **state)
{
	(void)state;
	assert_int_equal(metrics__demand(m, "stt.rtf", STAT_MEAN, S), -ENOENT);
	assert_int_equal(metrics__demand(m, "stt.sample_rate", STAT_MIN, S), -ENOENT);
	assert_int_equal(metrics__demand(m, "intent.sample_rate", STAT_MIN, S), -ENOENT);
	assert_true(metrics__demand(m, "tts.rtf", STAT_MEAN, S) >= 0);
	metrics__free(m);
	speech.per_second.base = WIRE_BASE_CONST;
	m = metrics__new(&config, T0);
	assert_int_equal(metrics__demand(m, "tts.sample_rate", STAT_MIN, S), -ENOENT);
	assert_true(metrics__demand(m, "tts.rtf", STAT_MEAN, S) >= 0);
}

struct seen {
	bool active, memory;
};

static void note(void *ctx, const char *id, const struct sample *sample)
{
	struct seen *seen = ctx;

	(void)sample;
	seen->active |= !strcmp(id, "stt.active_cpu");
	seen->memory |= !strcmp(id, "stt.memory");
}

/* Summaries show what somebody asked for, be it the configuration of the stage. */
static void test_asked_by_the_stage(void **state)
{
	struct seen seen = {false, false};

	(void)state;
	metrics__each(m, T0, note, &seen);
	assert_false(seen.active || seen.memory);
	metrics__free(m);
	stages[STT].active_cpu = stages[STT].memory = true;
	m = metrics__new(&config, T0);
	assert_true(metrics__wants_active(m, STT));
	metrics__each(m, T0, note, &seen);
	assert_true(seen.active && seen.memory);
}

#define engine_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		engine_test(test_cached),    engine_test(test_errors),
		engine_test(test_streams),   engine_test(test_active_cpu),
		engine_test(test_memory),    engine_test(test_sample_rate),
		engine_test(test_not_there), engine_test(test_asked_by_the_stage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
