/* SPDX-License-Identifier: GPL-2.0-only */
#include "metrics/slope.h"

#include <math.h>
#include <stdlib.h>

/* Two-sided 99 %: the samples of a process are not independent, 95 % would be too bold. */
#define Z 2.576
/* Beyond this nothing could be said at all. */
#define DEPENDENCE_MAX 0.95
#define PAIRS_MAX      (SLOPE_POINTS_MAX * (SLOPE_POINTS_MAX - 1) / 2)

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static size_t pair_slopes(const double *t_s, const double *value, size_t n, double *slopes)
{
	size_t pairs = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t j = i + 1; j < n; j++)
			if (t_s[j] > t_s[i])
				slopes[pairs++] = (value[j] - value[i]) / (t_s[j] - t_s[i]);
	return pairs;
}

/*
 * By how much the variance of a slope is larger than with independent points, as for a first-order
 * autoregression of what is left when the line is taken off: what comes and goes in waves has fewer
 * independent points than points.  The usual estimate of r is too small for few points and a line
 * that was fitted to them, by (2 + 4r) / n: that is put right.
 */
static double dependence(const double *t_s, const double *value, size_t n, double line)
{
	double mean = 0, squares = 0, products = 0, last = 0, r;

	for (size_t i = 0; i < n; i++)
		mean += (value[i] - line * t_s[i]) / (double)n;
	for (size_t i = 0; i < n; i++) {
		double rest = value[i] - line * t_s[i] - mean;

		squares += rest * rest;
		if (i)
			products += rest * last;
		last = rest;
	}
	if (squares <= 0 || n < 8)
		return 1;
	r = (products / squares + 2 / (double)n) / (1 - 4 / (double)n);
	r = fmin(fmax(r, 0), DEPENDENCE_MAX);
	return (1 + r) / (1 - r);
}

static struct slope estimate(const double *t_s, const double *value, size_t n, bool dependent)
{
	struct slope slope = {NAN, NAN, NAN};
	double slopes[PAIRS_MAX];
	double spread;
	size_t pairs, mid;
	long low, high;

	if (n > SLOPE_POINTS_MAX)
		n = SLOPE_POINTS_MAX;
	pairs = pair_slopes(t_s, value, n, slopes);
	if (n < 3 || !pairs)
		return slope;
	qsort(slopes, pairs, sizeof(slopes[0]), compare_doubles);
	mid = pairs / 2;
	slope.value = pairs & 1 ? slopes[mid] : (slopes[mid - 1] + slopes[mid]) / 2.0;

	spread = Z * sqrt((double)n * (double)(n - 1) * (double)(2 * n + 5) / 18.0);
	low = lround(((double)pairs - spread) / 2.0) - 1;
	high = lround(((double)pairs + spread) / 2.0);
	slope.low = low < 0 ? -INFINITY : slopes[low];
	slope.high = high >= (long)pairs ? INFINITY : slopes[high];
	if (dependent) {
		double wider = sqrt(dependence(t_s, value, n, slope.value));

		slope.low = slope.value - wider * (slope.value - slope.low);
		slope.high = slope.value + wider * (slope.high - slope.value);
	}
	return slope;
}

struct slope slope_estimate(const double *t_s, const double *value, size_t n)
{
	return estimate(t_s, value, n, true);
}

struct slope slope_estimate_independent(const double *t_s, const double *value, size_t n)
{
	return estimate(t_s, value, n, false);
}
