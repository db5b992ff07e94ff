/* SPDX-License-Identifier: GPL-2.0-only */
/* Statistics of the values of one series in a range. */
#include <math.h>
#include <stdlib.h>

#include "promql/evaluation.h"

/* The mean so far plus a share of each value; infinities that it holds are never subtracted. */
bool range_avg(const struct range_window *w, double *out)
{
	struct kahan mean = {0};
	double count = 0;

	for (size_t i = 0; i < w->n; i++) {
		double value = w->sample[i].value;

		count++;
		if (isinf(mean.sum) && isinf(value) && (mean.sum > 0) == (value > 0))
			continue;
		if (isinf(mean.sum) && isfinite(value))
			continue;
		kahan_add(&mean, value / count - mean.sum / count);
	}
	*out = isinf(mean.sum) ? mean.sum : mean.sum + mean.error;
	return true;
}

bool range_min(const struct range_window *w, double *out)
{
	double min = w->sample[0].value;

	for (size_t i = 1; i < w->n; i++)
		if (w->sample[i].value < min || isnan(min))
			min = w->sample[i].value;
	*out = min;
	return true;
}

bool range_max(const struct range_window *w, double *out)
{
	double max = w->sample[0].value;

	for (size_t i = 1; i < w->n; i++)
		if (w->sample[i].value > max || isnan(max))
			max = w->sample[i].value;
	*out = max;
	return true;
}

bool range_sum(const struct range_window *w, double *out)
{
	struct kahan sum = {0};

	for (size_t i = 0; i < w->n; i++)
		kahan_add(&sum, w->sample[i].value);
	*out = isinf(sum.sum) ? sum.sum : sum.sum + sum.error;
	return true;
}

bool range_count(const struct range_window *w, double *out)
{
	*out = (double)w->n;
	return true;
}

bool range_last(const struct range_window *w, double *out)
{
	*out = w->sample[w->n - 1].value;
	return true;
}

/* NaN before all numbers. */
static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	if (isnan(x) || isnan(y))
		return !!isnan(y) - !!isnan(x);
	return (x > y) - (x < y);
}

bool range_quantile(const struct range_window *w, double *out)
{
	double rank, weight;
	size_t low, high;

	*out = NAN;
	if (isnan(w->arg))
		return true;
	*out = w->arg < 0 ? -INFINITY : INFINITY;
	if (w->arg < 0 || w->arg > 1)
		return true;
	for (size_t i = 0; i < w->n; i++)
		w->sorted[i] = w->sample[i].value;
	qsort(w->sorted, w->n, sizeof(w->sorted[0]), compare);
	rank = w->arg * (double)(w->n - 1);
	low = (size_t)floor(rank);
	high = low + 1 < w->n ? low + 1 : w->n - 1;
	weight = rank - floor(rank);
	*out = w->sorted[low] * (1 - weight) + w->sorted[high] * weight;
	return true;
}

bool range_stddev(const struct range_window *w, double *out)
{
	struct kahan mean = {0}, squares = {0};
	double count = 0;

	for (size_t i = 0; i < w->n; i++) {
		double delta = w->sample[i].value - (mean.sum + mean.error);

		count++;
		kahan_add(&mean, delta / count);
		kahan_add(&squares, delta * (w->sample[i].value - (mean.sum + mean.error)));
	}
	*out = sqrt((squares.sum + squares.error) / count);
	return true;
}
