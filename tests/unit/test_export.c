/* SPDX-License-Identifier: GPL-2.0-only */
/* The metrics' Prometheus names, the series behind a selector, and budgets as rules. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/metric_names.h"
#include "config_fixture.h"
#include "metrics/metrics.h"
#include "promql/store.h"
#include "rules/export_names.h"
#include "rules/export_rules.h"
#include "rules/exports.h"

#define S  1000000000ULL
#define T0 (1000 * S)

/* A configuration of two stages with what feeds and reads it. */
struct world {
	struct config *config;
	struct metrics *metrics;
	struct label_table *labels;
	struct store *store;
	struct exports *exports;
	struct promql_expr *declared[16]; /* they outlive the store */
	size_t declared_n;
};

static const char two_stages[] =
	"target: { name: hatter }\n"
	"stages:\n"
	"  stt: { call: 'a:transcribe' }\n"
	"  tts: { call: 'a:speak' }\n"
	"budgets:\n"
	"  stt.latency: { stat: p95, window: 2m, target: 300ms, warning: 500ms, critical: 1s }\n";

static void world_new(struct world *w, const char *text)
{
	memset(w, 0, sizeof(*w));
	w->config = parsed(text);
	w->metrics = metrics__new(w->config, T0);
	w->labels = label_table__new();
	w->store = store__new(w->labels, 10000);
	w->exports = exports__new(w->config, w->metrics, w->store);
	assert_non_null(w->exports);
}

static void world_free(struct world *w)
{
	exports__free(w->exports);
	store__free(w->store);
	for (size_t i = 0; i < w->declared_n; i++)
		promql_free(w->declared[i]);
	label_table__free(w->labels);
	metrics__free(w->metrics);
	config_free(w->config);
}

static struct promql_expr *expr_of(const char *text)
{
	struct promql_error error;
	struct promql_expr *expr = NULL;

	if (promql_parse(text, strlen(text), &expr, &error))
		fail_msg("%s: %s", text, error.message);
	return expr;
}

/* How many series the expression asks for that were not there yet. */
static size_t wanted(struct world *w, const char *text)
{
	struct promql_expr *expr = expr_of(text);
	size_t before = exports__count(w->exports);

	assert_int_equal(store__declare(w->store, expr), 0);
	assert_int_equal(exports__want(w->exports, expr), 0);
	assert_true(w->declared_n < 16);
	w->declared[w->declared_n++] = expr;
	return exports__count(w->exports) - before;
}

static void names_are_valid_and_differ(void **state)
{
	struct export_name a, b;

	(void)state;
	for (size_t i = 0; export_name_at("hatter", i, &a); i++) {
		assert_true(strspn(a.name, "abcdefghijklmnopqrstuvwxyz0123456789_") ==
			    strlen(a.name));
		assert_memory_equal(a.name, "hatter_", 7);
		for (size_t j = 0; j < i; j++) {
			assert_true(export_name_at("hatter", j, &b));
			assert_string_not_equal(a.name, b.name);
		}
	}
}

static void pinned_names(void **state)
{
	struct export_name name;

	(void)state;
	assert_true(export_name_find("alice", "alice_cpu_usage_percent", &name));
	assert_string_equal(name.def->name, "cpu.usage");
	assert_int_equal(name.form, EXPORT_NOW);
	assert_true(export_name_find("alice", "alice_memory_usage_mb", &name));
	assert_string_equal(name.def->name, "memory.rss");
	assert_true(name.scale * (1 << 20) == 1.0);
	assert_true(export_name_find("alice", "alice_voice_latency_p95_ms", &name));
	assert_string_equal(name.def->name, "turn.latency");
	assert_true(name.scale == 1000.0);
	assert_int_equal(name.stat, STAT_P95);
	assert_true(name.fixed_window);
	assert_true(export_name_find("alice", "alice_stage_count_total", &name));
	assert_string_equal(export_name_type(&name), "counter");
	assert_false(export_name_find("alice", "alice_cpu_usage_percents", &name));
}

static void window_texts(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} rows[] = {{300 * S, "5m"},	   {3600 * S, "1h"},	{90 * S, "1m30s"},
		    {S / 2, "500ms"},	   {86400 * S, "1d"},	{1, ""},
		    {7 * 86400 * S, "7d"}, {5400 * S, "1h30m"}, {0, ""}};
	char text[32];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		export_window_text(rows[i].ns, text, sizeof(text));
		assert_string_equal(text, rows[i].text);
	}
}

static void selectors_make_their_series_only(void **state)
{
	struct world w;

	(void)state;
	world_new(&w, two_stages);
	/* Two stages, each over 5m; stt over its budget's 2m too. */
	assert_int_equal(wanted(&w, "hatter_stage_latency_p95_seconds"), 3);
	assert_int_equal(wanted(&w, "hatter_stage_latency_p95_seconds{stage=\"stt\"}"), 0);
	assert_int_equal(wanted(&w, "hatter_stage_latency_p99_seconds{stage=\"tts\"}"), 1);
	assert_int_equal(wanted(&w, "hatter_stage_latency_p50_seconds{window=\"90s\"}"), 2);
	assert_int_equal(wanted(&w, "hatter_stage_latency_p50_seconds{window=\"soon\"}"), 0);
	assert_int_equal(wanted(&w, "hatter_stage_count_total"), 2);
	/* Those of a gap: both orders. */
	assert_int_equal(wanted(&w, "hatter_turn_gap_max_seconds"), 2);
	assert_int_equal(wanted(&w, "hatter_turn_gap_max_seconds{from=\"stt\"}"), 0);
	assert_int_equal(wanted(&w, "{__name__=~\"hatter_memory_(rss|anon)_bytes\"}"), 2);
	assert_int_equal(wanted(&w, "other_metric"), 0);
	/* Frames are no measure of a call. */
	assert_int_equal(wanted(&w, "hatter_stage_frames_total"), 0);
	world_free(&w);
}

static void unknown_names_have_neighbours(void **state)
{
	char near[EXPORT_NAME_MAX];

	(void)state;
	assert_true(export_name_near("hatter", "hatter_cpu_usage_procent", near));
	assert_string_equal(near, "hatter_cpu_usage_percent");
	assert_false(export_name_near("hatter", "node_load1", near));
}

static struct process_sample process_at(uint64_t ts_ns, uint64_t rss_bytes)
{
	return (struct process_sample){.ts_ns = ts_ns,
				       .cpus = 2,
				       .memory_known = true,
				       .rss_bytes = rss_bytes,
				       .hwm_bytes = rss_bytes};
}

static const struct store_series *only_series(struct world *w, const char *text)
{
	struct promql_expr *expr = expr_of(text);
	struct store_series *const *list;
	const struct store_series *series;
	size_t n;

	assert_int_equal(store__select(w->store, expr->selectors[0], &list, &n), 0);
	assert_int_equal(n, 1);
	series = list[0];
	promql_free(expr);
	return series;
}

static void samples_follow_the_metrics(void **state)
{
	const char *text = "hatter_memory_usage_mb";
	struct process_sample process = process_at(T0 + S, 300ULL << 20);
	const struct store_series *series;
	struct promql_sample sample;
	struct world w;

	(void)state;
	world_new(&w, two_stages);
	assert_int_equal(wanted(&w, text), 1);
	metrics__feed_process(w.metrics, &process);
	metrics__tick(w.metrics, T0 + S);
	exports__feed(w.exports, T0 + S, 5000);
	series = only_series(&w, text);
	assert_true(store_at(series, 5000, &sample));
	assert_true(sample.value == 300.0);
	assert_null(store_series_why(series));

	/* /proc was not read for long: unknown, and no new sample. */
	metrics__tick(w.metrics, T0 + 20 * S);
	exports__feed(w.exports, T0 + 20 * S, 24000);
	assert_non_null(store_series_why(series));
	assert_true(store_at(series, 24000, &sample));
	assert_int_equal(sample.ts_ms, 5000);
	world_free(&w);
}

static void idle_is_no_sample_and_counters_begin_at_zero(void **state)
{
	const struct store_series *p95, *count;
	struct wire_stage_stats stats = {};
	struct wire_histogram latency = {};
	const struct stage_reading reading = {.stats = &stats, .latency = &latency};
	struct promql_sample sample;
	struct world w;

	(void)state;
	world_new(&w, two_stages);
	assert_int_equal(wanted(&w, "hatter_stage_latency_p95_seconds{stage=\"tts\"}"), 1);
	assert_int_equal(wanted(&w, "hatter_stage_count_total{stage=\"tts\"}"), 1);
	metrics__feed_stage(w.metrics, 1, &reading, T0 + S);
	metrics__tick(w.metrics, T0 + S);
	exports__feed(w.exports, T0 + S, 1000);
	p95 = only_series(&w, "hatter_stage_latency_p95_seconds{stage=\"tts\"}");
	count = only_series(&w, "hatter_stage_count_total{stage=\"tts\"}");
	assert_false(store_at(p95, 1000, &sample));
	assert_null(store_series_why(p95));
	assert_true(store_at(count, 1000, &sample));
	assert_true(sample.value == 0.0);

	stats.spans = 7;
	stats.sum_ns = 7 * S;
	stats.max_ns = S;
	latency.bucket[100] = 7;
	metrics__feed_stage(w.metrics, 1, &reading, T0 + 2 * S);
	metrics__tick(w.metrics, T0 + 2 * S);
	exports__feed(w.exports, T0 + 2 * S, 2000);
	assert_true(store_at(p95, 2000, &sample));
	assert_true(store_at(count, 2000, &sample));
	assert_true(sample.value == 7.0);

	/* The window is over: the percentile ends, the counter goes on. */
	metrics__tick(w.metrics, T0 + 400 * S);
	exports__feed(w.exports, T0 + 400 * S, 400000);
	assert_false(store_at(p95, 400000, &sample));
	assert_true(store_at(count, 400000, &sample));
	assert_int_equal(sample.ts_ms, 400000);
	world_free(&w);
}

/* An hour of ticks: what is kept is what the ranges ask for, of the series that are asked for. */
static void history_is_what_rules_read(void **state)
{
	struct process_sample process = process_at(T0, 300ULL << 20);
	struct world w;

	(void)state;
	world_new(&w, two_stages);
	assert_int_equal(wanted(&w, "max_over_time(hatter_memory_rss_bytes[60s])"), 1);
	assert_int_equal(wanted(&w, "hatter_memory_usage_mb > 5"), 1);
	assert_int_equal(wanted(&w, "hatter_memory_usage_mb offset 20s > 5"), 0);
	for (uint64_t i = 1; i <= 3600; i++) {
		process.ts_ns = T0 + i * S;
		metrics__feed_process(w.metrics, &process);
		metrics__tick(w.metrics, T0 + i * S);
		exports__feed(w.exports, T0 + i * S, (int64_t)i * 1000);
		/* A range has both ends; what is older may go some at a time. */
		assert_in_range(store__samples(w.store), 1, 61 + 21 + 64);
	}
	assert_in_range(store__samples(w.store), 61 + 21, 61 + 21 + 64);
	assert_int_equal(store__evicted(w.store), 0);
	world_free(&w);
}

static char *rules_of(const char *text, size_t left_out)
{
	struct config *config = parsed(text);
	char *rules = NULL;
	size_t len;
	FILE *out = open_memstream(&rules, &len);

	assert_non_null(out);
	assert_int_equal(export_rules(config, out), left_out);
	fclose(out);
	config_free(config);
	return rules;
}

static void budgets_become_rules(void **state)
{
	char *rules = rules_of("stages: { stt: { call: 'a:b' } }\n"
			       "budgets:\n"
			       "  stt.latency: { stat: p95, window: 90s, for: 10s, target: 300ms,\n"
			       "    warning: 500ms, alert: 'a \"b\" {{ c', action: 'd {{ e' }\n",
			       0);

	(void)state;
	assert_non_null(strstr(
		rules, "alice_stage_latency_p95_seconds{stage=\"stt\",window=\"1m30s\"} > 0.5)\n"));
	assert_non_null(strstr(rules, ">= 0.475 and "));
	assert_non_null(strstr(rules, " > 0.3\n"));
	assert_non_null(strstr(rules, "- alert: \"a \\\"b\\\" {{ c\"\n"));
	assert_non_null(strstr(rules, "action: \"d {{ `{{` }} e\"\n"));
	assert_non_null(strstr(rules, "for: 10s\n    keep_firing_for: 10s\n"));
	assert_null(strstr(rules, "critical"));
	free(rules);
	rules = rules_of("stages: { stt: { call: 'a:b' } }\n"
			 "budgets: { stt.latency: { warning: 1s, min_count: 7 } }\n"
			 "users: { tiers: [ { up_to: 2, name: few, budgets: { threads.count:\n"
			 "  { warning: 9 } } }, { name: many, budgets: { threads.count:\n"
			 "  { warning: 5 } } } ] }\n",
			 0);
	/* So many samples to begin with, but not to go on. */
	assert_non_null(strstr(rules, "> 1 and on() alice_stage_count{stage=\"stt\",window="));
	assert_non_null(strstr(rules, ">= 7)\n"));
	assert_non_null(strstr(rules, "tier=\"few\"}))\n        unless on() max_over_time("));
	assert_non_null(strstr(rules, "tier=\"many\"}))\n        and on() max_over_time("));
	assert_non_null(strstr(rules, "      tier: \"many\"\n"));
	free(rules);
	rules = rules_of("budgets: {}\n", 0);
	assert_non_null(strstr(rules, "groups: []\n"));
	free(rules);
}

/* Every expression that is written can be read. */
static void exported_expressions_parse(void **state)
{
	char *rules = rules_of("", 0), *at = rules;
	size_t n = 0;

	(void)state;
	while ((at = strstr(at, "expr: |\n"))) {
		const char *end;
		struct promql_error error;
		struct promql_expr *expr;

		at += 8;
		end = strstr(at, "    for: ");
		assert_non_null(end);
		if (promql_parse(at, (size_t)(end - at), &expr, &error))
			fail_msg("%.*s: %s", (int)(end - at), at, error.message);
		promql_free(expr);
		n++;
	}
	assert_true(n > 30);
	free(rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_valid_and_differ),
		cmocka_unit_test(pinned_names),
		cmocka_unit_test(window_texts),
		cmocka_unit_test(selectors_make_their_series_only),
		cmocka_unit_test(unknown_names_have_neighbours),
		cmocka_unit_test(samples_follow_the_metrics),
		cmocka_unit_test(idle_is_no_sample_and_counters_begin_at_zero),
		cmocka_unit_test(history_is_what_rules_read),
		cmocka_unit_test(budgets_become_rules),
		cmocka_unit_test(exported_expressions_parse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
