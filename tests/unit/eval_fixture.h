/* SPDX-License-Identifier: GPL-2.0-only */
/* eval_fixture.h - a store with samples, and expressions over it. */
#ifndef CHESHIRE_TESTS_EVAL_FIXTURE_H
#define CHESHIRE_TESTS_EVAL_FIXTURE_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "promql/eval.h"

#define END NULL
#define ADD(f, series, step_s, ...)                                                                \
	add_all((f), (series), (step_s), sizeof((double[]){__VA_ARGS__}) / sizeof(double),         \
		(double[]){__VA_ARGS__})
#define STALE(fixture, series, at_s) add((fixture), (series), (at_s), store_stale_value())

struct eval_fixture {
	struct label_table *table;
	struct store *store;
	struct evaluator *evaluator;
	struct promql_expr *expr; /* of the last evaluation */
	struct promql_result result;
	struct promql_error error;
};

static inline void open_fixture(struct eval_fixture *f, size_t samples_max)
{
	*f = (struct eval_fixture){0};
	f->table = label_table__new();
	f->store = store__new(f->table, samples_max);
	f->evaluator = evaluator__new(f->store);
	assert_non_null(f->table);
	assert_non_null(f->store);
	assert_non_null(f->evaluator);
}

/* Whose store keeps everything. */
static inline void open_all(struct eval_fixture *f)
{
	open_fixture(f, 100000);
	store__keep_all(f->store);
}

static inline void close_fixture(struct eval_fixture *f)
{
	promql_free(f->expr);
	evaluator__free(f->evaluator);
	store__free(f->store);
	label_table__free(f->table);
}

static inline struct promql_expr *parse(const char *text)
{
	struct promql_error error;
	struct promql_expr *expr = NULL;

	if (promql_parse(text, strlen(text), &expr, &error))
		fail_msg("%s: %s", text, error.message);
	return expr;
}

/* The labels that a selector of equality matchers names. */
static inline const struct labels *labels_of(struct eval_fixture *f, const char *series)
{
	struct label label[PROMQL_MATCHERS_MAX];
	struct promql_expr *expr;
	const struct labels *labels;
	size_t n;

	if (!strcmp(series, "{}"))
		return labels_make(f->table, NULL, 0);
	expr = parse(series);
	for (n = 0; n < expr->root->matchers_n; n++)
		label[n] =
			(struct label){expr->root->matchers[n].name, expr->root->matchers[n].value};
	labels = labels_make(f->table, label, n);
	promql_free(expr);
	assert_non_null(labels);
	return labels;
}

static inline struct store_series *series_of(struct eval_fixture *f, const char *series)
{
	struct store_series *found = store__series(f->store, labels_of(f, series));

	assert_non_null(found);
	return found;
}

static inline void add(struct eval_fixture *f, const char *series, double at_s, double value)
{
	assert_int_equal(store__append(f->store, series_of(f, series), llround(at_s * 1000), value),
			 0);
}

/* n samples, the first at 0, step_s apart. */
static inline void add_all(struct eval_fixture *f, const char *series, double step_s, size_t n,
			   const double *values)
{
	for (size_t i = 0; i < n; i++)
		add(f, series, step_s * (double)i, values[i]);
}

static inline int evaluate(struct eval_fixture *f, const char *text, double at_s)
{
	promql_free(f->expr);
	f->expr = parse(text);
	return evaluator__eval(f->evaluator, f->expr, llround(at_s * 1000), &f->result, &f->error);
}

static inline void assert_same_number(const char *what, double got, double expected)
{
	if (isnan(expected) ? !isnan(got) : got != expected)
		fail_msg("%s: expected %.17g, got %.17g", what, expected, got);
}

static inline void assert_scalar(struct eval_fixture *f, const char *text, double at_s,
				 double expected)
{
	if (evaluate(f, text, at_s))
		fail_msg("%s: %s", text, f->error.message);
	assert_int_equal(f->result.type, PROMQL_SCALAR);
	assert_same_number(text, f->result.scalar, expected);
}

/* Pairs of series and double, then END: exactly these, in any order. */
static inline void assert_vector(struct eval_fixture *f, const char *text, double at_s, ...)
{
	const char *series;
	size_t n = 0;
	va_list args;

	if (evaluate(f, text, at_s))
		fail_msg("%s: %s", text, f->error.message);
	assert_int_equal(f->result.type, PROMQL_VECTOR);
	va_start(args, at_s);
	while ((series = va_arg(args, const char *))) {
		double expected = va_arg(args, double);
		const struct labels *labels = labels_of(f, series);
		size_t i = 0;

		while (i < f->result.n && f->result.element[i].labels != labels)
			i++;
		if (i == f->result.n)
			fail_msg("%s: no %s", text, series);
		assert_same_number(text, f->result.element[i].value, expected);
		n++;
	}
	va_end(args);
	if (f->result.n != n)
		fail_msg("%s: %zu elements, not %zu", text, f->result.n, n);
}

static inline void assert_refused(struct eval_fixture *f, const char *text, double at_s, int err,
				  const char *message)
{
	assert_int_equal(evaluate(f, text, at_s), err);
	if (!strstr(f->error.message, message))
		fail_msg("%s: %s", text, f->error.message);
}

#endif /* CHESHIRE_TESTS_EVAL_FIXTURE_H */
