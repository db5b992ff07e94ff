/* SPDX-License-Identifier: GPL-2.0-only */
#include "promql/functions.h"

#include <string.h>

#define SCALAR PROMQL_SCALAR
#define VECTOR PROMQL_VECTOR
#define MATRIX PROMQL_MATRIX

/* clang-format off */
static const struct promql_function functions[] = {
	{"abs", FUNCTION_ABS, VECTOR, 1, 1, {VECTOR}},
	{"absent", FUNCTION_ABSENT, VECTOR, 1, 1, {VECTOR}},
	{"absent_over_time", FUNCTION_ABSENT_OVER_TIME, VECTOR, 1, 1, {MATRIX}},
	{"avg_over_time", FUNCTION_AVG_OVER_TIME, VECTOR, 1, 1, {MATRIX}},
	{"ceil", FUNCTION_CEIL, VECTOR, 1, 1, {VECTOR}},
	{"changes", FUNCTION_CHANGES, VECTOR, 1, 1, {MATRIX}},
	{"clamp", FUNCTION_CLAMP, VECTOR, 3, 3, {VECTOR, SCALAR, SCALAR}},
	{"clamp_max", FUNCTION_CLAMP_MAX, VECTOR, 2, 2, {VECTOR, SCALAR}},
	{"clamp_min", FUNCTION_CLAMP_MIN, VECTOR, 2, 2, {VECTOR, SCALAR}},
	{"count_over_time", FUNCTION_COUNT_OVER_TIME, VECTOR, 1, 1, {MATRIX}},
	{"delta", FUNCTION_DELTA, VECTOR, 1, 1, {MATRIX}},
	{"deriv", FUNCTION_DERIV, VECTOR, 1, 1, {MATRIX}},
	{"floor", FUNCTION_FLOOR, VECTOR, 1, 1, {VECTOR}},
	{"idelta", FUNCTION_IDELTA, VECTOR, 1, 1, {MATRIX}},
	{"increase", FUNCTION_INCREASE, VECTOR, 1, 1, {MATRIX}},
	{"irate", FUNCTION_IRATE, VECTOR, 1, 1, {MATRIX}},
	{"last_over_time", FUNCTION_LAST_OVER_TIME, VECTOR, 1, 1, {MATRIX}},
	{"max_over_time", FUNCTION_MAX_OVER_TIME, VECTOR, 1, 1, {MATRIX}},
	{"min_over_time", FUNCTION_MIN_OVER_TIME, VECTOR, 1, 1, {MATRIX}},
	{"predict_linear", FUNCTION_PREDICT_LINEAR, VECTOR, 2, 2, {MATRIX, SCALAR}},
	{"quantile_over_time", FUNCTION_QUANTILE_OVER_TIME, VECTOR, 2, 2, {SCALAR, MATRIX}},
	{"rate", FUNCTION_RATE, VECTOR, 1, 1, {MATRIX}},
	{"resets", FUNCTION_RESETS, VECTOR, 1, 1, {MATRIX}},
	{"round", FUNCTION_ROUND, VECTOR, 1, 2, {VECTOR, SCALAR}},
	{"scalar", FUNCTION_SCALAR, SCALAR, 1, 1, {VECTOR}},
	{"stddev_over_time", FUNCTION_STDDEV_OVER_TIME, VECTOR, 1, 1, {MATRIX}},
	{"sum_over_time", FUNCTION_SUM_OVER_TIME, VECTOR, 1, 1, {MATRIX}},
	{"time", FUNCTION_TIME, SCALAR, 0, 0, {0}},
	{"timestamp", FUNCTION_TIMESTAMP, VECTOR, 1, 1, {VECTOR}},
	{"vector", FUNCTION_VECTOR, VECTOR, 1, 1, {SCALAR}},
};
/* clang-format on */

#define FUNCTIONS_N (sizeof(functions) / sizeof(functions[0]))
_Static_assert(FUNCTIONS_N == FUNCTION_COUNT - 1, "every function has its row");

static const char *const unsupported[] = {
	"acos",
	"acosh",
	"asin",
	"asinh",
	"atan",
	"atanh",
	"cos",
	"cosh",
	"day_of_month",
	"day_of_week",
	"day_of_year",
	"days_in_month",
	"deg",
	"exp",
	"histogram_count",
	"histogram_fraction",
	"histogram_quantile",
	"histogram_sum",
	"holt_winters",
	"hour",
	"label_join",
	"label_replace",
	"ln",
	"log10",
	"log2",
	"minute",
	"month",
	"pi",
	"present_over_time",
	"rad",
	"sgn",
	"sin",
	"sinh",
	"sort",
	"sort_desc",
	"sqrt",
	"stdvar_over_time",
	"tan",
	"tanh",
	"year",
};

static bool same(const char *known, const char *name, size_t len)
{
	return strlen(known) == len && !memcmp(known, name, len);
}

const struct promql_function *promql_function_find(const char *name, size_t len)
{
	for (size_t i = 0; i < FUNCTIONS_N; i++)
		if (same(functions[i].name, name, len))
			return &functions[i];
	return NULL;
}

const struct promql_function *promql_function_at(size_t i)
{
	return i < FUNCTIONS_N ? &functions[i] : NULL;
}

bool promql_function_unsupported(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(unsupported) / sizeof(unsupported[0]); i++)
		if (same(unsupported[i], name, len))
			return true;
	return false;
}
