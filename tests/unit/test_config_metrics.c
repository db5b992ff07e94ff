/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_config_metrics.c - whatever a budget may ask for by the table of names, the metrics give:
 * two tables that must not drift apart.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/metric_names.h"
#include "config_fixture.h"
#include "metrics/metrics.h"

#define WINDOW_NS 60000000000ull

static const char stages[] = "turn: { start: s, end: c }\n"
			     "users: { port: 8080 }\n"
			     "stages:\n"
			     "  c: { call: \"x:f\", models: [ a ] }\n"
			     "  f: { frame: \"x:f\", models: [ a ] }\n"
			     "  s: { stream: { from: \"x:f\", to: \"x:g\" }, models: [ a ] }\n";

static void all_stats(struct metrics *m, const char *id, const struct metric_def *def)
{
	assert_true(def->stats & (1u << def->stat));
	for (int stat = STAT_NOW; stat <= STAT_MIN; stat++) {
		int handle;

		if (!(def->stats & (1u << stat)))
			continue;
		handle = metrics__demand(m, id, (enum statistic)stat, WINDOW_NS);
		if (handle < 0)
			fail_msg("%s %s: %d", id, stat_name((enum statistic)stat), handle);
		if (metrics__read(m, handle, 1).unit != def->unit)
			fail_msg("%s: unit is not %s", id, unit_name(def->unit));
	}
}

static void everything_that_has_a_name_is_measured(void **state)
{
	struct config *config = parsed(stages);
	struct metrics *m = metrics__new(config, 1);
	const struct metric_def *defs;
	char id[128];
	size_t n;

	(void)state;
	assert_non_null(m);
	defs = metric_globals(&n);
	for (size_t i = 0; i < n; i++)
		all_stats(m, defs[i].name, &defs[i]);
	defs = metric_measures(&n);
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < config->stages_n; j++) {
			if (defs[i].only && defs[i].only != config->stages[j].kind)
				continue;
			snprintf(id, sizeof(id), "%s.%s", config->stages[j].name, defs[i].name);
			all_stats(m, id, &defs[i]);
		}
	}
	metrics__free(m);
	config_free(config);
}

static void built_in_budgets_are_measured(void **state)
{
	struct config *config = parsed("stages:\n"
				       "  wake_word: { frame: \"x:f\" }\n"
				       "  stt: { stream: { from: \"x:f\", to: \"x:g\" }, "
				       "models: [ a ] }\n"
				       "  intent: { call: \"x:f\", models: [ a ] }\n"
				       "  response: { call: \"x:f\" }\n"
				       "  tts: { call: \"x:f\", models: [ a ] }\n");
	struct metrics *m = metrics__new(config, 1);

	(void)state;
	assert_non_null(m);
	for (size_t i = 0; i < config->budgets_n; i++) {
		const struct budget_config *b = &config->budgets[i];
		int handle = metrics__demand(m, b->metric, b->stat, b->window_ns);

		if (handle < 0)
			fail_msg("%s %s: %d", b->metric, stat_name(b->stat), handle);
	}
	metrics__free(m);
	config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_that_has_a_name_is_measured),
		cmocka_unit_test(built_in_budgets_are_measured),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
