/* SPDX-License-Identifier: GPL-2.0-only */
/* Arithmetic of single values, as Prometheus (and Go) does it. */
#include <limits.h>
#include <math.h>

#include "promql/evaluation.h"

double number_max(double a, double b)
{
	if (isinf(a) && a > 0)
		return a;
	if (isinf(b) && b > 0)
		return b;
	if (isnan(a) || isnan(b))
		return NAN;
	if (a == 0 && b == 0)
		return signbit(a) ? b : a;
	return a > b ? a : b;
}

double number_min(double a, double b)
{
	if (isinf(a) && a < 0)
		return a;
	if (isinf(b) && b < 0)
		return b;
	if (isnan(a) || isnan(b))
		return NAN;
	if (a == 0 && b == 0)
		return signbit(a) ? a : b;
	return a < b ? a : b;
}

/* x to the power of n or -n by squaring, mantissa and exponent apart: no step overflows. */
static double whole_power(double x, uint32_t n, bool inverse)
{
	int64_t of_square, of_product = 0;
	double product = 1, square;
	int exponent;

	square = frexp(x, &exponent);
	of_square = exponent;
	for (; n; n >>= 1) {
		if (n & 1) {
			product *= square;
			of_product += of_square;
		}
		square *= square;
		of_square *= 2;
		if (fabs(square) < 0.5) {
			square *= 2;
			of_square--;
		}
	}
	if (inverse) {
		product = 1 / product;
		of_product = -of_product;
	}
	if (of_product > INT_MAX / 2 || of_product < -(INT_MAX / 2))
		of_product = of_product > 0 ? INT_MAX / 2 : -(INT_MAX / 2);
	return ldexp(product, (int)of_product);
}

/*
 * Whole exponents are multiplied out and roots taken as Go does it, so that the last bit is the
 * same.  Others go by the C library, which is closer to the true value than Go (by at most a few
 * last bits).
 */
static double power(double x, double y)
{
	double whole = trunc(fabs(y));

	if (fabs(y) == 0.5 && isfinite(x) && x != 0)
		return y > 0 ? sqrt(x) : 1 / sqrt(x);
	if (!isfinite(x) || !isfinite(y) || x == 0 || y == 0 || whole != fabs(y) || whole > 1 << 20)
		return pow(x, y);
	return whole_power(x, (uint32_t)whole, y < 0);
}

double number_binary(enum promql_op op, double a, double b)
{
	switch (op) {
	case PROMQL_ADD:
		return a + b;
	case PROMQL_SUB:
		return a - b;
	case PROMQL_MUL:
		return a * b;
	case PROMQL_DIV:
		return a / b;
	case PROMQL_MOD:
		return fmod(a, b);
	case PROMQL_POW:
		return power(a, b);
	case PROMQL_ATAN2:
		return atan2(a, b);
	case PROMQL_EQ:
		return a == b;
	case PROMQL_NE:
		return a != b;
	case PROMQL_LT:
		return a < b;
	case PROMQL_LE:
		return a <= b;
	case PROMQL_GT:
		return a > b;
	case PROMQL_GE:
		return a >= b;
	default:
		return NAN; /* set operators have no numbers */
	}
}
