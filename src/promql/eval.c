/* SPDX-License-Identifier: GPL-2.0-only */
#include "promql/eval.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "promql/evaluation.h"

/* More than this is not kept for the next evaluation. */
#define KEPT_BYTES_MAX ((size_t)4 << 20)

struct evaluator *evaluator__new(struct store *store)
{
	struct evaluator *ev = calloc(1, sizeof(*ev));

	if (!ev)
		return NULL;
	ev->store = store;
	ev->table = store__labels(store);
	return ev;
}

void evaluator__free(struct evaluator *ev)
{
	if (!ev)
		return;
	pool_free(&ev->pool);
	free(ev->marks.stamp);
	free(ev->marks.number);
	free(ev);
}

size_t evaluator__bytes(const struct evaluator *ev)
{
	return sizeof(*ev) + ev->pool.held + ev->marks.size * 2 * sizeof(ev->marks.stamp[0]);
}

int eval_fail(struct evaluator *ev, const struct promql_node *node, int err, const char *format,
	      ...)
{
	va_list args;

	ev->error->at = node->start;
	va_start(args, format);
	vsnprintf(ev->error->message, sizeof(ev->error->message), format, args);
	va_end(args);
	return err;
}

int eval_no_memory(struct evaluator *ev, const struct promql_node *node)
{
	return eval_fail(ev, node, -ENOMEM, "out of memory");
}

int eval_no_labels(struct evaluator *ev, const struct promql_node *node)
{
	if (errno == E2BIG)
		return eval_fail(ev, node, -E2BIG, "too many different sets of labels");
	return eval_no_memory(ev, node);
}

int eval_vector(struct evaluator *ev, const struct promql_node *node, size_t n,
		struct promql_result *out)
{
	if (n > EVAL_ELEMENTS_MAX)
		return eval_fail(ev, node, -E2BIG, "a vector would have more than %d elements",
				 EVAL_ELEMENTS_MAX);
	ev->elements += n;
	if (ev->elements > EVAL_ALL_ELEMENTS_MAX)
		return eval_fail(ev, node, -E2BIG, "more than %d elements would have to be held",
				 EVAL_ALL_ELEMENTS_MAX);
	out->type = PROMQL_VECTOR;
	out->n = 0;
	out->element = pool_alloc(&ev->pool, n * sizeof(out->element[0]));
	return out->element ? 0 : eval_no_memory(ev, node);
}

int eval_count_samples(struct evaluator *ev, const struct promql_node *node, size_t n)
{
	ev->samples += n;
	if (ev->samples <= EVAL_SAMPLES_MAX)
		return 0;
	return eval_fail(ev, node, -E2BIG, "more than %d samples would have to be looked at",
			 EVAL_SAMPLES_MAX);
}

int eval_check_unique(struct evaluator *ev, const struct promql_node *node,
		      const struct promql_result *v)
{
	if (v->n < 2)
		return 0;
	marks_clear(&ev->marks);
	for (size_t i = 0; i < v->n; i++) {
		uint32_t number = 0;
		int err = marks_add(&ev->marks, v->element[i].labels, &number);

		if (err < 0)
			return eval_no_memory(ev, node);
		if (err)
			return eval_fail(ev, node, -EINVAL,
					 "vector cannot contain metrics with the same labelset");
	}
	return 0;
}

int eval_drop_names(struct evaluator *ev, const struct promql_node *node, struct promql_result *v)
{
	for (size_t i = 0; i < v->n; i++) {
		v->element[i].labels = labels_drop_name(ev->table, v->element[i].labels);
		if (!v->element[i].labels)
			return eval_no_labels(ev, node);
	}
	return eval_check_unique(ev, node, v);
}

const char *eval_why(const struct store_series *series, int64_t from_ms)
{
	const char *why = store_series_why(series);

	if (why || !store_series_lost(series, from_ms))
		return why;
	return "samples were given up for the memory bound";
}

static int eval_selector(struct evaluator *ev, const struct promql_node *node,
			 struct promql_result *out)
{
	int64_t at_ms = ev->ts_ms - node->offset_ms;
	struct store_series *const *series;
	size_t n;
	int err;

	if (store__select(ev->store, node, &series, &n))
		return eval_no_memory(ev, node);
	err = eval_vector(ev, node, n, out);
	if (!err)
		err = eval_count_samples(ev, node, n);
	for (size_t i = 0; !err && i < n; i++) {
		const char *why = store_series_why(series[i]);
		struct promql_sample sample;

		if (!store_at(series[i], at_ms, &sample)) {
			why = eval_why(series[i], at_ms - STORE_LOOKBACK_MS);
			out->unknown = either(out->unknown, why);
			continue;
		}
		out->unknown = either(out->unknown, why);
		out->element[out->n++] = (struct promql_element){store_series_labels(series[i]),
								 sample.value, sample.ts_ms, why};
	}
	return err;
}

/* One series' samples as elements, behind those that are there. */
static void add_samples(struct promql_result *out, const struct store_series *series,
			const struct promql_sample *sample, size_t n, const char *why)
{
	for (size_t i = 0; i < n; i++)
		if (!store_is_stale(sample[i].value))
			out->element[out->n++] = (struct promql_element){
				store_series_labels(series), sample[i].value, sample[i].ts_ms, why};
}

/* A range vector that is nobody's argument: only as the whole result. */
static int eval_matrix(struct evaluator *ev, const struct promql_node *node,
		       struct promql_result *out)
{
	int64_t to_ms = ev->ts_ms - node->offset_ms, from_ms = to_ms - node->range_ms;
	struct store_series *const *series;
	const struct promql_sample *sample;
	size_t n, total = 0;
	int err;

	if (store__select(ev->store, node, &series, &n))
		return eval_no_memory(ev, node);
	for (size_t i = 0; i < n; i++)
		total += store_range(series[i], from_ms, to_ms, &sample);
	err = eval_count_samples(ev, node, total);
	if (!err)
		err = eval_vector(ev, node, total, out);
	if (err)
		return err;
	out->type = PROMQL_MATRIX;
	for (size_t i = 0; i < n; i++) {
		const char *why = eval_why(series[i], from_ms);
		size_t found = store_range(series[i], from_ms, to_ms, &sample);

		out->unknown = either(out->unknown, why);
		if (found)
			add_samples(out, series[i], sample, found, why);
	}
	return 0;
}

static int eval_negate(struct evaluator *ev, const struct promql_node *node,
		       struct promql_result *out)
{
	int err = eval_node(ev, node->arg[0], out);

	if (err)
		return err;
	out->scalar = -out->scalar;
	for (size_t i = 0; i < out->n; i++)
		out->element[i].value = -out->element[i].value;
	return eval_drop_names(ev, node, out);
}

int eval_node(struct evaluator *ev, const struct promql_node *node, struct promql_result *out)
{
	*out = (struct promql_result){.type = node->type};
	switch (node->kind) {
	case PROMQL_NUMBER:
		out->scalar = node->number;
		return 0;
	case PROMQL_TEXT:
		out->text = node->text;
		return 0;
	case PROMQL_SELECTOR:
		return node->range_ms ? eval_matrix(ev, node, out) : eval_selector(ev, node, out);
	case PROMQL_NEGATE:
		return eval_negate(ev, node, out);
	case PROMQL_BINARY:
		return eval_binary(ev, node, out);
	case PROMQL_AGGREGATE:
		return eval_aggregate(ev, node, out);
	case PROMQL_CALL:
		return eval_call(ev, node, out);
	case PROMQL_PAREN:
	case PROMQL_PLUS:
		return eval_node(ev, node->arg[0], out);
	}
	return eval_fail(ev, node, -EINVAL, "not an expression");
}

int evaluator__eval(struct evaluator *ev, const struct promql_expr *expr, int64_t ts_ms,
		    struct promql_result *result, struct promql_error *error)
{
	int err;

	if (ev->pool.held > KEPT_BYTES_MAX)
		pool_free(&ev->pool);
	pool_reset(&ev->pool);
	ev->ts_ms = ts_ms;
	ev->samples = ev->elements = 0;
	ev->error = error;
	*error = (struct promql_error){0};
	err = eval_node(ev, expr->root, result);
	if (err || result->type != PROMQL_VECTOR)
		return err;
	for (size_t i = 0; i < result->n; i++)
		result->element[i].ts_ms = ts_ms;
	return 0;
}
