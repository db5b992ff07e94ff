/* SPDX-License-Identifier: GPL-2.0-only */
/* Functions of range vectors: each series' samples in the range become one element. */
#include <errno.h>
#include <string.h>

#include "promql/evaluation.h"
#include "promql/functions.h"

static const range_function functions[FUNCTION_COUNT] = {
	[FUNCTION_AVG_OVER_TIME] = range_avg,
	[FUNCTION_CHANGES] = range_changes,
	[FUNCTION_COUNT_OVER_TIME] = range_count,
	[FUNCTION_DELTA] = range_delta,
	[FUNCTION_DERIV] = range_deriv,
	[FUNCTION_IDELTA] = range_idelta,
	[FUNCTION_INCREASE] = range_increase,
	[FUNCTION_IRATE] = range_irate,
	[FUNCTION_LAST_OVER_TIME] = range_last,
	[FUNCTION_MAX_OVER_TIME] = range_max,
	[FUNCTION_MIN_OVER_TIME] = range_min,
	[FUNCTION_PREDICT_LINEAR] = range_predict_linear,
	[FUNCTION_QUANTILE_OVER_TIME] = range_quantile,
	[FUNCTION_RATE] = range_rate,
	[FUNCTION_RESETS] = range_resets,
	[FUNCTION_STDDEV_OVER_TIME] = range_stddev,
	[FUNCTION_SUM_OVER_TIME] = range_sum,
};

/* A call as it is carried out, series by series. */
struct range_call {
	const struct promql_node *node, *selector;
	range_function function;
	struct range_window window;
	const char *unknown; /* of its scalar argument */
};

/* Finds the range vector among the arguments and evaluates the others. */
static int prepare(struct evaluator *ev, struct range_call *call)
{
	struct range_window *w = &call->window;

	for (size_t i = 0; i < call->node->args_n; i++) {
		const struct promql_node *arg = call->node->arg[i];
		struct promql_result scalar;
		int err;

		if (arg->type == PROMQL_MATRIX) {
			call->selector = unwrap_parens(arg);
			continue;
		}
		err = eval_node(ev, arg, &scalar);
		if (err)
			return err;
		w->arg = scalar.scalar;
		call->unknown = scalar.unknown;
	}
	w->ts_ms = ev->ts_ms;
	w->end_ms = ev->ts_ms - call->selector->offset_ms;
	w->start_ms = w->end_ms - call->selector->range_ms;
	w->range_ms = call->selector->range_ms;
	return 0;
}

/* The samples in the range; where stale markers are among them, a copy without. */
static int take_samples(struct evaluator *ev, struct range_call *call,
			const struct store_series *series)
{
	struct range_window *w = &call->window;
	struct promql_sample *copy;
	size_t n;
	int err;

	w->n = store_range(series, w->start_ms, w->end_ms, &w->sample);
	err = eval_count_samples(ev, call->selector, w->n + 1);
	if (err || !w->n)
		return err;
	if (store_series_has_stale(series)) {
		copy = pool_alloc(&ev->pool, w->n * sizeof(copy[0]));
		if (!copy)
			return eval_no_memory(ev, call->selector);
		n = 0;
		for (size_t i = 0; i < w->n; i++)
			if (!store_is_stale(w->sample[i].value))
				copy[n++] = w->sample[i];
		w->sample = copy;
		w->n = n;
	}
	if (call->node->function->id != FUNCTION_QUANTILE_OVER_TIME)
		return 0;
	w->sorted = pool_alloc(&ev->pool, w->n * sizeof(w->sorted[0]));
	return w->sorted ? 0 : eval_no_memory(ev, call->selector);
}

static int one_series(struct evaluator *ev, struct range_call *call,
		      const struct store_series *series, struct promql_result *out)
{
	const char *why = eval_why(series, call->window.start_ms);
	struct promql_element e = {store_series_labels(series), 0, ev->ts_ms, NULL};
	int err = take_samples(ev, call, series);

	if (err)
		return err;
	out->unknown = either(out->unknown, why);
	if (!call->window.n || !call->function(&call->window, &e.value))
		return 0;
	e.unknown = either(why, call->unknown);
	if (call->node->function->id != FUNCTION_LAST_OVER_TIME)
		e.labels = labels_drop_name(ev->table, e.labels);
	if (!e.labels)
		return eval_no_labels(ev, call->node);
	out->element[out->n++] = e;
	return 0;
}

int eval_range_call(struct evaluator *ev, const struct promql_node *node, struct promql_result *out)
{
	bool absent = node->function->id == FUNCTION_ABSENT_OVER_TIME;
	struct range_call call = {.node = node};
	struct store_series *const *series;
	size_t n;
	int err = prepare(ev, &call);

	if (err)
		return err;
	call.function = absent ? range_count : functions[node->function->id];
	if (!call.function)
		return eval_fail(ev, node, -EINVAL, "%s is not implemented", node->function->name);
	if (store__select(ev->store, call.selector, &series, &n))
		return eval_no_memory(ev, node);
	err = eval_vector(ev, node, n, out);
	out->unknown = call.unknown;
	for (size_t i = 0; !err && i < n; i++)
		err = one_series(ev, &call, series[i], out);
	if (err)
		return err;
	if (!absent)
		return eval_check_unique(ev, node, out);
	if (!out->n)
		return eval_absent(ev, call.selector, out);
	out->n = 0;
	return 0;
}
