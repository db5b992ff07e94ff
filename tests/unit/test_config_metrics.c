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

static const char stages[] =
	"turn: { start: s, end: c }\n"
	"users: { port: 8080 }\n"
	"stages:\n"
	"  c: { models: [ a ], timeout: 1s, call: { probe: \"x:f\", cached: ret == 1,\n"
	"       work: { value: arg0, per_second: arg1 } } }\n"
	"  f: { models: [ a ], timeout: 1s, frame: { probe: \"x:f\",\n"
	"       work: { value: arg0, per_second: arg1 } } }\n"
	"  s: { models: [ a ], timeout: 1s, stream: { from: \"x:f\", to: { probe: \"x:g\",\n"
	"       work: { value: arg0, per_second: arg1 } } } }\n"
	"  q: { models: [ a ], timeout: 1s, statement: { execute: { probe: \"x:f\", text: arg1 } } "
	"}\n"
	"caches:\n"
	"  k: { lookup: { probe: \"x:f\", hit: ret == 1 }, insert: { probe: \"x:g\", bytes: arg0 "
	"},\n"
	"       evict: { probe: \"x:h\", bytes: arg0 } }\n";

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
	for (size_t i = 0; i < config->databases_n; i++) {
		snprintf(id, sizeof(id), "db.%s.connections", config->databases[i].kind);
		all_stats(m, id, metric_database());
	}
	assert_true(config->databases_n > 5);
	for (size_t j = 0; j < config->stages_n; j++) {
		const struct stage_config *stage = &config->stages[j];

		defs = stage->kind == STAGE_CACHE ? metric_cache_measures(&n) : metric_measures(&n);
		for (size_t i = 0; i < n; i++) {
			if (defs[i].kinds && !(defs[i].kinds >> stage->kind & 1))
				continue;
			snprintf(id, sizeof(id), "%s.%s", stage->name, defs[i].name);
			all_stats(m, id, &defs[i]);
		}
	}
	metrics__free(m);
	config_free(config);
}

#define CACHE(name) "  " name ": { lookup: { probe: \"x:f\", hit: ret == 1, size: \"*(arg0)\" } }\n"

static void built_in_budgets_are_measured(void **state)
{
	struct config *config =
		parsed("stages:\n"
		       "  wake_word: { timeout: 1s, frame: { probe: \"x:f\",\n"
		       "    work: { value: arg2, per_second: 16000 } } }\n"
		       "  stt: { models: [ a ], timeout: 9s, stream: { from: \"x:f\", to: {\n"
		       "    probe: \"x:g\", work: { value: arg2, per_second: 8 } } } }\n"
		       "  intent: { models: [ a ], timeout: 1s, call: { probe: \"x:f\",\n"
		       "    cached: ret == 2 } }\n"
		       "  response: { timeout: 9s, call: \"x:f\" }\n"
		       "  tts: { models: [ a ], timeout: 9s, call: { probe: \"x:f\",\n"
		       "    work: { value: arg2, per_second: \"*(arg1)\" } } }\n"
		       "  db_connect: { call: \"x:f\" }\n"
		       "  sqlite: { statement: { execute: { probe: \"x:f\", text: arg1 } } }\n"
		       "caches:\n" CACHE("tts") CACHE("intent") CACHE("api") CACHE("database"));
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
