/* SPDX-License-Identifier: GPL-2.0-only */
/* Functions of instant vectors and scalars. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "promql/evaluation.h"
#include "promql/functions.h"

typedef double (*number_function)(double value, const double *arg);

static double absolute(double value, const double *arg)
{
	(void)arg;
	return fabs(value);
}

static double ceiling(double value, const double *arg)
{
	(void)arg;
	return ceil(value);
}

static double floored(double value, const double *arg)
{
	(void)arg;
	return floor(value);
}

/* To the nearest multiple, halves up; by the inverse, as Prometheus does. */
static double rounded(double value, const double *arg)
{
	double inverse = 1.0 / arg[0];

	return floor(value * inverse + 0.5) / inverse;
}

static double clamped(double value, const double *arg)
{
	return number_max(arg[0], number_min(arg[1], value));
}

static double clamped_max(double value, const double *arg)
{
	return number_min(arg[0], value);
}

static double clamped_min(double value, const double *arg)
{
	return number_max(arg[0], value);
}

static number_function number_function_of(uint8_t id)
{
	switch (id) {
	case FUNCTION_ABS:
		return absolute;
	case FUNCTION_CEIL:
		return ceiling;
	case FUNCTION_FLOOR:
		return floored;
	case FUNCTION_ROUND:
		return rounded;
	case FUNCTION_CLAMP:
		return clamped;
	case FUNCTION_CLAMP_MAX:
		return clamped_max;
	case FUNCTION_CLAMP_MIN:
		return clamped_min;
	default:
		return NULL;
	}
}

static int eval_numbers(struct evaluator *ev, const struct promql_node *node,
			number_function function, struct promql_result *out)
{
	double arg[PROMQL_ARGS_MAX] = {1}; /* round's default */
	const char *unknown = NULL;
	int err = eval_node(ev, node->arg[0], out);

	for (size_t i = 1; !err && i < node->args_n; i++) {
		struct promql_result scalar;

		err = eval_node(ev, node->arg[i], &scalar);
		arg[i - 1] = scalar.scalar;
		unknown = either(unknown, scalar.unknown);
	}
	if (err)
		return err;
	out->unknown = either(out->unknown, unknown);
	if (node->function->id == FUNCTION_CLAMP && arg[1] < arg[0])
		out->n = 0;
	for (size_t i = 0; i < out->n; i++) {
		out->element[i].value = function(out->element[i].value, arg);
		out->element[i].unknown = either(out->element[i].unknown, unknown);
	}
	return eval_drop_names(ev, node, out);
}

/*
 * Labels that equality matchers give.  As in Prometheus the first one gives its label a value, and
 * every other matcher of that label that comes later takes it away.
 */
static const struct labels *absent_labels(struct evaluator *ev, const struct promql_node *selector)
{
	struct label label[PROMQL_MATCHERS_MAX];
	size_t n = 0;

	for (size_t i = 0; selector->kind == PROMQL_SELECTOR && i < selector->matchers_n; i++) {
		const struct promql_matcher *m = &selector->matchers[i];
		size_t at = 0;

		if (!strcmp(m->name, LABELS_NAME))
			continue;
		while (at < n && strcmp(label[at].name, m->name))
			at++;
		if (at < n)
			label[at].value = "";
		else if (m->op == PROMQL_MATCH_EQ)
			label[n++] = (struct label){m->name, m->value};
	}
	return labels_make(ev->table, label, n);
}

int eval_absent(struct evaluator *ev, const struct promql_node *selector, struct promql_result *out)
{
	const char *unknown = out->unknown;
	const struct labels *labels = absent_labels(ev, selector);
	int err;

	if (!labels)
		return eval_no_labels(ev, selector);
	err = eval_vector(ev, selector, 1, out);
	if (err)
		return err;
	out->element[out->n++] = (struct promql_element){labels, 1, ev->ts_ms, unknown};
	return 0;
}

static int eval_absent_call(struct evaluator *ev, const struct promql_node *node,
			    struct promql_result *out)
{
	int err = eval_node(ev, node->arg[0], out);

	if (err)
		return err;
	if (out->n) {
		out->n = 0;
		return 0;
	}
	return eval_absent(ev, unwrap_parens(node->arg[0]), out);
}

static int eval_scalar(struct evaluator *ev, const struct promql_node *node,
		       struct promql_result *out)
{
	int err = eval_node(ev, node->arg[0], out);

	if (err)
		return err;
	out->type = PROMQL_SCALAR;
	out->scalar = out->n == 1 ? out->element[0].value : NAN;
	out->n = 0;
	return 0;
}

static int eval_vector_call(struct evaluator *ev, const struct promql_node *node,
			    struct promql_result *out)
{
	const struct labels *none = labels_make(ev->table, NULL, 0);
	struct promql_result scalar;
	int err = eval_node(ev, node->arg[0], &scalar);

	if (err)
		return err;
	if (!none)
		return eval_no_labels(ev, node);
	err = eval_vector(ev, node, 1, out);
	if (err)
		return err;
	out->unknown = scalar.unknown;
	out->element[out->n++] =
		(struct promql_element){none, scalar.scalar, ev->ts_ms, scalar.unknown};
	return 0;
}

/* Of a selector the samples' own times, of anything else the evaluation's. */
static int eval_timestamp(struct evaluator *ev, const struct promql_node *node,
			  struct promql_result *out)
{
	bool own = unwrap_parens(node->arg[0])->kind == PROMQL_SELECTOR;
	int err = eval_node(ev, node->arg[0], out);

	if (err)
		return err;
	for (size_t i = 0; i < out->n; i++)
		out->element[i].value = (double)(own ? out->element[i].ts_ms : ev->ts_ms) / 1000;
	return eval_drop_names(ev, node, out);
}

int eval_call(struct evaluator *ev, const struct promql_node *node, struct promql_result *out)
{
	number_function function = number_function_of(node->function->id);

	if (function)
		return eval_numbers(ev, node, function, out);
	switch (node->function->id) {
	case FUNCTION_ABSENT:
		return eval_absent_call(ev, node, out);
	case FUNCTION_SCALAR:
		return eval_scalar(ev, node, out);
	case FUNCTION_TIME:
		out->scalar = (double)ev->ts_ms / 1000;
		return 0;
	case FUNCTION_TIMESTAMP:
		return eval_timestamp(ev, node, out);
	case FUNCTION_VECTOR:
		return eval_vector_call(ev, node, out);
	default:
		return eval_range_call(ev, node, out);
	}
}
