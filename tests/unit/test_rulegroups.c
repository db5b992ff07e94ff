/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_rulegroups.c - when groups are evaluated, what is told, what unknown changes, and what
 * survives.  The states themselves are compared with promtool's in tests/rules.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rule_fixture.h"

static const char one[] =
	"groups:\n"
	"  - name: g\n"
	"    rules:\n"
	"      - { alert: A, expr: x > 0, for: 2s, annotations: { v: 'is {{ $value }}' } }\n";

static void put(struct rule_world *w, const char *i, int64_t ts_ms, double value)
{
	assert_int_equal(store__append(w->store, world_series(w, "x", i), ts_ms, value), 0);
}

static void test_events(void **state)
{
	struct rule_world w;

	(void)state;
	world_open(&w, one);
	for (int64_t s = 0; s < 10; s++) {
		put(&w, "a", s * 1000, s >= 1 && s < 6);
		put(&w, "b", s * 1000, s == 2);
		world_tick(&w, s * 1000);
	}
	assert_string_equal(w.told, "1 A{a} inactive>pending\n"
				    "2 A{b} inactive>pending\n"
				    "3 A{b} pending>inactive\n"
				    "3 A{a} pending>firing\n"
				    "6 A{a} firing>resolved\n");
	world_close(&w);
}

/* 3 s and 10 s from the first tick on; what is late is not made up for. */
static void test_intervals(void **state)
{
	struct rule_world w;

	(void)state;
	world_open(&w, "groups:\n"
		       "  - { name: a, interval: 3s, rules: [] }\n"
		       "  - { name: b, interval: 10s, rules: [] }\n");
	assert_int_equal(world_tick(&w, 1000), 2);
	assert_int_equal(world_tick(&w, 2000), 0);
	assert_int_equal(world_tick(&w, 4000), 1);
	assert_int_equal(world_tick(&w, 7100), 1); /* 0.1 s late: the next is at 10 */
	assert_int_equal(world_tick(&w, 9900), 0);
	assert_int_equal(world_tick(&w, 10000), 1);
	assert_int_equal(rulegroups__missed(w.groups), 0);
	assert_int_equal(world_tick(&w, 20000), 2); /* 13, 16 and 19 of a were due */
	assert_int_equal(rulegroups__missed(w.groups), 2);
	assert_int_equal(world_tick(&w, 22000), 2);
	world_close(&w);
}

/* What fires on data that cannot be trusted is unknown, and what vanishes in it does not resolve.
 */
static void test_unknown(void **state)
{
	struct store_series *a;
	struct rule_world w;

	(void)state;
	world_open(&w, one);
	a = world_series(&w, "x", "a");
	for (int64_t s = 0; s < 12; s++) {
		store_series_unknown(a, s >= 4 && s < 8 ? "events were lost" : NULL);
		put(&w, "a", s * 1000, s < 6 || s == 7);
		world_tick(&w, s * 1000);
	}
	assert_string_equal(w.told, "0 A{a} inactive>pending\n"
				    "2 A{a} pending>firing\n"
				    "4 A{a} firing>unknown: events were lost\n"
				    "8 A{a} unknown>resolved\n");
	world_close(&w);
}

/* Unknown never begins an alert: pending stays pending, and idle is not unknown. */
static void test_unknown_does_not_begin(void **state)
{
	struct store_series *a;
	struct rule_world w;

	(void)state;
	world_open(&w, one);
	a = world_series(&w, "x", "a");
	store_series_unknown(a, "shed");
	put(&w, "a", 0, 0);
	world_tick(&w, 0);
	put(&w, "a", 1000, 1);
	world_tick(&w, 1000);
	put(&w, "a", 2000, 0);
	world_tick(&w, 2000);
	assert_string_equal(w.told, "1 A{a} inactive>pending: shed\n"
				    "2 A{a} pending>inactive: shed\n");
	assert_int_equal(rulegroups__firing(w.groups), 0);
	world_close(&w);
}

static const char labelled[] = "groups:\n"
			       "  - name: g\n"
			       "    rules:\n"
			       "      - { alert: A, expr: x > 0, labels: { i: same } }\n";

/* A rule that fails leaves its alerts as they were, shown as unknown. */
static void test_failure(void **state)
{
	struct rule_world w;

	(void)state;
	world_open(&w, labelled);
	for (int64_t s = 0; s < 4; s++) {
		put(&w, "a", s * 1000, s < 3);
		put(&w, "b", s * 1000, s == 1);
		world_tick(&w, s * 1000);
	}
	assert_string_equal(
		w.told, "0 A{same} inactive>firing\n"
			"1 A{same} firing>unknown: the rule cannot be evaluated\n"
			"g/A vector contains metrics with the same labelset after applying alert "
			"labels\n"
			"2 A{same} unknown>firing\n"
			"g/A works\n"
			"3 A{same} firing>resolved\n");
	world_close(&w);
}

/* The values of labels that change at each evaluation leave nothing behind. */
static void test_labels_do_not_pile_up(void **state)
{
	struct rule_world w;
	uint32_t sets;

	(void)state;
	world_open(&w, "groups:\n"
		       "  - name: g\n"
		       "    rules:\n"
		       "      - { alert: A, expr: x > 0, labels: { value: '{{ $value }}' } }\n");
	put(&w, "a", 0, 1);
	world_tick(&w, 0);
	sets = label_table__count(w.table);
	for (int64_t s = 1; s < 500; s++) {
		w.told[0] = '\0';
		put(&w, "a", s * 1000, (double)s + 0.5);
		world_tick(&w, s * 1000);
	}
	assert_int_equal(label_table__count(w.table), sets);
	assert_int_equal(rulegroups__firing(w.groups), 1);
	world_close(&w);
}

static void test_annotations(void **state)
{
	const struct rule_alert *const *alerts;
	struct rule_annotation *texts;
	struct rule_world w;

	(void)state;
	world_open(&w, one);
	put(&w, "a", 0, 1.5);
	world_tick(&w, 0);
	assert_int_equal(rulegroups__alerts(w.groups, 0, 0, &alerts), 1);
	texts = rulegroups__annotations(w.groups, alerts[0]);
	assert_string_equal(texts[0].name, "v");
	assert_string_equal(texts[0].text, "is 1.5");
	rule_annotations_free(texts, 1);
	world_close(&w);
}

/* A rule that is still there goes on; one that is gone is told, and its series end. */
static void test_reload(void **state)
{
	static const char before[] =
		"groups:\n"
		"  - name: g\n"
		"    rules:\n"
		"      - { record: 'y:x', expr: x * 2 }\n"
		"      - { alert: Stays, expr: x > 0, for: 3s, labels: { l: '1' } }\n"
		"      - { alert: Gone, expr: x > 0 }\n"
		"      - { alert: Reader, expr: 'y:x > 100' }\n";
	static const char after[] =
		"groups:\n"
		"  - name: g\n"
		"    rules:\n"
		"      - { alert: Stays, expr: x > 0.5, for: 3s, labels: { l: '1' } }\n"
		"      - { alert: Stays, expr: x > 0, for: 3s, labels: { l: '2' } }\n"
		"      - { alert: Reader, expr: 'y:x > 0' }\n";
	static const struct rulegroups_opts opts = {.interval_ms = 1000};
	const struct rulegroups_listener listener = {world_tell, world_fail, NULL};
	struct rulegroups_listener with = listener;
	struct rulegroups *fresh;
	struct rulefile *file;
	struct rule_world w;

	(void)state;
	world_open(&w, before);
	with.ctx = &w;
	for (int64_t s = 0; s < 2; s++) {
		put(&w, "a", s * 1000, 1);
		world_tick(&w, s * 1000);
	}
	file = rules_parsed(after);
	fresh = rulegroups__new(w.store, (const struct rulefile *const *)&file, 1, &opts);
	assert_int_equal(rulegroups__take_over(fresh, w.groups, 1500, &with), 0);
	rulegroups__free(w.groups);
	rulefile_free(w.file);
	w.groups = fresh;
	w.file = file;
	for (int64_t s = 2; s < 5; s++) {
		put(&w, "a", s * 1000, 1);
		world_tick(&w, s * 1000);
	}
	/* The recorded series is seen once more: it ends behind the first evaluation. */
	assert_string_equal(w.told, "0 Stays{a} inactive>pending\n"
				    "0 Gone{a} inactive>firing\n"
				    "1.5 Gone{a} firing>inactive\n"
				    "2 Stays{a} inactive>pending\n"
				    "2 Reader{a} inactive>firing\n"
				    "3 Stays{a} pending>firing\n"
				    "3 Reader{a} firing>resolved\n");
	world_close(&w);
}

static void copy_record(void *ctx, const struct rule_alert_record *record)
{
	struct rulegroups *to = ctx;

	assert_string_equal(record->group, "g");
	assert_int_equal(rulegroups__import(to, record), 0);
	assert_int_equal(rulegroups__import(to, record), -EEXIST);
}

/* As over a restart: another store, another table. */
static void test_restart(void **state)
{
	struct rule_world w, again;

	(void)state;
	world_open(&w, one);
	world_open(&again, one);
	put(&w, "a", 0, 1);
	put(&w, "b", 0, 1);
	world_tick(&w, 0);
	put(&w, "b", 2000, 1);
	put(&w, "a", 2000, 0);
	world_tick(&w, 2000);
	rulegroups__export(w.groups, copy_record, again.groups);
	world_close(&w);
	put(&again, "b", 3000, 1);
	world_tick(&again, 3000);
	/* It was firing, and is: whoever reads the new output is told. */
	assert_string_equal(again.told, "3 A{b} pending>firing\n");
	assert_int_equal(rulegroups__firing(again.groups), 1);
	put(&again, "b", 4000, 0);
	world_tick(&again, 4000);
	assert_string_equal(again.told, "3 A{b} pending>firing\n"
					"4 A{b} firing>resolved\n");
	world_close(&again);
}

static void test_import_refused(void **state)
{
	const struct label label[] = {{"alertname", "A"}, {"i", "a"}};
	const struct label unsorted[] = {{"i", "a"}, {"alertname", "A"}};
	struct rule_alert_record record = {
		.group = "g", .alert = "A", .labels = label, .labels_n = 2, .state = ALERT_FIRING};
	struct rule_world w;

	(void)state;
	world_open(&w, one);
	record.alert = "B";
	assert_int_equal(rulegroups__import(w.groups, &record), -ENOENT);
	record.alert = "A";
	record.group = "h";
	assert_int_equal(rulegroups__import(w.groups, &record), -ENOENT);
	record.group = "g";
	record.state = ALERT_RESOLVED;
	assert_int_equal(rulegroups__import(w.groups, &record), -EINVAL);
	record.state = ALERT_FIRING;
	record.labels = unsorted;
	assert_int_equal(rulegroups__import(w.groups, &record), -EINVAL);
	record.labels = label;
	assert_int_equal(rulegroups__import(w.groups, &record), 0);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_events),	    cmocka_unit_test(test_intervals),
		cmocka_unit_test(test_unknown),	    cmocka_unit_test(test_unknown_does_not_begin),
		cmocka_unit_test(test_failure),	    cmocka_unit_test(test_labels_do_not_pile_up),
		cmocka_unit_test(test_annotations), cmocka_unit_test(test_reload),
		cmocka_unit_test(test_restart),	    cmocka_unit_test(test_import_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
