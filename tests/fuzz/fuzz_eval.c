/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Any expression over any series: the first line is the expression, what follows are samples.  A
 * second evaluation must give the same, and no two elements of a vector have the same labels.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "promql/eval.h"

#define SERIES 6

static const char *const names[SERIES][3] = {
	/* metric, a, b */
	{"m", "1", "x"}, {"m", "2", "x"}, {"m", "2", "y"},
	{"n", "1", "x"}, {"n", "2", ""},  {"", "1", "x"},
};

static struct store_series *make_series(struct store *store, int i)
{
	struct label label[] = {{"__name__", names[i][0]}, {"a", names[i][1]}, {"b", names[i][2]}};
	const struct labels *labels = labels_make(store__labels(store), label, 3);

	return labels ? store__series(store, labels) : NULL;
}

/* Each byte is a sample of one of the series, or a gap. */
static void append(struct store *store, const uint8_t *data, size_t size)
{
	static const double values[] = {0,	   -1,	   1,	 3,    0.1,  1e308,
					-1e308,	   1e-320, 5e-3, 1e15, -0.0, INFINITY,
					-INFINITY, NAN,	   7,	 1e9};
	struct store_series *series[SERIES];
	int64_t ts_ms = 0;

	for (int i = 0; i < SERIES; i++) {
		series[i] = make_series(store, i);
		if (!series[i])
			abort();
	}
	for (size_t i = 0; i < size; i++) {
		int which = data[i] & 7, value = data[i] >> 4;

		if (which >= SERIES || data[i] & 8)
			ts_ms += which < SERIES ? 15000 : 997 * value + 1;
		if (which >= SERIES)
			continue;
		store__append(store, series[which], ts_ms,
			      data[i] == 0xdd ? store_stale_value() : values[value]);
		if (data[i] == 0xf5)
			store_series_unknown(series[which], "marked");
	}
}

static void check(const struct promql_result *result)
{
	for (size_t i = 0; result->type == PROMQL_VECTOR && i < result->n; i++) {
		if (result->element[i].unknown && !result->unknown)
			abort();
		for (size_t j = 0; j < i; j++)
			if (result->element[i].labels == result->element[j].labels)
				abort();
	}
}

static void evaluate(struct store *store, const struct promql_expr *expr, int64_t ts_ms)
{
	struct evaluator *evaluator = evaluator__new(store);
	struct promql_result first, second;
	struct promql_element *kept = NULL;
	struct promql_error error;
	int err;

	if (!evaluator)
		abort();
	err = evaluator__eval(evaluator, expr, ts_ms, &first, &error);
	if (!err) {
		check(&first);
		kept = malloc(first.n * sizeof(kept[0]) + 1);
		if (first.n)
			memcpy(kept, first.element, first.n * sizeof(kept[0]));
	} else if (!error.message[0]) {
		abort();
	}
	if (evaluator__eval(evaluator, expr, ts_ms, &second, &error) != err)
		abort();
	if (!err && (first.n != second.n || memcmp(&first.scalar, &second.scalar, 8)))
		abort();
	if (!err && first.n && memcmp(kept, second.element, first.n * sizeof(kept[0])))
		abort();
	free(kept);
	evaluator__free(evaluator);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, '\n', size);
	size_t text_size = end ? (size_t)(end - data) : size;
	struct label_table *table;
	struct promql_error error;
	struct promql_expr *expr;
	struct store *store;

	if (promql_parse((const char *)data, text_size, &expr, &error))
		return 0;
	table = label_table__new();
	/* Few: the bound is reached too. */
	store = table ? store__new(table, 200) : NULL;
	if (!store)
		abort();
	if (size & 1)
		store__keep_all(store);
	else if (store__declare(store, expr))
		abort();
	append(store, end ? end + 1 : data, end ? size - text_size - 1 : 0);
	evaluate(store, expr, 60000);
	evaluate(store, expr, 400001);
	store__forget(store, expr);
	store__trim(store);
	store__expire(store, 10000000);
	store__free(store);
	label_table__free(table);
	promql_free(expr);
	return 0;
}
