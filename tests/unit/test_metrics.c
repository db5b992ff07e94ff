/* SPDX-License-Identifier: GPL-2.0-only */
/* The engine as the watch loop drives it: kernel totals, records and process samples to alerts. */
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
#include "rules/rules.h"

#define MS 1000000ULL
#define S  1000000000ULL
#define MB (1ULL << 20)
#define T0 (100 * S)

enum { WAKE, STT, INTENT, TTS, STAGES };

static struct stage_config stages[STAGES];
static struct budget_config budgets[4];
static struct config config;
static struct wire_stage_stats stats[STAGES];
static struct wire_histogram hists[STAGES];
static struct wire_histogram frames;
static struct process_sample process;

static int setup(void **state)
{
	static const char *const names[STAGES] = {"wake_word", "stt", "intent", "tts"};

	(void)state;
	memset(stats, 0, sizeof(stats));
	memset(hists, 0, sizeof(hists));
	memset(&frames, 0, sizeof(frames));
	for (int i = 0; i < STAGES; i++)
		stages[i] = (struct stage_config){.name = (char *)names[i],
						  .kind = STAGE_CALL,
						  .turn = true,
						  .gap_ns = 2 * S,
						  .hang_ns = 10 * S};
	stages[WAKE].kind = STAGE_FRAME;
	budgets[0] = (struct budget_config){.metric = (char *)"intent.latency",
					    .stat = STAT_P95,
					    .window_ns = 10 * S,
					    .unit = UNIT_S,
					    .target = 0.2,
					    .warning = 0.4,
					    .critical = 0.8,
					    .for_ns = 2 * S,
					    .min_count = 1,
					    .p0_above = NAN,
					    .priority1_over = 0.5,
					    .priority2_over = 0.2,
					    .priority_floor = 3};
	config = (struct config){.stages = stages,
				 .stages_n = STAGES,
				 .budgets = budgets,
				 .budgets_n = 1,
				 .turn = {.key = TURN_KEY_VALUE, .idle_ns = 10 * S}};
	process = (struct process_sample){.ts_ns = T0,
					  .cpus = 2,
					  .voice_known = true,
					  .memory_known = true,
					  .fds_known = true,
					  .rss_bytes = 100 * MB,
					  .anon_bytes = 60 * MB,
					  .hwm_bytes = 150 * MB,
					  .threads = 5,
					  .fds = 20};
	return 0;
}

static void feed_totals(struct metrics *m, size_t i, uint64_t now_ns)
{
	const struct stage_reading reading = {
		.stats = &stats[i], .latency = &hists[i], .frame = &frames};

	metrics__feed_stage(m, i, &reading, now_ns);
}

static struct metrics *begin(void)
{
	struct metrics *m = metrics__new(&config, T0);

	assert_non_null(m);
	for (size_t i = 0; i < STAGES; i++)
		feed_totals(m, i, T0);
	return m;
}

/* What the kernel does at the end of a call. */
static struct wire_span call(int stage, uint64_t start_ns, uint64_t end_ns, uint64_t key)
{
	uint64_t wall_ns = end_ns - start_ns;

	stats[stage].spans++;
	stats[stage].sum_ns += wall_ns;
	stats[stage].cpu_ns += wall_ns / 4;
	stats[stage].wait_ns[WIRE_WAIT_LOCK] += wall_ns - wall_ns / 4;
	if (wall_ns > stats[stage].max_ns)
		stats[stage].max_ns = wall_ns;
	hists[stage].bucket[hist_bucket(wall_ns)]++;
	return (struct wire_span){.hdr.tid = 9,
				  .stage = (uint16_t)stage,
				  .flags = WIRE_SPAN_KEY | WIRE_SPAN_CPU,
				  .key = key,
				  .start_ns = start_ns,
				  .end_ns = end_ns,
				  .cpu_ns = wall_ns / 4};
}

static void tick(struct metrics *m, uint64_t now_ns)
{
	for (size_t i = 0; i < STAGES; i++)
		feed_totals(m, i, now_ns);
	process.ts_ns = now_ns;
	metrics__feed_process(m, &process);
	metrics__tick(m, now_ns);
}

static double read_now(struct metrics *m, const char *id, enum statistic stat, uint64_t now_ns)
{
	int handle = metrics__demand(m, id, stat, 60 * S);

	assert_true(handle >= 0);
	return metrics__read(m, handle, now_ns).value;
}

struct found {
	const char *id;
	struct sample sample;
	int times;
};

static void find_id(void *ctx, const char *id, const struct sample *sample)
{
	struct found *found = ctx;

	if (strcmp(id, found->id) != 0)
		return;
	found->sample = *sample;
	found->times++;
}

static struct sample session(struct metrics *m, const char *id, uint64_t now_ns)
{
	struct found found = {.id = id};

	metrics__each(m, now_ns, find_id, &found);
	assert_int_equal(found.times, 1);
	return found.sample;
}

static void test_stage(void **state)
{
	struct metrics *m = begin();
	int p95 = metrics__demand(m, "intent.latency", STAT_P95, 10 * S);
	struct evidence_item slow[EVIDENCE_KEPT];

	(void)state;
	assert_int_equal(metrics__demand(m, "intent.latency.p95", STAT_INVALID, 10 * S), p95);
	assert_true(metrics__read(m, p95, T0).idle);
	for (uint64_t i = 1; i <= 100; i++) {
		struct wire_span span = call(INTENT, T0 + i * MS, T0 + 2 * i * MS, 1);

		metrics__feed_span(m, &span, T0 + S);
	}
	tick(m, T0 + S);
	assert_int_equal(metrics__read(m, p95, T0 + S).n, 100);
	assert_true(fabs(metrics__read(m, p95, T0 + S).value - 0.095) <= 0.095 * 0.016);
	assert_int_equal(metrics__read(m, p95, T0 + S).quality, QUALITY_EXACT);
	assert_true(session(m, "intent.latency.max", T0 + S).value == 0.1);
	assert_true(fabs(session(m, "intent.latency.mean", T0 + S).value - 0.0505) < 1e-9);
	assert_true(session(m, "intent.count", T0 + S).value == 100);
	assert_true(fabs(session(m, "intent.cpu", T0 + S).value - 0.0505 / 4) < 1e-9);
	assert_true(fabs(session(m, "intent.wait.lock", T0 + S).value - 0.0505 * 3 / 4) < 1e-9);
	assert_true(fabs(session(m, "intent.wait.lock.sum", T0 + S).value - 5.05 * 3 / 4) < 1e-9);
	assert_true(session(m, "intent.rate", T0 + S).value == 100);
	assert_true(session(m, "intent.error_rate", T0 + S).value == 0);
	assert_true(session(m, "stt.error_rate", T0 + S).idle);
	assert_int_equal(metrics__slowest(m, p95, T0 + S, slow), 3);
	assert_int_equal(slow[0].wall_ns, 100 * MS);
	assert_int_equal(slow[0].cpu_ns, 25 * MS);
	assert_int_equal(slow[2].wall_ns, 98 * MS);
	metrics__free(m);
}

static void test_demand_errors(void **state)
{
	struct metrics *m = begin();

	(void)state;
	assert_int_equal(metrics__demand(m, "nothing.latency", STAT_P95, S), -ENOENT);
	assert_int_equal(metrics__demand(m, "io.nothing", STAT_NOW, S), -ENOENT);
	assert_int_equal(metrics__demand(m, "io.disk", STAT_NOW, S), -EINVAL);
	assert_int_equal(metrics__demand(m, "stt.first", STAT_P95, S), -ENOENT);
	assert_int_equal(metrics__demand(m, "stt.latency", STAT_NOW, S), -EINVAL);
	assert_int_equal(metrics__demand(m, "cpu.usage", STAT_P95, S), -EINVAL);
	assert_true(metrics__demand(m, "turn.gap.stt.intent", STAT_P95, S) >= 0);
	assert_int_equal(metrics__read(m, 1000, T0).quality, QUALITY_UNKNOWN);
	metrics__free(m);
}

static void test_cpu(void **state)
{
	struct metrics *m = begin();
	uint64_t now_ns = T0;

	(void)state;
	metrics__demand(m, "cpu.usage", STAT_MEAN, 60 * S);
	metrics__demand(m, "cpu.voice", STAT_MEAN, 60 * S);
	metrics__demand(m, "cpu.background", STAT_MEAN, 60 * S);
	tick(m, now_ns);
	/* 10 s on 2 CPUs: 20 % busy; in seconds 3 and 4 voice, on 1.5 CPUs. */
	for (int i = 0; i < 10; i++) {
		bool voice = i == 3 || i == 4;

		process.cpu_ns += voice ? 1500 * MS : 125 * MS;
		process.voice_ns += voice ? S : 0;
		process.voice_cpu_ns += voice ? 1500 * MS : 0;
		tick(m, now_ns += S);
	}
	assert_true(fabs(read_now(m, "cpu.usage", STAT_MEAN, now_ns) - 20.0) < 1e-9);
	assert_true(fabs(read_now(m, "cpu.usage.peak", STAT_INVALID, now_ns) - 75.0) < 1e-9);
	assert_true(fabs(read_now(m, "cpu.voice", STAT_MEAN, now_ns) - 75.0) < 1e-9);
	assert_true(fabs(read_now(m, "cpu.background", STAT_MEAN, now_ns) - 6.25) < 1e-9);
	assert_true(fabs(session(m, "cpu.time.total", now_ns).value - 4.0) < 1e-9);
	assert_true(fabs(session(m, "cpu.time.voice", now_ns).value +
			 session(m, "cpu.time.background", now_ns).value - 4.0) < 1e-9);
	metrics__free(m);
}

static void test_memory(void **state)
{
	struct metrics *m = begin();
	int peak = metrics__demand(m, "memory.peak", STAT_MAX, 20 * S);
	int base = metrics__demand(m, "memory.baseline", STAT_MEDIAN, 20 * S);
	int rss = metrics__demand(m, "memory.rss", STAT_NOW, 20 * S);
	uint64_t now_ns = T0;

	(void)state;
	tick(m, now_ns);
	/* The high-water mark from before the attach is not ours. */
	tick(m, now_ns += S);
	assert_true(metrics__read(m, peak, now_ns).value == 100.0 * MB);
	assert_int_equal(metrics__read(m, peak, now_ns).quality, QUALITY_SAMPLED);
	process.hwm_bytes = 400 * MB;
	tick(m, now_ns += S);
	assert_true(metrics__read(m, peak, now_ns).value == 400.0 * MB);
	assert_int_equal(metrics__read(m, peak, now_ns).quality, QUALITY_EXACT);
	/* While somebody speaks memory is no base line. */
	for (int i = 0; i < 10; i++) {
		process.voice_ns += S / 2;
		process.rss_bytes = 300 * MB;
		tick(m, now_ns += S);
	}
	assert_true(metrics__read(m, base, now_ns).value == 100.0 * MB);
	assert_true(metrics__read(m, rss, now_ns).value == 300.0 * MB);
	now_ns += 8 * S;
	/* Not read for long: what was is not what is. */
	assert_int_equal(metrics__read(m, peak, now_ns).quality, QUALITY_UNKNOWN);
	metrics__free(m);
}

struct log {
	int n;
	struct alert_event last;
	int state[8];
};

static void on_alert(void *ctx, const struct alert_event *event, int handle)
{
	struct log *log = ctx;

	(void)handle;
	log->state[event->state]++;
	log->last = *event;
	log->n++;
}

static void test_budget_fires_and_a_silent_assistant_does_not(void **state)
{
	struct metrics *m = begin();
	struct rules *rules = rules__new(&config, m);
	struct log log = {0};
	uint64_t now_ns = T0;

	(void)state;
	assert_non_null(rules);
	assert_int_equal(rules__count(rules), 3);
	for (int i = 0; i < 20; i++) {
		tick(m, now_ns += S);
		rules__tick(rules, now_ns, on_alert, &log);
	}
	assert_int_equal(log.n, 0);
	call(INTENT, now_ns, now_ns + 500 * MS, 1);
	for (int i = 0; i < 4; i++) {
		tick(m, now_ns += S);
		rules__tick(rules, now_ns, on_alert, &log);
	}
	assert_int_equal(log.state[ALERT_FIRING], 1);
	assert_int_equal(log.last.severity, SEVERITY_WARNING);
	assert_int_equal(rules__firing(rules), 1);
	/* The window empties: resolved by idleness. */
	for (int i = 0; i < 10; i++) {
		tick(m, now_ns += S);
		rules__tick(rules, now_ns, on_alert, &log);
	}
	assert_int_equal(log.last.state, ALERT_RESOLVED);
	assert_int_equal(rules__firing(rules), 0);
	assert_int_equal(rules__worst(rules), SEVERITY_WARNING);
	rules__free(rules);
	metrics__free(m);
}

static void test_shed_stage_is_unknown_once(void **state)
{
	struct metrics *m = begin();
	struct rules *rules = rules__new(&config, m);
	struct log log = {0};
	uint64_t now_ns = T0;

	(void)state;
	metrics__stage_state(m, INTENT, METRICS_STAGE_SHED);
	for (int i = 0; i < 5; i++) {
		tick(m, now_ns += S);
		rules__tick(rules, now_ns, on_alert, &log);
	}
	assert_int_equal(log.n, 1);
	assert_int_equal(log.last.state, ALERT_UNKNOWN);
	assert_string_equal(log.last.sample.reason, "the stage was shed");
	assert_int_equal(session(m, "turn.latency.p95", now_ns).quality, QUALITY_UNKNOWN);
	metrics__stage_state(m, INTENT, METRICS_STAGE_ARMED);
	rules__tick(rules, now_ns, on_alert, &log);
	assert_int_equal(log.last.state, ALERT_INACTIVE);
	rules__free(rules);
	metrics__free(m);
}

static void test_hang_and_frames_and_exit(void **state)
{
	struct metrics *m = begin();
	struct rules *rules = rules__new(&config, m);
	struct log log = {0};
	uint64_t now_ns = T0;
	size_t stage;

	(void)state;
	for (int i = 0; i < 10; i++) {
		stats[WAKE].spans += 50;
		tick(m, now_ns += S);
		rules__tick(rules, now_ns, on_alert, &log);
	}
	assert_int_equal(log.n, 0);
	for (int i = 0; i < 7; i++) {
		tick(m, now_ns += S);
		rules__tick(rules, now_ns, on_alert, &log);
	}
	assert_int_equal(log.n, 1);
	assert_int_equal(log.last.priority, 0);
	assert_string_equal(metrics__unresponsive(m, &stage), "audio frames stopped");
	assert_int_equal(stage, WAKE);
	stats[WAKE].spans += 50;
	tick(m, now_ns += S);
	assert_null(metrics__unresponsive(m, &stage));
	stats[TTS].open[3].start_ns = now_ns;
	for (int i = 0; i < 11; i++) {
		stats[WAKE].spans += 50;
		tick(m, now_ns += S);
	}
	assert_string_equal(metrics__unresponsive(m, &stage),
			    "in flight longer than its hang limit");
	assert_int_equal(stage, TTS);
	/* Looked at now and then: what returns and is called at once looks the same. */
	metrics__stage_sampled(m, TTS, true);
	tick(m, now_ns += S);
	assert_non_null(strstr(metrics__unresponsive(m, &stage), "or called again"));
	log = (struct log){0};
	metrics__target_gone(m, now_ns);
	rules__tick(rules, now_ns, on_alert, &log);
	assert_int_equal(log.state[ALERT_FIRING], 1);
	rules__free(rules);
	metrics__free(m);
}

/* The user speaks, the answer is slow: no frames for long, and all is well. */
static void test_frames_stop_rightly_after_a_hit(void **state)
{
	struct metrics *m = begin();
	uint64_t now_ns = T0;
	size_t stage;

	(void)state;
	for (int i = 0; i < 10; i++) {
		stats[WAKE].spans += 50;
		stats[WAKE].hits += i == 9;
		tick(m, now_ns += S);
	}
	for (int i = 0; i < 10; i++) {
		tick(m, now_ns += S);
		assert_null(metrics__unresponsive(m, &stage));
	}
	stats[INTENT].open[0].start_ns = now_ns;
	for (int i = 0; i < 9; i++) {
		tick(m, now_ns += S);
		assert_null(metrics__unresponsive(m, &stage));
	}
	stats[INTENT].open[0].start_ns = 0;
	stats[INTENT].spans++;
	for (int i = 0; i < 11; i++) {
		tick(m, now_ns += S);
		assert_null(metrics__unresponsive(m, &stage));
	}
	tick(m, now_ns += S);
	assert_string_equal(metrics__unresponsive(m, &stage), "audio frames stopped");
	assert_int_equal(stage, WAKE);
	metrics__free(m);
}

static const char *why_after(struct metrics *m, uint64_t now_ns)
{
	size_t stage;

	metrics__tick(m, now_ns);
	return metrics__unresponsive(m, &stage);
}

/* What has to be looked at between two ticks, so that a hang is said when its limit passes. */
static void test_due_between_ticks(void **state)
{
	struct metrics *m = begin();
	uint64_t now_ns = T0;

	(void)state;
	stages[TTS].hang_ns = 4 * S;
	assert_true(metrics__due_ns(m) == UINT64_MAX);
	stats[TTS].open[0].start_ns = T0 + 300 * MS;
	for (int i = 0; i < 8; i++) {
		stats[WAKE].spans += 50;
		tick(m, now_ns += S / 2);
		assert_true(metrics__due_ns(m) == T0 + 4300 * MS);
	}
	assert_null(why_after(m, T0 + 4300 * MS));
	assert_non_null(why_after(m, T0 + 4301 * MS));
	stats[TTS].open[0].start_ns = 0;
	for (int i = 0; i < 4; i++) {
		stats[WAKE].spans += 50;
		tick(m, now_ns += S);
	}
	/* The frames have stopped, no turn explains it. */
	assert_true(metrics__due_ns(m) == now_ns + 3500 * MS);
	tick(m, now_ns + 3 * S);
	assert_null(why_after(m, now_ns + 3500 * MS));
	assert_string_equal(why_after(m, now_ns + 3501 * MS), "audio frames stopped");
	metrics__free(m);
}

/* A microphone that stops is missed at once, also when the last turn was just over. */
static void test_frames_stop_after_a_turn(void **state)
{
	struct metrics *m = begin();
	uint64_t now_ns = T0;
	size_t stage;

	(void)state;
	for (int i = 0; i < 12; i++) {
		stats[WAKE].spans += 50;
		stats[WAKE].hits += i == 6;
		stats[TTS].spans += i == 8;
		tick(m, now_ns += S);
	}
	for (int i = 0; i < 3; i++) {
		tick(m, now_ns += S);
		assert_null(metrics__unresponsive(m, &stage));
	}
	tick(m, now_ns += S);
	assert_string_equal(metrics__unresponsive(m, &stage), "audio frames stopped");
	/* A turn without a wake word begins: the microphone may be closed for it. */
	for (int i = 0; i < 8; i++) {
		stats[WAKE].spans += 50;
		stats[TTS].spans += i == 7;
		tick(m, now_ns += S);
	}
	for (int i = 0; i < 10; i++) {
		tick(m, now_ns += S);
		assert_null(metrics__unresponsive(m, &stage));
	}
	tick(m, now_ns += S);
	assert_string_equal(metrics__unresponsive(m, &stage), "audio frames stopped");
	metrics__free(m);
}

static void test_threads_that_are_stuck(void **state)
{
	struct metrics *m = begin();
	size_t stage = 0;

	(void)state;
	assert_true(isnan(read_now(m, "target.responsive", STAT_NOW, T0)));
	metrics__feed_stuck(m, "threads wait for each other", T0);
	tick(m, T0 + S);
	assert_string_equal(metrics__unresponsive(m, &stage), "threads wait for each other");
	assert_true(stage == METRICS_NO_STAGE);
	assert_true(read_now(m, "target.responsive", STAT_NOW, T0 + S) == 0);
	/* In a stage: its hang is told with what it hangs for. */
	stats[TTS].open[0].start_ns = T0;
	for (int i = 2; i < 12; i++)
		tick(m, T0 + (uint64_t)i * S);
	assert_string_equal(metrics__unresponsive(m, &stage),
			    "in flight longer than its hang limit; threads wait for each other");
	assert_int_equal(stage, TTS);
	stats[TTS].open[0].start_ns = 0;
	metrics__feed_stuck(m, NULL, T0 + 13 * S);
	tick(m, T0 + 13 * S);
	assert_null(metrics__unresponsive(m, &stage));
	metrics__free(m);
}

static void test_model_files(void **state)
{
	static char *globs[] = {(char *)"*.bin"};
	struct metrics *m;
	int handle;

	(void)state;
	stages[STT].models = globs;
	stages[STT].models_n = 1;
	m = begin();
	assert_int_equal(metrics__demand(m, "tts.model_size", STAT_INVALID, 60 * S), -ENOENT);
	handle = metrics__demand(m, "stt.model_size", STAT_INVALID, 60 * S);
	assert_true(handle >= 0);
	/* Read into memory and closed, perhaps: not a size of 0. */
	metrics__feed_models(m, STT, 0, 0, 0, T0 + S);
	assert_int_equal(metrics__read(m, handle, T0 + S).n, 0);
	/* Files need no probes. */
	metrics__stage_state(m, STT, METRICS_STAGE_UNRESOLVED);
	metrics__feed_models(m, STT, 30 * MB, 20 * MB, 2, T0 + 2 * S);
	assert_true(metrics__read(m, handle, T0 + 2 * S).value == 30.0 * MB);
	assert_int_equal(metrics__read(m, handle, T0 + 2 * S).quality, QUALITY_SAMPLED);
	assert_true(read_now(m, "stt.model_max", STAT_NOW, T0 + 2 * S) != 0);
	metrics__feed_models(m, STT, 0, 0, 0, T0 + 3 * S);
	assert_true(metrics__read(m, handle, T0 + 3 * S).value == 0);
	assert_true(session(m, "stt.model_max", T0 + 3 * S).value == 0);
	metrics__free(m);
	stages[STT].models_n = 0;
}

static void test_records_out_of_order_make_one_turn(void **state)
{
	struct metrics *m = begin();
	struct wire_span spans[] = {call(TTS, T0 + 300 * MS, T0 + 400 * MS, 4),
				    call(INTENT, T0 + 120 * MS, T0 + 250 * MS, 4),
				    call(STT, T0, T0 + 100 * MS, 4)};
	int handle = metrics__demand(m, "turn.latency", STAT_P95, 60 * S);
	struct evidence_item slow[EVIDENCE_KEPT];

	(void)state;
	for (size_t i = 0; i < 3; i++)
		metrics__feed_span(m, &spans[i], T0 + 450 * MS);
	tick(m, T0 + 480 * MS);
	assert_int_equal(metrics__read(m, handle, T0 + 480 * MS).n, 0);
	tick(m, T0 + S);
	assert_int_equal(metrics__read(m, handle, T0 + S).n, 1);
	assert_true(fabs(metrics__read(m, handle, T0 + S).value - 0.4) <= 0.4 * 0.016);
	assert_true(session(m, "turn.outcome.complete", T0 + S).value == 1);
	assert_true(fabs(session(m, "turn.gap.intent.tts.p50", T0 + S).value - 0.05) <= 0.001);
	assert_int_equal(metrics__slowest(m, handle, T0 + S, slow), 1);
	assert_int_equal(slow[0].kind, EVIDENCE_TURN);
	assert_int_equal(slow[0].parts_n, 3);
	/* Lost records: the histograms of calls stay exact, turns are partial. */
	stats[STT].records_lost++;
	tick(m, T0 + 2 * S);
	assert_int_equal(metrics__read(m, handle, T0 + 2 * S).quality, QUALITY_PARTIAL);
	assert_int_equal(session(m, "stt.latency.p95", T0 + 2 * S).quality, QUALITY_EXACT);
	metrics__free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_stage, setup),
		cmocka_unit_test_setup(test_demand_errors, setup),
		cmocka_unit_test_setup(test_cpu, setup),
		cmocka_unit_test_setup(test_memory, setup),
		cmocka_unit_test_setup(test_budget_fires_and_a_silent_assistant_does_not, setup),
		cmocka_unit_test_setup(test_shed_stage_is_unknown_once, setup),
		cmocka_unit_test_setup(test_hang_and_frames_and_exit, setup),
		cmocka_unit_test_setup(test_frames_stop_rightly_after_a_hit, setup),
		cmocka_unit_test_setup(test_due_between_ticks, setup),
		cmocka_unit_test_setup(test_frames_stop_after_a_turn, setup),
		cmocka_unit_test_setup(test_threads_that_are_stuck, setup),
		cmocka_unit_test_setup(test_model_files, setup),
		cmocka_unit_test_setup(test_records_out_of_order_make_one_turn, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
