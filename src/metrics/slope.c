/* SPDX-License-Identifier: GPL-2.0-only */
#include "metrics/slope.h"

#include <math.h>
#include <stdlib.h>

/* Two-sided 99 %: the samples of a process are not independent, 95 % would be too bold. */
#define Z	  2.576
#define PAIRS_MAX (SLOPE_POINTS_MAX * (SLOPE_POINTS_MAX - 1) / 2)

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

struct slope slope_estimate(const double *t_s, const double *value, size_t n)
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
	return slope;
}
