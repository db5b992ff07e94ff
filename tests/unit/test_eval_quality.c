/* SPDX-License-Identifier: GPL-2.0-only */
/* What an evaluation says about its trustworthiness, and its bounds. */
#include <errno.h>

#include "eval_fixture.h"

/* Unknown changes no value; each element and the whole say where it got in. */
static void test_unknown(void **state)
{
	struct eval_fixture f;
	size_t marked;

	(void)state;
	open_all(&f);
	ADD(&f, "m{a=\"1\"}", 1, 1, 2);
	ADD(&f, "m{a=\"2\"}", 1, 3, 4);
	ADD(&f, "n{a=\"1\"}", 1, 5, 6);
	store_series_unknown(series_of(&f, "m{a=\"2\"}"), "why");
	static const struct {
		const char *text;
		size_t n, marked;
		bool whole;
	} cases[] = {
		{"m", 2, 1, true},
		{"m{a=\"1\"}", 1, 0, false},
		{"n", 1, 0, false},
		{"m < 3", 1, 0, true}, /* the unknown one is filtered out, but may belong here */
		{"m > 3", 1, 1, true},
		{"sum(m)", 1, 1, true},
		{"sum by (a) (m)", 2, 1, true},
		{"sum(m < 3)", 1, 1, true}, /* too low, or not */
		{"sum by (a) (m < 3)", 1, 0, true},
		{"rate(m[1m])", 2, 1, true},
		{"abs(-m)", 2, 1, true},
		{"m and on () n", 2, 1, true},
		{"n and on () m{a=\"2\"}", 1, 1, true},
		{"n or m", 2, 1, true},
		{"(m{a=\"2\"} < 0) or n", 1, 1, true}, /* only if the unknown is not there */
		{"m or on () n", 2, 1, true},
		{"(m < 0) or n", 1, 1, true},
		{"m{a=\"1\"} or (m{a=\"2\"} < 0)", 1, 0, true},
		{"n unless (m{a=\"2\"} < 0)", 1, 1, true},
		{"n unless (m{a=\"1\"} < 0)", 1, 0, false},
		{"n and (m{a=\"2\"} < 0)", 0, 0, true},
		{"n unless m", 0, 0, true},
		{"n + on (a) m", 1, 0, true},
		{"n + on () m{a=\"2\"}", 1, 1, true},
		{"n > scalar(m{a=\"2\"})", 1, 1, true},
		{"clamp_min(n, scalar(m{a=\"2\"}))", 1, 1, true},
		{"vector(scalar(m{a=\"2\"}))", 1, 1, true},
		{"predict_linear(n[1m], scalar(m{a=\"2\"}))", 1, 1, true},
		{"absent(m < 0)", 1, 1, true},
		{"absent(m)", 0, 0, true},
		{"absent(n{a=\"9\"})", 1, 0, false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(evaluate(&f, cases[i].text, 1), 0);
		marked = 0;
		for (size_t j = 0; j < f.result.n; j++)
			marked += f.result.element[j].unknown != NULL;
		if (f.result.n != cases[i].n || marked != cases[i].marked ||
		    !!f.result.unknown != cases[i].whole)
			fail_msg("%s: %zu elements, %zu unknown, the whole: %s", cases[i].text,
				 f.result.n, marked, f.result.unknown);
	}
	/* A series without a value for now still makes the whole unknown. */
	assert_int_equal(evaluate(&f, "m{a=\"2\"}", 1000), 0);
	assert_int_equal(f.result.n, 0);
	assert_string_equal(f.result.unknown, "why");
	store_series_unknown(series_of(&f, "m{a=\"2\"}"), NULL);
	assert_int_equal(evaluate(&f, "m", 1), 0);
	assert_null(f.result.unknown);
	close_fixture(&f);
}

/* What the bound of the store cost is unknown, not silently less. */
static void test_lost_samples(void **state)
{
	struct eval_fixture f;

	(void)state;
	open_fixture(&f, 100);
	store__keep_all(f.store);
	for (int i = 0; i < 300; i++)
		add(&f, "m", i, i);
	assert_int_equal(evaluate(&f, "count_over_time(m[10s])", 299), 0);
	assert_null(f.result.unknown);
	assert_null(f.result.element[0].unknown);
	assert_int_equal(evaluate(&f, "count_over_time(m[4m])", 299), 0);
	assert_non_null(f.result.unknown);
	assert_non_null(f.result.element[0].unknown);
	assert_int_equal(evaluate(&f, "m offset 4m", 299), 0);
	assert_int_equal(f.result.n, 0);
	assert_non_null(f.result.unknown);
	close_fixture(&f);
}

/* Chains whose vectors would not fit end in an error, and the next evaluation works. */
static void test_bounds(void **state)
{
	struct eval_fixture f;
	char text[4096] = "{x!=\"\"}", name[64];

	(void)state;
	open_all(&f);
	for (int i = 0; i < 8000; i++) {
		snprintf(name, sizeof(name), "m{x=\"%d\"}", i);
		add(&f, name, 0, i);
	}
	assert_vector(&f, "count(m)", 0, "{}", 8000.0, END);
	for (int i = 0; i < 30; i++)
		strcat(text, " and {x!=\"\"}");
	assert_int_equal(evaluate(&f, text, 0), 0);
	for (int i = 0; i < 40; i++)
		strcat(text, " or {x!=\"\"}");
	assert_refused(&f, text, 0, -E2BIG, "elements");
	assert_true(evaluator__bytes(f.evaluator) < (size_t)64 << 20);
	assert_vector(&f, "count(m)", 0, "{}", 8000.0, END);
	assert_true(evaluator__bytes(f.evaluator) < (size_t)4 << 20);
	close_fixture(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_lost_samples),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
