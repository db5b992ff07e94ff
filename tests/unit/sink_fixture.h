/* SPDX-License-Identifier: GPL-2.0-only */
/* sink_fixture.h - one object of every kind; docs/output.md shows exactly what becomes of them. */
#ifndef CHESHIRE_TESTS_SINK_FIXTURE_H
#define CHESHIRE_TESTS_SINK_FIXTURE_H

#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>

#include <cmocka.h>

#include "sinks/sink.h"

/* 2026-11-22T10:41:07.123Z */
#define FIXTURE_TS_NS 1795344067123000000ULL
#define FIXTURE_HEAD                                                                               \
	{                                                                                          \
		.ts_ns = FIXTURE_TS_NS, .target_id = 1, .pid = 1234, .process = "alice",           \
		.target_name = "alice"                                                             \
	}

static const struct sink_function fixture_stt_functions[] = {
	{.object = "libpocketsphinx.so.3", .symbol = "ps_end_utt", .emulated = true},
	{.object = "libpocketsphinx.so.3", .symbol = "ps_get_hyp", .offset = 4, .exits = "returns"},
};
static const struct sink_function fixture_intent_functions[] = {
	{.object = "alice",
	 .symbol = "_Z5parsePKc",
	 .demangled = "parse(char const*)",
	 .emulated = true,
	 .exits = "returns"},
};
static const struct sink_stage fixture_stages[] = {
	{.name = "stt",
	 .kind = STAGE_STREAM,
	 .engine = "pocketsphinx",
	 .way = "probes",
	 .probes_entry = 2,
	 .probes_exit = 3,
	 .rate_per_s = 2,
	 .projected_cost_percent = 0.0025,
	 .functions = fixture_stt_functions,
	 .functions_n = 2},
	{.name = "intent",
	 .kind = STAGE_CALL,
	 .state = SINK_STAGE_REFUSED,
	 .reason = "1000000 calls a second would cost 9.80 % of one CPU",
	 .probes_entry = 1,
	 .rate_per_s = 1e6,
	 .projected_cost_percent = 9.8,
	 .functions = fixture_intent_functions,
	 .functions_n = 1},
	{.name = "tts",
	 .kind = STAGE_CALL,
	 .state = SINK_STAGE_UNRESOLVED,
	 .reason = "no mapped object matches libflite.so*",
	 .rate_per_s = NAN,
	 .projected_cost_percent = NAN},
};
static const char *const fixture_engines[] = {"pocketsphinx"};
static const char *const fixture_unrecognised[] = {"libvosk.so"};

__attribute__((unused)) static const struct sink_hello fixture_hello = {
	.head = FIXTURE_HEAD,
	.version = "0.1",
	.kernel = "6.1.0-28-amd64",
	.exe = "/usr/local/bin/alice",
	.attach = "uprobe_multi",
	.cost_emulated_ns = 98,
	.cost_stepped_ns = 1210,
	.projected_cost_percent = 0.0025,
	.ceiling_percent = 1,
	.cpus = 2,
	.stages = fixture_stages,
	.stages_n = 3,
	.engines = fixture_engines,
	.engines_n = 1,
	.unrecognised = fixture_unrecognised,
	.unrecognised_n = 1,
	.budgets_n = 14,
};

#define FIXTURE_SPAN_STT                                                                           \
	{                                                                                          \
		.kind = SINK_EVIDENCE_SPAN, .stage = "stt",                                        \
		.start_ts_ns = FIXTURE_TS_NS - 2000000000, .wall_s = 1.52, .first_s = NAN,         \
		.tid = 1240, .thread = "alice-stt", .breakdown = true, .cpu_s = 0.1,               \
		.process_cpu_s = 0.11, .wait_s = {                                                 \
			[WIRE_WAIT_RUNQUEUE] = 0.01,                                               \
			[WIRE_WAIT_DISK] = 1.41                                                    \
		}                                                                                  \
	}

static const struct sink_evidence fixture_spans[] = {FIXTURE_SPAN_STT};
static const struct sink_evidence fixture_parts[] = {
	FIXTURE_SPAN_STT,
	{.kind = SINK_EVIDENCE_SPAN,
	 .stage = "tts",
	 .start_ts_ns = FIXTURE_TS_NS - 180000000,
	 .wall_s = 0.18,
	 .first_s = NAN,
	 .tid = 1234,
	 .thread = "alice",
	 .process_cpu_s = NAN},
};
static const struct sink_gap fixture_gaps[] = {{"stt", "tts", 0.3}};
static const struct sink_evidence fixture_turns[] = {
	{.kind = SINK_EVIDENCE_TURN,
	 .outcome = "complete",
	 .start_ts_ns = FIXTURE_TS_NS - 2000000000,
	 .wall_s = 2,
	 .first_s = NAN,
	 .spans = fixture_parts,
	 .spans_n = 2,
	 .gaps = fixture_gaps,
	 .gaps_n = 1},
};

__attribute__((unused)) static const struct sink_alert fixture_firing = {
	.head = FIXTURE_HEAD,
	.state = SINK_ALERT_FIRING,
	.alert = "STT latency",
	.severity = SINK_SEVERITY_CRITICAL,
	.priority = 1,
	.metric = "stt.latency.p95",
	.stat = "p95",
	.value = 1.43,
	.unit = UNIT_S,
	.limit = 1,
	.target = 0.3,
	.over_percent = 376.7,
	.worst = 1.43,
	.improvement_percent = NAN,
	.window_s = 300,
	.for_s = 60,
	.respond_within_s = 3600,
	.n = 42,
	.action = "Optimize STT pipeline",
	.impact = "Perceived sluggishness",
	.response = "Performance analysis, optimization deployment",
	.cause = "stage:stt",
	.group = 3,
	.since_ts_ns = FIXTURE_TS_NS,
	.evidence = fixture_spans,
	.evidence_n = 1,
};
__attribute__((unused)) static const struct sink_alert fixture_resolved = {
	.head = FIXTURE_HEAD,
	.state = SINK_ALERT_RESOLVED,
	.alert = "End-to-end latency",
	.severity = SINK_SEVERITY_WARNING,
	.priority = 2,
	.metric = "turn.latency.p95",
	.stat = "p95",
	.value = 2,
	.unit = UNIT_S,
	.limit = 2.5,
	.target = 1.5,
	.over_percent = 33.3,
	.worst = 3.2,
	.improvement_percent = 37.5,
	.window_s = 300,
	.for_s = 60,
	.respond_within_s = 86400,
	.n = 20,
	.quality = SINK_QUALITY_PARTIAL,
	.cause = "stage:stt",
	.group = 3,
	.also = true,
	.since_ts_ns = FIXTURE_TS_NS - 300000000000,
	.evidence = fixture_turns,
	.evidence_n = 1,
};
__attribute__((unused)) static const struct sink_alert fixture_unknown = {
	.head = FIXTURE_HEAD,
	.state = SINK_ALERT_UNKNOWN,
	.alert = "Peak memory",
	.severity = SINK_SEVERITY_NONE,
	.priority = -1,
	.metric = "memory.peak.max",
	.stat = "max",
	.value = NAN,
	.unit = UNIT_BYTES,
	.limit = 2147483648.0,
	.target = 1073741824.0,
	.over_percent = NAN,
	.worst = NAN,
	.improvement_percent = NAN,
	.window_s = 300,
	.for_s = 0,
	.respond_within_s = NAN,
	.quality = SINK_QUALITY_UNKNOWN,
	.reason = "the counters of the process cannot be read",
	.cause = "memory",
	.group = 4,
};

__attribute__((unused)) static const struct sink_alert fixture_reminder = {
	.head = FIXTURE_HEAD,
	.state = SINK_ALERT_FIRING,
	.alert = "Response Time SLA of 5-15 users",
	.severity = SINK_SEVERITY_WARNING,
	.priority = 2,
	.metric = "turn.latency.p95",
	.stat = "p95",
	.value = 2,
	.unit = UNIT_S,
	.limit = 1.5,
	.target = 1.5,
	.over_percent = 33.3,
	.worst = 2.2,
	.improvement_percent = NAN,
	.window_s = 300,
	.for_s = 60,
	.respond_within_s = 86400,
	.n = 20,
	.action = "Connection pooling, caching",
	.response = "Performance tuning, configuration optimization",
	.tier = "5-15 users",
	.cause = "stage:stt",
	.group = 3,
	.also = true,
	.reminder = true,
	.since_ts_ns = FIXTURE_TS_NS - 14400000000000,
};

static const struct sink_metric fixture_metrics[] = {
	{"stt.count", 12, UNIT_COUNT, SINK_QUALITY_EXACT, 12},
	{"stt.latency.p50", 0.22, UNIT_S, SINK_QUALITY_EXACT, 12},
	{"stt.latency.p95", 1.43, UNIT_S, SINK_QUALITY_EXACT, 12},
	{"stt.latency.p99", 1.52, UNIT_S, SINK_QUALITY_FEW, 12},
	{"stt.latency.max", 1.52, UNIT_S, SINK_QUALITY_EXACT, 12},
	{"stt.cpu", 0.1805, UNIT_S, SINK_QUALITY_EXACT, 12},
	{"stt.wait.runqueue", 0.0012, UNIT_S, SINK_QUALITY_EXACT, 12},
	{"stt.wait.disk", 0.12, UNIT_S, SINK_QUALITY_EXACT, 12},
	{"stt.abnormal", 1, UNIT_COUNT, SINK_QUALITY_EXACT, 12},
	{"intent.count", NAN, UNIT_COUNT, SINK_QUALITY_UNKNOWN, 0},
	{"intent.latency.p50", NAN, UNIT_S, SINK_QUALITY_UNKNOWN, 0},
	{"tts.count", 0, UNIT_COUNT, SINK_QUALITY_EXACT, 0},
	{"tts.latency.p50", NAN, UNIT_S, SINK_QUALITY_EXACT, 0},
	{"cpu.usage.average", 12.34, UNIT_PERCENT, SINK_QUALITY_EXACT, 90},
	{"cpu.usage.peak", 40.1, UNIT_PERCENT, SINK_QUALITY_SAMPLED, 90},
	{"memory.rss", 327155712, UNIT_BYTES, SINK_QUALITY_EXACT, 1},
	{"memory.growth", 12058624.0, UNIT_BYTES_PER_H, SINK_QUALITY_FEW, 90},
	{"threads.count", 9, UNIT_COUNT, SINK_QUALITY_EXACT, 1},
};
static const struct sink_drop fixture_drops[] = {{"ring_full", 3}};
static const char *const fixture_notices[] = {
	"Average CPU usage: 22.0 % is over the target of 20.0 %",
};

static const struct sink_firing fixture_firing_now[] = {
	{.alert = "STT latency",
	 .metric = "stt.latency.p95",
	 .severity = SINK_SEVERITY_CRITICAL,
	 .priority = 1,
	 .since_ts_ns = FIXTURE_TS_NS - 60000000000},
};

__attribute__((unused)) static const struct sink_summary fixture_summary = {
	.head = FIXTURE_HEAD,
	.reason = SINK_SUMMARY_INTERVAL,
	.metrics = fixture_metrics,
	.metrics_n = sizeof(fixture_metrics) / sizeof(fixture_metrics[0]),
	.drops = fixture_drops,
	.drops_n = 1,
	.overhead = {.elapsed_ns = 90000000000,
		     .probe_ns = 18000000,
		     .tracepoint_ns = 45000000,
		     .own_cpu_ns = 90000000,
		     .own_rss_bytes = 11534336,
		     .percent_of_one_cpu = 0.07,
		     .loop_max_ns = 12000000},
	.notices = fixture_notices,
	.notices_n = 1,
	.alerts_firing = 1,
	.alerts_fired = 2,
	.alerts_held = 17,
	.firing = fixture_firing_now,
	.firing_n = 1,
	.tier = "1-5 users",
};

__attribute__((unused)) static const struct sink_note fixture_note = {
	.head = FIXTURE_HEAD,
	.event = "stage_shed",
	.severity = SINK_SEVERITY_WARNING,
	.stage = "response",
	.text = "shed: 1.30 % of one CPU is over the ceiling of 1.00 %",
};

static const struct sink_leak_class fixture_classes[] = {{"voice::AudioBuffer<short>", 40},
							 {"voice::Silence", 3}};
static const struct sink_size_class fixture_sizes[] = {{32768, 65536, 3}, {65536, 131072, 41}};
static const struct sink_frame fixture_keep_audio[] = {
	{.function = "new_buffer",
	 .file = "src/buffer.c",
	 .line = 17,
	 .object = "libvoice.so",
	 .offset = 0x1139,
	 .inlined = true},
	{.function = "keep_audio",
	 .file = "src/voice.c",
	 .line = 41,
	 .object = "libvoice.so",
	 .offset = 0x1139},
	{.function = "on_turn", .object = "alice", .offset = 0x40212},
	{.object = "alice", .offset = 0x3ff00},
};
static const struct sink_frame fixture_history[] = {
	{.function = "history_add", .object = "alice", .offset = 0x41177},
};
static const struct sink_leak_site fixture_leak_sites[] = {
	{.verdict = "confirmed",
	 .reason = "44 of its blocks are still allocated after up to 28 s, 0 were freed late, and "
		   "2 of 2 that were watched for 10 s were not touched",
	 .leaks = true,
	 .by = "malloc",
	 .rate = {52428800, 47185920, 55574528},
	 .counted = true,
	 .gated = true,
	 .blocks_per_h = 800,
	 .confidence = 0.9997,
	 .reference = "lost",
	 .sampled = 46,
	 .survivors = 44,
	 .survivors_bytes = 2883584,
	 .oldest_s = 28,
	 .freed_early = 2,
	 .watched = 2,
	 .watched_s = 10,
	 .first_seen_ts_ns = FIXTURE_TS_NS - 30000000000,
	 .sizes = fixture_sizes,
	 .sizes_n = 2,
	 .classes = fixture_classes,
	 .classes_n = 2,
	 .classes_of = 44,
	 .frames = fixture_keep_audio,
	 .frames_n = 4,
	 .blamed = 1},
	{.place = 1,
	 .verdict = "suspect",
	 .reason = "all survivors come from 1 window",
	 .by = "realloc",
	 .rate = {1048576, 0, 4194304},
	 .blocks_per_h = 120.5,
	 .confidence = 0.62,
	 .reference = "referenced",
	 .referenced_from = "heap, data",
	 .sampled = 9,
	 .survivors = 6,
	 .survivors_bytes = 8192,
	 .oldest_s = 12.5,
	 .freed_late = 1,
	 .frames = fixture_history,
	 .frames_n = 1},
};
static const struct sink_leak_type fixture_leak_types[] = {
	{.name = "dict",
	 .objects = 120034,
	 .objects_per_h = 41000,
	 .rate = {9437184, 9227468, 9646899}},
};
static const char *const fixture_limits[] = {"what was allocated before the hunt began"};

__attribute__((unused)) static const struct sink_leaks fixture_leaks = {
	.head = FIXTURE_HEAD,
	.reason = SINK_LEAKS_EXIT,
	.duration_s = 30,
	.step = "call sites",
	.growth = {54525952, 50331648, 58720256},
	.allocator = "glibc",
	.tells = true,
	.windows = 6,
	.calls = 12000,
	.sampled = 1500,
	.freed = 1410,
	.probe_ns = 42000000,
	.sites = fixture_leak_sites,
	.sites_n = 2,
	.sites_quiet = 17,
	.types = fixture_leak_types,
	.types_n = 1,
	.limits = fixture_limits,
	.limits_n = 1,
};
__attribute__((unused)) static const struct sink_leaks fixture_no_leaks = {
	.head = FIXTURE_HEAD,
	.reason = SINK_LEAKS_EXIT,
	.duration_s = 30,
	.step = "windows",
	.growth = {NAN, NAN, NAN},
};

__attribute__((unused)) static const struct sink_bye fixture_bye = {
	.head = FIXTURE_HEAD,
	.reason = "target_exited",
	.exit_code = 4,
	.target_state = SINK_TARGET_KILLED,
	.target_signal = 11,
	.target_core_dumped = true,
	.detach_s = 0.0121,
	.alerts_fired = 2,
};

/* Strings as an enemy would choose them. */
#define HOSTILE                                                                                    \
	"a\"b\\c\n\033[31m\xff\xc3(\xe2\x80\xae\xc2\x9b"                                           \
	"e"

/* docs/output.md, whole; the tests run from the root of the repository. */
__attribute__((unused)) static char *fixture_read_docs(void)
{
	FILE *file = fopen("docs/output.md", "r");
	char *text = calloc(1, 65536);

	assert_non_null(file);
	assert_non_null(text);
	assert_true(fread(text, 1, 65535, file) > 0);
	fclose(file);
	return text;
}

/* The documentation shows this output, to the letter. */
__attribute__((unused)) static void fixture_assert_documented(const char *output)
{
	char *docs = fixture_read_docs();

	if (!strstr(docs, output))
		fail_msg("docs/output.md does not show:\n%s", output);
	free(docs);
}

#endif /* CHESHIRE_TESTS_SINK_FIXTURE_H */
