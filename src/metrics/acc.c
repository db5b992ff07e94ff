/* SPDX-License-Identifier: GPL-2.0-only */
/* acc.c - the statistics themselves, of sums and of histograms. */
#include "metrics/window.h"

#include <math.h>

#define NS_PER_S 1e9

void acc_add(struct acc *acc, double num, double den, uint64_t n)
{
	acc->num += num;
	acc->den += den;
	acc->n += n;
	if (den > 0.0) {
		double value = num / den;

		acc->min = acc->values && acc->min < value ? acc->min : value;
		acc->max = acc->values && acc->max > value ? acc->max : value;
		acc->last = value;
		acc->values++;
	}
}

void acc_merge(struct acc *acc, const struct acc *newer)
{
	acc->num += newer->num;
	acc->den += newer->den;
	acc->n += newer->n;
	if (!newer->values)
		return;
	if (!acc->values || newer->min < acc->min)
		acc->min = newer->min;
	if (!acc->values || newer->max > acc->max) {
		acc->max = newer->max;
		acc->max_exact = newer->max_exact;
	}
	acc->last = newer->last;
	acc->values += newer->values;
}

double acc_stat(const struct acc *acc, enum window_kind kind, enum statistic stat, uint64_t *n)
{
	*n = acc->n;
	if (kind == WINDOW_SUM)
		return acc->num;
	if (!acc->values)
		return NAN;
	switch (stat) {
	case STAT_NOW:
		return acc->last;
	case STAT_MAX:
		return acc->max;
	case STAT_MIN:
		return acc->min;
	case STAT_COUNT:
		return (double)acc->n;
	default:
		return acc->num / acc->den;
	}
}

double hist_stat(const struct hist *hist, enum statistic stat, uint64_t elapsed_ns, uint64_t *n)
{
	*n = hist->count;
	switch (stat) {
	case STAT_COUNT:
		return (double)hist->count;
	case STAT_RATE:
		return elapsed_ns ? (double)hist->count * NS_PER_S / (double)elapsed_ns : NAN;
	case STAT_MEAN:
		return hist_mean_ns(hist) / NS_PER_S;
	case STAT_MAX:
		return hist->count ? (double)hist->max_ns / NS_PER_S : NAN;
	case STAT_P50:
	case STAT_MEDIAN:
		return hist_percentile_ns(hist, 50.0) / NS_PER_S;
	case STAT_P95:
		return hist_percentile_ns(hist, 95.0) / NS_PER_S;
	case STAT_P99:
		return hist_percentile_ns(hist, 99.0) / NS_PER_S;
	default:
		return NAN;
	}
}

bool window_has_stat(enum window_kind kind, enum statistic stat)
{
	switch (stat) {
	case STAT_P50:
	case STAT_P95:
	case STAT_P99:
		return kind == WINDOW_HIST;
	case STAT_MEDIAN:
	case STAT_MEAN:
	case STAT_MAX:
		return kind != WINDOW_SUM;
	case STAT_RATE:
	case STAT_NOW:
	case STAT_MIN:
		return kind == WINDOW_GAUGE || kind == WINDOW_RATIO;
	case STAT_COUNT:
		return kind == WINDOW_HIST || kind == WINDOW_SUM;
	default:
		return false;
	}
}
