/* SPDX-License-Identifier: GPL-2.0-only */
/* functions.h - the functions of the language, by name and by id. */
#ifndef CHESHIRE_PROMQL_FUNCTIONS_H
#define CHESHIRE_PROMQL_FUNCTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "promql/ast.h"

enum promql_function_id {
	FUNCTION_ABS = 1,
	FUNCTION_ABSENT,
	FUNCTION_ABSENT_OVER_TIME,
	FUNCTION_AVG_OVER_TIME,
	FUNCTION_CEIL,
	FUNCTION_CHANGES,
	FUNCTION_CLAMP,
	FUNCTION_CLAMP_MAX,
	FUNCTION_CLAMP_MIN,
	FUNCTION_COUNT_OVER_TIME,
	FUNCTION_DELTA,
	FUNCTION_DERIV,
	FUNCTION_FLOOR,
	FUNCTION_IDELTA,
	FUNCTION_INCREASE,
	FUNCTION_IRATE,
	FUNCTION_LAST_OVER_TIME,
	FUNCTION_MAX_OVER_TIME,
	FUNCTION_MIN_OVER_TIME,
	FUNCTION_PREDICT_LINEAR,
	FUNCTION_QUANTILE_OVER_TIME,
	FUNCTION_RATE,
	FUNCTION_RESETS,
	FUNCTION_ROUND,
	FUNCTION_SCALAR,
	FUNCTION_STDDEV_OVER_TIME,
	FUNCTION_SUM_OVER_TIME,
	FUNCTION_TIME,
	FUNCTION_TIMESTAMP,
	FUNCTION_VECTOR,
	FUNCTION_COUNT,
};

/* NULL: not one of ours.  `name` need not end in NUL; case matters. */
const struct promql_function *promql_function_find(const char *name, size_t len);
/* By index, from 0; NULL past the end.  Sorted by name. */
const struct promql_function *promql_function_at(size_t i);
/* Whether Prometheus 2.42 has it and cheshire has not. */
bool promql_function_unsupported(const char *name, size_t len);

#endif /* CHESHIRE_PROMQL_FUNCTIONS_H */
