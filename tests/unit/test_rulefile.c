/* SPDX-License-Identifier: GPL-2.0-only */
/* test_rulefile.c - places of mistakes, warnings, and what is bounded. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config_fixture.h"
#include "memory/arena.h"
#include "promql/labels.h"
#include "promql/store.h"
#include "rulefile/rulefile.h"
#include "rulefile/series_desc.h"
#include "rulefile/testfile.h"
#include "template/template.h"

static enum metric_type type_of(void *ctx, const char *metric)
{
	(void)ctx;
	if (!strcmp(metric, "alice_memory_usage_mb"))
		return METRIC_TYPE_GAUGE;
	return strcmp(metric, "alice_turns_total") ? METRIC_TYPE_UNKNOWN : METRIC_TYPE_COUNTER;
}

/* Mistakes and warnings as they are printed; free() both. */
static int read_rules(const char *text, char **mistakes, char **doubts)
{
	const struct rulefile_opts opts = {.type_of = type_of, .interval_ms = 10000};
	struct config_errors *errors = config_errors__new(), *warnings = config_errors__new();
	struct rulefile *file;
	int err = rulefile_parse("r.yml", text, strlen(text), &opts, errors, warnings, &file);

	assert_int_equal(!err, file != NULL);
	rulefile_free(file);
	*mistakes = said(errors);
	*doubts = said(warnings);
	config_errors__free(errors);
	config_errors__free(warnings);
	return err;
}

static void says(const char *text, const char *mistakes, const char *doubts)
{
	char *m, *d;

	read_rules(text, &m, &d);
	if (!strstr(m, mistakes) || (!*mistakes && *m))
		fail_msg("%s\nsaid:\n%s\nwithout:\n%s", text, m, mistakes);
	if (!strstr(d, doubts) || (!*doubts && *d))
		fail_msg("%s\nwarned:\n%s\nwithout:\n%s", text, d, doubts);
	free(m);
	free(d);
}

#define HEAD "groups:\n  - name: g\n    rules:\n"

/* Inside of every kind of YAML text. */
static void test_places(void **state)
{
	(void)state;
	says(HEAD "      - { alert: A, expr: up == bad( }\n",
	     "r.yml:4:33: group \"g\", rule 1, \"A\"", "");
	says(HEAD "      - alert: A\n        expr: |\n          up\n            == ) 5\n",
	     "r.yml:7:16: ", "");
	says(HEAD "      - alert: A\n        expr: >-\n          up\n          == ) 5\n",
	     "r.yml:7:14: ", "");
	says(HEAD "      - alert: A\n        expr: \"up{a=\\\"x\\\"} == )\"\n", "r.yml:5:31: ", "");
	says(HEAD "      - alert: A\n        expr: 'up{a=''x''} == )'\n", "r.yml:5:31: ", "");
	says(HEAD "      - alert: A\n        expr: up\n          == )\n", "r.yml:6:14: ", "");
	says(HEAD "      - { alert: A, expr: up > 0, annotations: { a: 'ok {{ $no }}' } }\n",
	     "r.yml:4:60: ", "");
}

static void test_all_at_once(void **state)
{
	char *m, *d;

	(void)state;
	assert_int_equal(read_rules(HEAD
				    "      - { alert: A, expr: 'up == (' }\n"
				    "      - { alert: B, expr: up, fro: 5m }\n"
				    "      - { alert: C, expr: up, for: x, labels: { 1: a } }\n"
				    "  - { name: g, rulez: [] }\n",
				    &m, &d),
			 -EINVAL);
	assert_non_null(strstr(m, "r.yml:4:"));
	assert_non_null(strstr(m, "r.yml:5:31: unknown key 'fro' (did you mean 'for'?)"));
	assert_non_null(strstr(m, "r.yml:6:36: not a valid duration string"));
	assert_non_null(strstr(m, "r.yml:6:49: group \"g\", rule 3, \"C\": invalid label name"));
	assert_non_null(strstr(m, "is repeated in the same file"));
	assert_non_null(strstr(m, "unknown key 'rulez'"));
	free(m);
	free(d);
}

static void test_warnings(void **state)
{
	(void)state;
	says(HEAD "      - { alert: A, expr: 'increase(alice_memory_usage_mb[1h]) > 20' }\n", "",
	     "r.yml:4:28: increase() is for counters, and alice_memory_usage_mb is a gauge");
	says(HEAD "      - { alert: A, expr: 'delta(alice_memory_usage_mb[1h]) > 20' }\n", "", "");
	says(HEAD "      - { alert: A, expr: '1 < deriv(alice_turns_total[1h])' }\n", "",
	     "r.yml:4:32: deriv() is for gauges, and alice_turns_total is a counter");
	says(HEAD "      - { alert: A, expr: 'rate(other[1h]) > 1' }\n", "", "");
	says(HEAD "      - { alert: A, expr: up }\n", "", "nothing is compared");
	says(HEAD "      - { alert: A, expr: (up > bool 0) }\n", "",
	     "the comparison leaves nothing out");
	says(HEAD "      - { alert: A, expr: '1 > bool 2' }\n", "",
	     "the comparison leaves nothing out");
	says(HEAD "      - { alert: A, expr: time() }\n", "", "the alert always fires");
	says(HEAD "      - { alert: A, expr: absent(up) }\n", "", "");
	says(HEAD "      - { alert: A, expr: a unless b }\n", "", "");
	says(HEAD "      - { record: a, expr: up }\n", "", "");
	says(HEAD "      - { record: a, expr: 'up[5m]' }\n", "", "the result is a range vector");
	says(HEAD "      - { alert: A, expr: up > 0, for: 5s }\n", "",
	     "alert \"A\": `for` (5s) is shorter than the interval of evaluation (10s)");
	says(HEAD "      - { alert: A, expr: up > 0, for: 10s }\n", "", "");
	says(HEAD "      - { alert: A, expr: up > 0 }\n      - { alert: A, expr: up > 1 }\n", "",
	     "r.yml:5:9: duplicate rule \"A\" with the same labels, first in line 4");
	says(HEAD
	     "      - { alert: A, expr: up > 0, annotations: { a: '{{ if gt $value 5 }}x{{ end "
	     "}}' } }\n",
	     "", "annotation \"a\" will always fail to expand: gt cannot compare");
	says(HEAD "      - { alert: A, expr: up > 0, annotations: { a: '{{ humanize }}' } }\n", "",
	     "wrong number of args for humanize");
}

static char *expanded(const char *text, double value)
{
	const struct label label[] = {{"__name__", "x"}, {"job", "api"}};
	const struct template_data data = {.labels = label, .labels_n = 2, .value = value};
	struct template_error error, doubt;
	struct arena *arena = arena__new();
	const struct template *template;
	char *made;

	if (template_parse(text, arena, &template, &error, &doubt))
		fail_msg("%s: %zu: %s", text, error.at, error.message);
	made = template_expand(template, &data);
	arena__free(arena);
	return made;
}

/* What goes right is compared with promtool in tests/rules. */
static void test_expansion_fails(void **state)
{
	static const struct {
		const char *text, *becomes;
	} cases[] = {
		{"a {{ humanize $labels.job }}",
		 "<error expanding template: \"api\" is not a number>"},
		{"{{ humanizeTimestamp 1e300 }}", "<error expanding template: 1e+300 cannot be "
						  "represented as a nanoseconds timestamp>"},
		{"{{ gt $value 5 }}",
		 "<error expanding template: incompatible types for comparison>"},
		{"{{ toUpper $value }}",
		 "<error expanding template: error calling toUpper: it cannot take a float64>"},
		{"{{ .Nothing }}", "<error expanding template: can't evaluate field Nothing>"},
		{"{{ index $labels }}",
		 "<error expanding template: wrong number of args for index: want 2 got 1>"},
		{"{{ parseDuration \"x\" }}",
		 "<error expanding template: not a valid duration string: \"x\">"},
		{"{{ if eq 1 1 }}fine{{ else }}{{ humanize $labels.job }}{{ end }}", "fine"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *made = expanded(cases[i].text, 1);

		assert_string_equal(made, cases[i].becomes);
		free(made);
	}
}

/* Neither nesting nor repeating makes much of little. */
static void test_template_bounds(void **state)
{
	struct template_error error, doubt;
	struct arena *arena = arena__new();
	const struct template *template;
	char text[8192] = "";
	char *made;

	(void)state;
	for (int i = 0; i < 20; i++)
		strcat(text, "{{ if $value }}");
	assert_int_equal(template_parse(text, arena, &template, &error, &doubt), -EINVAL);
	assert_non_null(strstr(error.message, "nested deeper"));
	strcpy(text, "{{ ");
	for (int i = 0; i < 20; i++)
		strcat(text, "(");
	assert_int_equal(template_parse(text, arena, &template, &error, &doubt), -EINVAL);
	text[0] = '\0';
	for (int i = 0; i < 600; i++)
		strcat(text, "{{ 1 }}");
	assert_int_equal(template_parse(text, arena, &template, &error, &doubt), -EINVAL);
	assert_non_null(strstr(error.message, "more than 500 parts"));
	strcpy(text, "{{ \"x\"");
	for (int i = 0; i < 100; i++)
		strcat(text, " | printf \"%200s%200s%200s\" \"a\" \"b\"");
	strcat(text, " }}");
	made = expanded(text, 1);
	assert_non_null(made);
	free(made);
	arena__free(arena);
}

static void parses_to(const char *text, const char *expected)
{
	struct series_error error;
	struct series_desc desc;
	char got[512] = "";

	if (series_desc_parse(text, strlen(text), &desc, &error))
		fail_msg("%s: %zu: %s", text, error.at, error.message);
	for (size_t i = 0; i < desc.n; i++)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s",
			 desc.value[i].omitted		       ? "_ "
			 : store_is_stale(desc.value[i].value) ? "stale "
							       : "");
	for (size_t i = 0; i < desc.n; i++)
		if (!desc.value[i].omitted && !store_is_stale(desc.value[i].value))
			snprintf(got + strlen(got), sizeof(got) - strlen(got), "%g ",
				 desc.value[i].value);
	assert_string_equal(got, expected);
	series_desc_free(&desc);
}

static void test_series(void **state)
{
	(void)state;
	parses_to("a", "");
	parses_to("a 1", "1 ");
	parses_to("a{b=\"} 9\", c=\"d\"} 1 2.5 -3e2 +4", "1 2.5 -300 4 ");
	parses_to("{} 1x2", "1 1 1 ");
	parses_to("a 1+2x3 5-1x2", "1 3 5 7 5 4 3 ");
	parses_to("a 1 _ 2 _x2 stale", "_ _ _ stale 1 2 ");
	parses_to("a Inf -inf NaN", "inf -inf nan ");
	parses_to("a 010 08 0.5 .5 5.", "8 8 0.5 0.5 5 ");
	parses_to("a\t1  2 ", "1 2 ");
}

static void test_series_refused(void **state)
{
	static const struct {
		const char *text;
		size_t at;
	} cases[] = {
		{"a 1 2y", 4}, {"a -1--2x1", 5}, {"a 1+2", 5},	     {"a 1x", 4},
		{"a x3", 2},   {"a 1,2", 3},	 {"a{b=\"c\"}1", 8}, {"a 1 1x99999999", 6},
		{"a b", 2},    {"a 1e999", 2},	 {"a _3", 3},
	};
	struct series_error error;
	struct series_desc desc;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int err = series_desc_parse(cases[i].text, strlen(cases[i].text), &desc, &error);

		if (err != -EINVAL || error.at != cases[i].at)
			fail_msg("%s: %d at %zu: %s", cases[i].text, err, error.at, error.message);
	}
	assert_int_equal(series_desc_parse("a{b!=\"c\"}", 9, &desc, &error), -EINVAL);
	assert_int_equal(series_desc_parse("a{", 2, &desc, &error), -EINVAL);
	assert_int_equal(series_desc_parse("rate(a[5m])", 11, &desc, &error), -EINVAL);
	assert_int_equal(series_desc_parse("a{b=\"1\",b=\"2\"}", 14, &desc, &error), -EINVAL);
}

static void run_file(const char *text, int failures, const char *part)
{
	struct config_errors *errors = config_errors__new(), *warnings = config_errors__new();
	struct testfile *file = NULL;
	char *out = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&out, &len);
	int err = testfile_parse("t.yml", text, strlen(text), errors, warnings, &file);
	char *messages = said(errors);

	if (err)
		fail_msg("%s", messages);
	assert_int_equal(testfile_run(file, NULL, 0, to), failures);
	fclose(to);
	if (!strstr(out, part))
		fail_msg("%s\nwithout\n%s", out, part);
	free(out);
	free(messages);
	testfile_free(file);
	config_errors__free(errors);
	config_errors__free(warnings);
}

/* The difference is readable: - expected, + there. */
static void test_diff(void **state)
{
	static const char head[] = "tests:\n"
				   "  - interval: 1m\n"
				   "    input_series: [{ series: 'x{i=\"1\"}', values: 5x3 }]\n"
				   "    promql_expr_test:\n";
	char text[1024];

	(void)state;
	snprintf(text, sizeof(text),
		 "%s      - { expr: x + 0.5, eval_time: 90s, exp_samples: "
		 "[{ labels: '{i=\"1\"}', value: 5 }] }\n",
		 head);
	run_file(text, 1,
		 "    expr: \"x + 0.5\", time: 1m30s,\n"
		 "        - {i=\"1\"} 5\n"
		 "        + {i=\"1\"} 5.5\n");
	snprintf(text, sizeof(text),
		 "%s      - { expr: x, eval_time: 1m, exp_samples: "
		 "[{ labels: 'x{i=\"1\"}', value: 5 }, { labels: y, value: 5 }] }\n",
		 head);
	run_file(text, 1, "        - {__name__=\"y\"} 5\n        1 more as expected\n");
	snprintf(text, sizeof(text), "%s      - { expr: 'x[', eval_time: 1m }\n", head);
	run_file(text, 1, "    expr: \"x[\", time: 1m,\n        err: ");
}

static void test_endless(void **state)
{
	(void)state;
	run_file("evaluation_interval: 1ms\n"
		 "tests:\n"
		 "  - interval: 1m\n"
		 "    promql_expr_test: [{ expr: '1', eval_time: 1y }]\n",
		 1, "more than 2000000 evaluations");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),		cmocka_unit_test(test_all_at_once),
		cmocka_unit_test(test_warnings),	cmocka_unit_test(test_expansion_fails),
		cmocka_unit_test(test_template_bounds), cmocka_unit_test(test_series),
		cmocka_unit_test(test_series_refused),	cmocka_unit_test(test_diff),
		cmocka_unit_test(test_endless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
