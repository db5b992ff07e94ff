/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_rule_quality.c - what rules write is as trustworthy as what they read, no less and no
 * longer: series that end, rules that fail, rules that are gone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rule_fixture.h"

static void put(struct rule_world *w, const char *i, int64_t ts_ms, double value)
{
	assert_int_equal(store__append(w->store, world_series(w, "x", i), ts_ms, value), 0);
}

static const char *why(struct rule_world *w, const char *i)
{
	return store_series_why(world_series(w, "y", i));
}

static const char recorded[] = "groups:\n"
			       "  - name: g\n"
			       "    rules:\n"
			       "      - { record: y, expr: x > 0 }\n"
			       "      - { alert: A, expr: y > 0 }\n";

/* A series that ended while its rule's result was unknown is known again when the result is. */
static void test_end_in_unknown(void **state)
{
	struct rule_world w;

	(void)state;
	world_open(&w, recorded);
	put(&w, "a", 0, 1);
	world_tick(&w, 0);
	assert_null(why(&w, "a"));
	store_series_unknown(world_series(&w, "x", "a"), "lost");
	put(&w, "a", 1000, 0);
	world_tick(&w, 1000);
	assert_string_equal(why(&w, "a"), "lost");
	world_tick(&w, 2000);
	assert_string_equal(why(&w, "a"), "lost");
	store_series_unknown(world_series(&w, "x", "a"), NULL);
	world_tick(&w, 3000);
	assert_null(why(&w, "a"));
	assert_string_equal(w.told, "0 A{a} inactive>firing\n"
				    "1 A{a} firing>unknown: lost\n"
				    "3 A{a} unknown>resolved\n");
	world_close(&w);
}

/* Another rule writes the same series: what the first no longer says does not make it known. */
static void test_written_by_another(void **state)
{
	struct rule_world w;

	(void)state;
	world_open(&w, "groups:\n"
		       "  - name: g\n"
		       "    rules:\n"
		       "      - { record: y, expr: x > 0 }\n"
		       "      - { record: y, expr: z > 0 }\n"
		       "      - { alert: A, expr: y > 5 }\n");
	put(&w, "a", 0, 0);
	assert_int_equal(store__append(w.store, world_series(&w, "z", "a"), 0, 1), 0);
	world_tick(&w, 0);
	assert_null(why(&w, "a"));
	store_series_unknown(world_series(&w, "x", "a"), "lost");
	put(&w, "a", 1000, 1);
	assert_int_equal(store__append(w.store, world_series(&w, "z", "a"), 1000, 0), 0);
	world_tick(&w, 1000);
	assert_string_equal(why(&w, "a"), "lost");
	world_close(&w);
}

/* What a rule wrote before it failed is unknown until it works again. */
static void test_failing_record(void **state)
{
	struct rule_world w;

	(void)state;
	world_open(&w, "groups:\n"
		       "  - name: g\n"
		       "    rules:\n"
		       "      - { record: y, expr: x, labels: { i: one } }\n"
		       "      - { alert: A, expr: y > 0 }\n");
	put(&w, "a", 0, 1);
	world_tick(&w, 0);
	put(&w, "a", 1000, 1);
	put(&w, "b", 1000, 1);
	world_tick(&w, 1000);
	assert_string_equal(why(&w, "one"), "the rule cannot be evaluated");
	put(&w, "a", 2000, 1);
	assert_int_equal(
		store__append(w.store, world_series(&w, "x", "b"), 2000, store_stale_value()), 0);
	world_tick(&w, 2000);
	assert_null(why(&w, "one"));
	assert_string_equal(w.told, "0 A{one} inactive>firing\n"
				    "g/y vector contains metrics with the same labelset after "
				    "applying rule labels\n"
				    "1 A{one} firing>unknown: the rule cannot be evaluated\n"
				    "g/y works\n"
				    "2 A{one} unknown>firing\n");
	world_close(&w);
}

/* The series of a rule that is gone is over, and that is known. */
static void test_gone_rule(void **state)
{
	static const struct rulegroups_opts opts = {.interval_ms = 1000};
	struct rulegroups *fresh;
	struct rulefile *file;
	struct rule_world w;

	(void)state;
	world_open(&w, recorded);
	store_series_unknown(world_series(&w, "x", "a"), "lost");
	put(&w, "a", 0, 1);
	world_tick(&w, 0);
	assert_string_equal(why(&w, "a"), "lost");
	file = rules_parsed("groups:\n  - { name: g, rules: [{ alert: A, expr: y > 0 }] }\n");
	fresh = rulegroups__new(w.store, (const struct rulefile *const *)&file, 1, &opts);
	assert_int_equal(rulegroups__take_over(fresh, w.groups, 500, NULL), 0);
	rulegroups__free(w.groups);
	rulefile_free(w.file);
	w.groups = fresh;
	w.file = file;
	world_tick(&w, 1000);
	assert_null(why(&w, "a"));
	world_close(&w);
}

/* After a reload with a shorter interval the old, longer one is not waited for; nor counted twice.
 */
static void test_shorter_interval(void **state)
{
	static const struct rulegroups_opts opts = {.interval_ms = 1000};
	struct rulegroups *fresh;
	struct rulefile *file;
	struct rule_world w;

	(void)state;
	world_open(&w, "groups:\n  - { name: g, interval: 1h, rules: [] }\n"
		       "  - { name: h, interval: 10s, rules: [] }\n");
	assert_int_equal(world_tick(&w, 0), 2);
	assert_int_equal(world_tick(&w, 25000), 1); /* 10 came late, 20 was left out */
	file = rules_parsed("groups:\n  - { name: g, interval: 5s, rules: [] }\n"
			    "  - { name: h, interval: 10s, rules: [] }\n"
			    "  - { name: i, interval: 10s, rules: [] }\n");
	fresh = rulegroups__new(w.store, (const struct rulefile *const *)&file, 1, &opts);
	assert_int_equal(rulegroups__take_over(fresh, w.groups, 25000, NULL), 0);
	rulegroups__free(w.groups);
	rulefile_free(w.file);
	w.groups = fresh;
	w.file = file;
	assert_int_equal(rulegroups__missed(w.groups), 1);
	assert_int_equal(world_tick(&w, 26000), 1); /* i */
	assert_int_equal(world_tick(&w, 30000), 2); /* g and h */
	assert_int_equal(rulegroups__missed(w.groups), 1);
	world_close(&w);
}

/* Alerts that began on unknown data were never firing: they are not held, however many come. */
static void test_unknown_does_not_pile_up(void **state)
{
	const struct rule_alert *const *alerts;
	struct rule_world w;

	(void)state;
	world_open(&w, "groups:\n"
		       "  - name: g\n"
		       "    rules:\n"
		       "      - { alert: A, expr: x > 0, labels: { value: '{{ $value }}' } }\n");
	put(&w, "a", 0, 1);
	world_tick(&w, 0);
	store_series_unknown(world_series(&w, "x", "a"), "lost");
	for (int64_t s = 1; s < 500; s++) {
		w.told[0] = '\0';
		put(&w, "a", s * 1000, (double)s + 0.5);
		world_tick(&w, s * 1000);
	}
	/* The one that fired, which may do so still, and that of now. */
	assert_int_equal(rulegroups__alerts(w.groups, 0, 0, &alerts), 2);
	store_series_unknown(world_series(&w, "x", "a"), NULL);
	put(&w, "a", 500000, 1);
	world_tick(&w, 500000);
	assert_int_equal(rulegroups__alerts(w.groups, 0, 0, &alerts), 1);
	assert_int_equal(rulegroups__firing(w.groups), 1);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_end_in_unknown),
		cmocka_unit_test(test_written_by_another),
		cmocka_unit_test(test_failing_record),
		cmocka_unit_test(test_gone_rule),
		cmocka_unit_test(test_shorter_interval),
		cmocka_unit_test(test_unknown_does_not_pile_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
