/* SPDX-License-Identifier: GPL-2.0-only */
/* The state of rules' alerts over a restart: the text, its reader, and what the rules make of it.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "promql/store.h"
#include "watch/state_text.h"

#define T0 1700000000000

/* One rule file at work; the store has one series, m. */
struct world {
	struct rulefile *file;
	struct label_table *labels;
	struct store *store;
	struct store_series *m;
	struct rulegroups *groups;
	size_t fired, resolved; /* as told */
};

static const char rules[] =
	"groups:\n"
	"- name: g\n"
	"  interval: 1s\n"
	"  rules:\n"
	"  - { alert: Soon, expr: m > 5, for: 20s, labels: { who: \"é\\\"\" } }\n"
	"  - { alert: Now, expr: m > 5 }\n"
	"  - { alert: Kept, expr: m > 5, keep_firing_for: 20s }\n";

static void world_open(struct world *w)
{
	const struct rulegroups_opts opts = {.interval_ms = 1000};
	const struct label name = {"__name__", "m"};
	struct config_errors *errors = config_errors__new(), *warnings = config_errors__new();

	memset(w, 0, sizeof(*w));
	assert_int_equal(
		rulefile_parse("rules.yml", rules, strlen(rules), NULL, errors, warnings, &w->file),
		0);
	config_errors__free(errors);
	config_errors__free(warnings);
	w->labels = label_table__new();
	w->store = store__new(w->labels, 10000);
	w->m = store__series(w->store, labels_make(w->labels, &name, 1));
	w->groups = rulegroups__new(w->store, (const struct rulefile *const *)&w->file, 1, &opts);
	assert_non_null(w->groups);
}

static void world_close(struct world *w)
{
	rulegroups__free(w->groups);
	store__free(w->store);
	label_table__free(w->labels);
	rulefile_free(w->file);
}

static void on_alert(void *ctx, const struct rule_event *event)
{
	struct world *w = ctx;

	w->fired += event->alert->shown == ALERT_FIRING;
	w->resolved += event->alert->shown == ALERT_RESOLVED;
}

static void tick(struct world *w, int64_t ts_ms, double value)
{
	const struct rulegroups_listener listener = {on_alert, NULL, w};

	if (value > 0)
		assert_int_equal(store__append(w->store, w->m, ts_ms, value), 0);
	rulegroups__tick(w->groups, ts_ms, &listener);
}

static const struct rule_alert *only_alert(const struct world *w, size_t rule)
{
	const struct rule_alert *const *list;

	assert_int_equal(rulegroups__alerts(w->groups, 0, rule, &list), 1);
	return list[0];
}

static size_t alerts_of(const struct world *w, size_t rule)
{
	const struct rule_alert *const *list;

	return rulegroups__alerts(w->groups, 0, rule, &list);
}

static char *saved(const struct world *w, int64_t ts_ms, size_t expected)
{
	size_t n;
	char *text = state_text_write(w->groups, "alice", ts_ms, &n);

	assert_non_null(text);
	assert_int_equal(n, expected);
	return text;
}

static void load(struct world *w, const char *text)
{
	char why[STATE_TEXT_WHY_MAX];
	struct state_text state;

	if (state_text_read(text, strlen(text), &state, why))
		fail_msg("%s", why);
	assert_string_equal(state.target, "alice");
	for (size_t i = 0; i < state.n; i++)
		assert_int_equal(rulegroups__import(w->groups, &state.record[i]), 0);
	state_text_free(&state);
}

static void alerts_go_on_where_they_were(void **state)
{
	struct world before, after;
	char *text;

	(void)state;
	world_open(&before);
	for (int i = 0; i <= 12; i++)
		tick(&before, T0 + i * 1000, 6.5);
	text = saved(&before, T0 + 12000, 3);
	world_close(&before);

	world_open(&after);
	load(&after, text);
	for (int i = 13; i < 20; i++)
		tick(&after, T0 + i * 1000, 7);
	/* What fired is told anew, as of then. */
	assert_int_equal(after.fired, 2);
	assert_int_equal(only_alert(&after, 1)->fired_at_ms, T0);
	assert_int_equal(only_alert(&after, 0)->state, ALERT_PENDING);
	tick(&after, T0 + 20000, 7);
	assert_int_equal(only_alert(&after, 0)->state, ALERT_FIRING);
	assert_int_equal(after.fired, 3);
	assert_int_equal(after.resolved, 0);
	world_close(&after);
	free(text);
}

static void series_may_begin_late(void **state)
{
	struct world before, after;
	char *text;

	(void)state;
	world_open(&before);
	tick(&before, T0, 6);
	text = saved(&before, T0, 3);
	world_close(&before);

	world_open(&after);
	load(&after, text);
	tick(&after, T0 + 1000, 0);
	tick(&after, T0 + 2000, 0);
	assert_int_equal(only_alert(&after, 0)->active_at_ms, T0);
	tick(&after, T0 + 3000, 6);
	assert_int_equal(only_alert(&after, 0)->active_at_ms, T0);
	assert_int_equal(after.fired, 2);
	/* It has begun: from now on gone is gone. */
	tick(&after, T0 + 4000, 1);
	assert_int_equal(alerts_of(&after, 0), 0);
	assert_int_equal(after.resolved, 1);
	assert_int_equal(only_alert(&after, 2)->keep_firing_since_ms, T0 + 4000);
	world_close(&after);
	free(text);
}

static void what_does_not_come_back_is_over(void **state)
{
	struct world before, after;
	char *text;

	(void)state;
	world_open(&before);
	tick(&before, T0, 6);
	text = saved(&before, T0, 3);
	world_close(&before);

	world_open(&after);
	load(&after, text);
	for (int i = 1; i <= 10; i++)
		tick(&after, T0 + i * 1000, 0);
	assert_int_equal(alerts_of(&after, 0), 1);
	assert_int_equal(after.resolved, 0);
	tick(&after, T0 + 11000, 0);
	assert_int_equal(alerts_of(&after, 0), 0);
	assert_int_equal(after.resolved, 1);
	world_close(&after);
	free(text);
}

static void nothing_is_a_state_too(void **state)
{
	struct world w;
	char *text;

	(void)state;
	world_open(&w);
	tick(&w, T0, 1);
	text = saved(&w, T0, 0);
	load(&w, text);
	world_close(&w);
	free(text);
}

/* A good text with one place changed. */
static char *changed(const char *from, const char *to)
{
	static const char good[] =
		"{\"format\":\"cheshire-state-1\",\"saved_ms\":1000,\"target\":\"alice\","
		"\"alerts\":[{\"group\":\"g\",\"alert\":\"A\",\"state\":\"firing\","
		"\"labels\":{\"b\":\"1\",\"alertname\":\"A\"},\"source\":{},\"value\":\"NaN\","
		"\"active_at_ms\":500,\"fired_at_ms\":600,\"keep_firing_since_ms\":null}]}";
	const char *at = strstr(good, from);
	char *text = NULL;

	assert_non_null(at);
	assert_true(asprintf(&text, "%.*s%s%s", (int)(at - good), good, to, at + strlen(from)) > 0);
	return text;
}

static void good_texts(void **state)
{
	static const char *const rows[][2] = {
		{"{\"format", " {\"format"},
		{"]}", "]}\n"},
		{"\"NaN\"", "\"-0x1p-3\""},
		{"\"firing\"", "\"firing\",\"new\":[]"},
		{"null", "600"},
		{"null", "1000"},
	};
	char why[STATE_TEXT_WHY_MAX];
	struct state_text read;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = changed(rows[i][0], rows[i][1]);

		if (state_text_read(text, strlen(text), &read, why))
			fail_msg("row %zu: %s", i, why);
		assert_int_equal(read.n, 1);
		assert_string_equal(read.record[0].labels[0].name, "alertname");
		state_text_free(&read);
		free(text);
	}
}

static void bad_texts(void **state)
{
	static const char *const rows[][3] = {
		{"{\"format", "", "not JSON"},
		{"]}", "]", "not JSON"},
		{"]}", "]}}", "not JSON"},
		{"state-1", "state-2", "not a state file of this version"},
		{"\"saved_ms\":1000", "\"saved_ms\":\"1000\"", "\"saved_ms\" is no time"},
		{"\"saved_ms\":1000", "\"saved_ms\":0", "out of order"},
		{"\"saved_ms\":1000", "\"saved_ms\":400", "out of order"},
		{"\"target\":\"alice\"", "\"target\":1", "\"target\""},
		{"\"alerts\":[", "\"alerts\":[1,", "an alert is no object"},
		{"\"alerts\":[", "\"alarms\":[", "\"alerts\""},
		{"\"g\"", "\"\\u0000g\"", "zero byte"},
		{"\"firing\"", "\"unknown\"", "neither pending nor firing"},
		{"\"firing\"", "\"pending\"", "a pending alert has fired"},
		{"\"b\":\"1\"", "\"b\":\"\"", "empty label"},
		{"\"b\":\"1\"", "\"\":\"1\"", "empty label"},
		{"\"b\":\"1\"", "\"b\":1", "\"b\""},
		{"\"NaN\"", "\"NaNs\"", "no number"},
		{"\"NaN\"", "\"\"", "no number"},
		{"\"NaN\"", "1", "\"value\""},
		{"500", "700", "out of order"},
		{"500", "-1", "out of order"},
		{"500", "null", "no time"},
		{"600", "1001", "out of order"},
		{"600", "null", "no time"},
		{"null", "499", "out of order"},
		{"null", "9223372036854775808", "out of order"},
	};
	char why[STATE_TEXT_WHY_MAX];
	struct state_text read;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = changed(rows[i][0], rows[i][1]);

		if (!state_text_read(text, strlen(text), &read, why) || !strstr(why, rows[i][2]))
			fail_msg("row %zu: %s: '%s'", i, text, why);
		assert_null(read.record);
		free(text);
	}
}

static void sizes_are_bounded(void **state)
{
	size_t len = STATE_TEXT_BYTES_MAX + 1;
	char why[STATE_TEXT_WHY_MAX], *text = malloc(len);
	struct state_text read;

	(void)state;
	memset(text, '[', len);
	assert_int_equal(state_text_read(text, len, &read, why), -EINVAL);
	assert_non_null(strstr(why, "longer than"));
	assert_int_equal(state_text_read(text, len - 1, &read, why), -EINVAL);
	assert_non_null(strstr(why, "not JSON"));
	assert_int_equal(state_text_read(text, 0, &read, why), -EINVAL);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alerts_go_on_where_they_were),
		cmocka_unit_test(series_may_begin_late),
		cmocka_unit_test(what_does_not_come_back_is_over),
		cmocka_unit_test(nothing_is_a_state_too),
		cmocka_unit_test(good_texts),
		cmocka_unit_test(bad_texts),
		cmocka_unit_test(sizes_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
