/* SPDX-License-Identifier: GPL-2.0-only */
/* Statistics of the values of one series in a range. */
#include <math.h>
#include <stdlib.h>

#include "promql/evaluation.h"

#define ROUNDS_MAX 64

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

/* The first that is a number; the last one where there is none. */
static size_t first_number(const struct range_window *w)
{
	size_t i = 0;

	while (i + 1 < w->n && isnan(w->sample[i].value))
		i++;
	return i;
}

/* NaN only where nothing else is: it is neither less nor greater. */
bool range_min(const struct range_window *w, double *out)
{
	size_t first = first_number(w);
	double min = w->sample[first].value;

	for (size_t i = first + 1; i < w->n; i++)
		min = w->sample[i].value < min ? w->sample[i].value : min;
	*out = min;
	return true;
}

bool range_max(const struct range_window *w, double *out)
{
	size_t first = first_number(w);
	double max = w->sample[first].value;

	for (size_t i = first + 1; i < w->n; i++)
		max = w->sample[i].value > max ? w->sample[i].value : max;
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

static void swap(double *a, double *b)
{
	double kept = *a;

	*a = *b;
	*b = kept;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/*
 * Puts the value of rank k where it would be if all were sorted, none that is greater before it and
 * none that is less behind it.  Rounds that do not get on end in sorting what is left.
 */
static void select_rank(double *v, ptrdiff_t n, ptrdiff_t k)
{
	ptrdiff_t left = 0, right = n - 1;

	for (int rounds = 0; left < right; rounds++) {
		double pivot = v[k];
		ptrdiff_t i = left, j = right;

		if (rounds == ROUNDS_MAX) {
			qsort(v + left, (size_t)(right - left + 1), sizeof(v[0]), compare);
			return;
		}
		while (i <= j) {
			while (v[i] < pivot)
				i++;
			while (v[j] > pivot)
				j--;
			if (i <= j)
				swap(&v[i++], &v[j--]);
		}
		if (j < k)
			left = i;
		if (k < i)
			right = j;
	}
}

/* The values, NaN before all numbers; returns how many are NaN. */
static size_t copy_values(const struct range_window *w)
{
	size_t nans = 0;

	for (size_t i = 0; i < w->n; i++) {
		w->sorted[i] = w->sample[i].value;
		if (isnan(w->sorted[i]))
			swap(&w->sorted[i], &w->sorted[nans++]);
	}
	return nans;
}

/* The values of two neighbouring ranks (or of one), the share `weight` of the second. */
static double between(const struct range_window *w, size_t low, size_t high, double weight)
{
	size_t nans = copy_values(w);
	double *v = w->sorted, at_low, at_high;

	if (low >= nans)
		select_rank(v + nans, (ptrdiff_t)(w->n - nans), (ptrdiff_t)(low - nans));
	at_low = at_high = v[low];
	if (high > low) {
		at_high = v[high];
		for (size_t i = high; high >= nans && i < w->n; i++)
			at_high = v[i] < at_high ? v[i] : at_high;
	}
	return at_low * (1 - weight) + at_high * weight;
}

bool range_quantile(const struct range_window *w, double *out)
{
	double rank;
	size_t low;

	*out = NAN;
	if (isnan(w->arg))
		return true;
	*out = w->arg < 0 ? -INFINITY : INFINITY;
	if (w->arg < 0 || w->arg > 1)
		return true;
	rank = w->arg * (double)(w->n - 1);
	low = (size_t)floor(rank);
	*out = between(w, low, low + 1 < w->n ? low + 1 : low, rank - floor(rank));
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
