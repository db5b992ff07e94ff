/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * eval.h - the value of an expression at one time, with the semantics of Prometheus 2.42.
 *
 * Unknown is an overlay: every element says whether a series that went into it was marked
 * unknown; and the whole result says so too (an absent element may be missing because of it).
 * It changes no value.
 */
#ifndef CHESHIRE_PROMQL_EVAL_H
#define CHESHIRE_PROMQL_EVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "promql/ast.h"
#include "promql/store.h"

#define EVAL_ELEMENTS_MAX     50000   /* of one vector */
#define EVAL_ALL_ELEMENTS_MAX 500000  /* of all vectors of one evaluation */
#define EVAL_SAMPLES_MAX      5000000 /* looked at in one evaluation */

struct promql_element {
	const struct labels *labels; /* of the store's table */
	double value;
	int64_t ts_ms;	     /* range results: of the sample; else the evaluation's */
	const char *unknown; /* why it cannot be trusted, or NULL */
};

struct promql_result {
	enum promql_type type;
	double scalar;			/* SCALAR */
	const char *text;		/* STRING: the expression's */
	struct promql_element *element; /* VECTOR: unsorted; MATRIX: samples, series by series */
	size_t n;
	const char *unknown; /* any series that was read, also those that were filtered out */
};

/* Keeps its memory from one evaluation to the next; `store` is kept by reference.  NULL and errno.
 */
struct evaluator;
struct evaluator *evaluator__new(struct store *store);
void evaluator__free(struct evaluator *evaluator);
size_t evaluator__bytes(const struct evaluator *evaluator);

/*
 * 0, or -EINVAL (with Prometheus's message in *error: "vector cannot contain metrics with the same
 * labelset", "found duplicate series for the match group ..."), -E2BIG (a bound), -ENOMEM; *error
 * is filled each time.  The result is the evaluator's until the next call.
 */
int evaluator__eval(struct evaluator *evaluator, const struct promql_expr *expr, int64_t ts_ms,
		    struct promql_result *result, struct promql_error *error);

#endif /* CHESHIRE_PROMQL_EVAL_H */
