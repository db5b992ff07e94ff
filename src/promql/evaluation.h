/* SPDX-License-Identifier: GPL-2.0-only */
/* evaluation.h - what the parts of the evaluator share; not for others. */
#ifndef CHESHIRE_PROMQL_EVALUATION_H
#define CHESHIRE_PROMQL_EVALUATION_H

#include "promql/eval.h"
#include "promql/pool.h"

/* Remembers a number for each of some label sets; emptied by counting up. */
struct label_marks {
	uint32_t *stamp, *number; /* indexed by labels->id */
	size_t size;
	uint32_t now;
};

struct evaluator {
	struct store *store;
	struct label_table *table;
	struct pool pool;
	struct label_marks marks;

	/* Of one evaluation. */
	int64_t ts_ms;
	size_t samples, elements;
	struct promql_error *error;
};

/* A scalar's `unknown` is about the scalar; a vector's about every series that was read for it. */

int eval_node(struct evaluator *ev, const struct promql_node *node, struct promql_result *out);

int eval_binary(struct evaluator *ev, const struct promql_node *node, struct promql_result *out);
int eval_aggregate(struct evaluator *ev, const struct promql_node *node, struct promql_result *out);
int eval_call(struct evaluator *ev, const struct promql_node *node, struct promql_result *out);
int eval_range_call(struct evaluator *ev, const struct promql_node *node,
		    struct promql_result *out);
/* The element that says that a selector selects nothing. */
int eval_absent(struct evaluator *ev, const struct promql_node *selector,
		struct promql_result *out);

/* Fills *error and returns err. */
int eval_fail(struct evaluator *ev, const struct promql_node *node, int err, const char *format,
	      ...) __attribute__((format(printf, 4, 5)));
int eval_no_memory(struct evaluator *ev, const struct promql_node *node);
/* A set of labels could not be made. */
int eval_no_labels(struct evaluator *ev, const struct promql_node *node);

/* Why what a series says of the time from from_ms on cannot be trusted, or NULL. */
const char *eval_why(const struct store_series *series, int64_t from_ms);

/* A vector with room for n elements, empty. */
int eval_vector(struct evaluator *ev, const struct promql_node *node, size_t n,
		struct promql_result *out);
/* Counts samples that are looked at. */
int eval_count_samples(struct evaluator *ev, const struct promql_node *node, size_t n);
/* Drops the metric's name of every element and refuses equal sets. */
int eval_drop_names(struct evaluator *ev, const struct promql_node *node, struct promql_result *v);
int eval_check_unique(struct evaluator *ev, const struct promql_node *node,
		      const struct promql_result *v);

static inline const struct promql_node *unwrap_parens(const struct promql_node *node)
{
	while (node->kind == PROMQL_PAREN)
		node = node->arg[0];
	return node;
}

static inline const char *either(const char *a, const char *b)
{
	return a ? a : b;
}

/* Forgets all marks. */
void marks_clear(struct label_marks *marks);
/* Marks `labels` with a number unless it has one: then *number gets that one.  1: it had one,
   0: it had none, -ENOMEM. */
int marks_add(struct label_marks *marks, const struct labels *labels, uint32_t *number);
/* Whether it has a number. */
bool marks_get(const struct label_marks *marks, const struct labels *labels, uint32_t *number);

/* Go's math.Max and math.Min, which Prometheus calculates with: infinities win over NaN. */
double number_max(double a, double b);
double number_min(double a, double b);
/* Arithmetic and comparison (1 or 0) of two scalars. */
double number_binary(enum promql_op op, double a, double b);
static inline bool op_is_comparison(enum promql_op op)
{
	return op >= PROMQL_EQ && op <= PROMQL_GE;
}

/* The samples of one series in a range, stale markers left out: at least one. */
struct range_window {
	const struct promql_sample *sample;
	size_t n;
	int64_t start_ms, end_ms; /* of the range, the offset considered */
	int64_t range_ms;
	int64_t ts_ms;	/* of the evaluation */
	double arg;	/* predict_linear's and quantile_over_time's */
	double *sorted; /* quantile_over_time: room for n values */
};

/* The function of a window; false: it has none. */
typedef bool (*range_function)(const struct range_window *w, double *out);
bool range_rate(const struct range_window *w, double *out);
bool range_increase(const struct range_window *w, double *out);
bool range_delta(const struct range_window *w, double *out);
bool range_irate(const struct range_window *w, double *out);
bool range_idelta(const struct range_window *w, double *out);
bool range_deriv(const struct range_window *w, double *out);
bool range_predict_linear(const struct range_window *w, double *out);
bool range_resets(const struct range_window *w, double *out);
bool range_changes(const struct range_window *w, double *out);
bool range_avg(const struct range_window *w, double *out);
bool range_min(const struct range_window *w, double *out);
bool range_max(const struct range_window *w, double *out);
bool range_sum(const struct range_window *w, double *out);
bool range_count(const struct range_window *w, double *out);
bool range_last(const struct range_window *w, double *out);
bool range_quantile(const struct range_window *w, double *out);
bool range_stddev(const struct range_window *w, double *out);

/* A sum with its rounding error (Neumaier's form of Kahan's). */
struct kahan {
	double sum, error;
};

static inline void kahan_add(struct kahan *k, double value)
{
	double sum = k->sum + value;

	if (__builtin_fabs(k->sum) >= __builtin_fabs(value))
		k->error += (k->sum - sum) + value;
	else
		k->error += (value - sum) + k->sum;
	k->sum = sum;
}

#endif /* CHESHIRE_PROMQL_EVALUATION_H */
