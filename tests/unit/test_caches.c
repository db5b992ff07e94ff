/* SPDX-License-Identifier: GPL-2.0-only */
/* Caches: their configuration, and the kernel's totals to ratio, rates and size. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "config_fixture.h"
#include "metrics/metrics.h"
#include "rules/export_names.h"

#define S	  1000000000ULL
#define T0	  (100 * S)
#define LOOKUP	  "lookup: { probe: \"x:get\", hit: \"ret != 0\" }"
#define CACHE(in) "caches: { tts: { " in " } }\n"

enum { COUNTED, SIZED, BALANCED, CACHES };

static struct probe_config get, get_sized, put, drop;
static struct stage_config caches[CACHES];
static struct config config;
static struct wire_stage_stats stats[CACHES];
static struct metrics *m;

static int setup(void **state)
{
	static const char *const names[CACHES] = {"cache.tts", "cache.intent", "cache.api"};

	(void)state;
	memset(stats, 0, sizeof(stats));
	get.when.base = get_sized.when.base = get_sized.size.base = WIRE_BASE_RET;
	put.work.base = drop.work.base = WIRE_BASE_ARG;
	for (int i = 0; i < CACHES; i++)
		caches[i] = (struct stage_config){.name = (char *)names[i],
						  .kind = STAGE_CACHE,
						  .call = {i == SIZED ? &get_sized : &get, 1}};
	caches[COUNTED].evict = (struct probe_list){&drop, 1};
	caches[BALANCED].insert = (struct probe_list){&put, 1};
	caches[BALANCED].evict = (struct probe_list){&drop, 1};
	config = (struct config){.stages = caches, .stages_n = CACHES, .turn = {.idle_ns = 10 * S}};
	m = metrics__new(&config, T0);
	return m ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	metrics__free(m);
	return 0;
}

static void tick(unsigned second)
{
	for (size_t i = 0; i < CACHES; i++) {
		const struct stage_reading r = {.stats = &stats[i]};

		metrics__feed_stage(m, i, &r, T0 + second * S);
	}
	metrics__tick(m, T0 + second * S);
}

static int ask(const char *id, enum statistic stat)
{
	int handle = metrics__demand(m, id, stat, 10 * S);

	if (handle < 0)
		fail_msg("%s: %d", id, handle);
	return handle;
}

static struct sample now(int handle, unsigned second)
{
	return metrics__read(m, handle, T0 + second * S);
}

static void ratio_is_exact(void **state)
{
	int ratio = ask("cache.tts.hit_ratio", STAT_MEAN), looked = ask("cache.tts.lookups", 0);
	int rate = ask("cache.tts.rate", STAT_MEAN), errors = ask("cache.tts.errors", 0);
	struct sample sample;

	(void)state;
	tick(0);
	tick(1);
	sample = now(ratio, 1);
	assert_true(sample.idle && sample.quality == QUALITY_EXACT);
	stats[COUNTED].hits = 30;
	stats[COUNTED].cache_misses = 8;
	stats[COUNTED].abnormal_exception = 2;
	stats[COUNTED].errors = 5;
	tick(2);
	sample = now(ratio, 2);
	assert_true(sample.value == 0.75 && sample.n == 40 && sample.quality == QUALITY_EXACT);
	assert_true(now(looked, 2).value == 40.0);
	assert_true(now(errors, 2).value == 5.0);
	assert_true(fabs(now(rate, 2).value - 20.0) < 1e-9);
	/* What could not be read may have been either. */
	stats[COUNTED].read_failures = 1;
	tick(3);
	assert_int_equal(now(ratio, 3).quality, QUALITY_PARTIAL);
	/* All of it is out of the window: idle again. */
	for (unsigned second = 4; second < 20; second++)
		tick(second);
	sample = now(ratio, 19);
	assert_true(sample.idle && sample.quality == QUALITY_EXACT);
}

static void evictions_are_counted(void **state)
{
	int evictions = ask("cache.tts.evictions", 0), rate = ask("cache.tts.eviction_rate", 0);

	(void)state;
	tick(0);
	stats[COUNTED].cache_evictions = 12;
	tick(1);
	tick(2);
	assert_true(now(evictions, 2).value == 12.0);
	assert_true(fabs(now(rate, 2).value - 6.0) < 1e-9);
	/* Nothing tells them. */
	assert_int_equal(metrics__demand(m, "cache.intent.evictions", 0, S), -ENOENT);
	assert_int_equal(metrics__demand(m, "cache.tts.inserts", 0, S), -ENOENT);
	assert_int_equal(metrics__demand(m, "cache.tts.size", 0, S), -ENOENT);
	assert_int_equal(metrics__demand(m, "cache.tts.latency", STAT_P95, S), -ENOENT);
}

static void size_as_it_was_read(void **state)
{
	int size = ask("cache.intent.size", STAT_NOW);

	(void)state;
	tick(0);
	tick(1);
	assert_true(now(size, 1).idle);
	stats[SIZED].cache_sizes = 1;
	stats[SIZED].cache_size_bytes = 5000;
	tick(2);
	tick(3);
	assert_true(now(size, 3).value == 5000.0);
	assert_int_equal(now(size, 3).quality, QUALITY_SAMPLED);
	/* Another program in the same process: what was read of the one before is nothing. */
	metrics__stage_state(m, SIZED, METRICS_STAGE_UNRESOLVED);
	tick(4);
	assert_int_equal(now(size, 4).quality, QUALITY_UNKNOWN);
	metrics__stage_state(m, SIZED, METRICS_STAGE_ARMED);
	for (unsigned second = 5; second < 20; second++)
		tick(second);
	assert_true(now(size, 19).idle);
}

/* Thrown out more than put in: it was in there before, so it is what the sum begins with. */
static void size_as_it_adds_up(void **state)
{
	int size = ask("cache.api.size", STAT_NOW);
	struct sample sample;

	(void)state;
	tick(0);
	stats[BALANCED].cache_inserted_bytes = 700;
	stats[BALANCED].cache_evicted_bytes = 200;
	tick(1);
	sample = now(size, 1);
	assert_true(sample.value == 500.0 && sample.quality == QUALITY_PARTIAL);
	assert_non_null(strstr(sample.reason, "in it before"));
	stats[BALANCED].cache_evicted_bytes = 1000;
	tick(2);
	assert_true(now(size, 2).value == 0.0);
	stats[BALANCED].cache_inserted_bytes = 1100;
	tick(3);
	assert_true(now(size, 3).value == 400.0);
}

static void configured(void **state)
{
	struct config *c = parsed(
		CACHE("lookup: [ { probe: \"x:get\", hit: \"ret != 0\", error: \"i32 ret < 0\",\n"
		      "  size: \"*(arg0 + 16)\" }, { probe: \"x:try\", hit: \"i32 ret == 1\" } ],\n"
		      "  insert: { probe: \"x:put@return\", bytes: \"i32 ret\" },\n"
		      "  evict: { probe: \"x:drop\", bytes: { value: \"*(arg1 + 8)\", type: u32 } "
		      "}") "budgets: { cache.tts.hit_ratio: { warning: 80% }, cache.tts.size: { "
			   "warning: "
			   "500MB },\n cache.api.hit_ratio: { warning: 60% } }\n");
	const struct stage_config *cache = &c->stages[0];

	(void)state;
	assert_int_equal(c->stages_n, 1);
	assert_string_equal(cache->name, "cache.tts");
	assert_int_equal(cache->kind, STAGE_CACHE);
	assert_false(cache->voice || cache->turn);
	assert_int_equal(cache->call.n, 2);
	assert_int_equal(cache->call.item[0].when.op, WIRE_OP_NE);
	assert_int_equal(cache->call.item[0].size.derefs, 1);
	assert_int_equal(cache->insert.item[0].work.base, WIRE_BASE_RET);
	assert_int_equal(cache->evict.item[0].work.type, WIRE_TYPE_U32);
	assert_true(c->budgets[0].below);
	assert_false(c->budgets[1].below);
	assert_true(c->engines && !c->stages_given);
	config_free(c);
}

static void mistakes(void **state)
{
	(void)state;
	refused(CACHE("lookup: \"x:get\""), 1, "'hit' is missing");
	refused(CACHE("evict: \"x:drop\""), 1, "'lookup' is missing");
	refused(CACHE(LOOKUP ", insert: { probe: \"x:put\", bytes: ret }"), 1, "does not exist");
	refused(CACHE(LOOKUP ", insert: { probe: \"x:put\", hit: \"arg0 == 1\" }"), 1,
		"no meaning for an insertion");
	refused(CACHE("lookup: { probe: \"x:get\", hit: \"ret != 0\", key: arg0 }"), 1,
		"no meaning for a look-up");
	refused("stages: { tts: { call: { probe: \"x:f\", bytes: arg0 } } }", 1,
		"no meaning for a call");
	refused("caches: { Tts: { " LOOKUP " } }", 1, "is no name");
	refused("caches: []", 1, "expected a mapping of caches");
	refused("budgets: { cache.other.hit_ratio: { warning: 50% } }", 1, "no such cache");
	refused("budgets: { cache.tts.hit_rate: { warning: 50% } }", 1,
		"did you mean 'cache.tts.hit_ratio'?");
	refused("budgets: { tts.hit_ratio: { warning: 50% } }", 1, "unknown metric");
	refused(CACHE(LOOKUP) "turn: { start: cache.tts }", 1, "no stage 'cache.tts'");
}

static void names_of_exports(void **state)
{
	struct budget_config budget = {.metric = (char *)"cache.tts.hit_ratio", .stat = STAT_MEAN};
	struct export_name name;

	(void)state;
	assert_true(export_name_of_budget("alice", &budget, &name));
	assert_string_equal(name.name, "alice_cache_hit_ratio");
	assert_int_equal(name.subject, EXPORT_CACHE);
	assert_true(export_name_find("alice", "alice_cache_size_bytes", &name));
	assert_true(export_name_find("alice", "alice_cache_evictions_total", &name));
	assert_string_equal(export_name_type(&name), "counter");
	assert_true(export_name_find("alice", "alice_cache_eviction_rate_mean_per_second", &name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(ratio_is_exact, setup, teardown),
		cmocka_unit_test_setup_teardown(evictions_are_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(size_as_it_was_read, setup, teardown),
		cmocka_unit_test_setup_teardown(size_as_it_adds_up, setup, teardown),
		cmocka_unit_test(configured),
		cmocka_unit_test(mistakes),
		cmocka_unit_test(names_of_exports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
