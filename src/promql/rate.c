/* SPDX-License-Identifier: GPL-2.0-only */
/* How fast a series changes between the ends of a range. */
#include "promql/evaluation.h"

/* From the first to the last sample; what a counter lost in resets is added. */
static double raw_difference(const struct range_window *w, bool counter)
{
	double difference = w->sample[w->n - 1].value - w->sample[0].value;

	for (size_t i = 1; counter && i < w->n; i++)
		if (w->sample[i].value < w->sample[i - 1].value)
			difference += w->sample[i - 1].value;
	return difference;
}

/*
 * Prometheus's extrapolation to the whole range: as far as its edges where these are near (within
 * 1.1 mean intervals), else by half an interval; a counter's not below zero.
 */
static double extrapolation(const struct range_window *w, bool counter, double difference)
{
	double to_start_s = (double)(w->sample[0].ts_ms - w->start_ms) / 1000;
	double to_end_s = (double)(w->end_ms - w->sample[w->n - 1].ts_ms) / 1000;
	double sampled_s = (double)(w->sample[w->n - 1].ts_ms - w->sample[0].ts_ms) / 1000;
	double interval_s = sampled_s / (double)(w->n - 1);
	double threshold_s = interval_s * 1.1, extrapolated_s = sampled_s;

	if (counter && difference > 0 && w->sample[0].value >= 0) {
		double to_zero_s = sampled_s * (w->sample[0].value / difference);

		if (to_zero_s < to_start_s)
			to_start_s = to_zero_s;
	}
	extrapolated_s += to_start_s < threshold_s ? to_start_s : interval_s / 2;
	extrapolated_s += to_end_s < threshold_s ? to_end_s : interval_s / 2;
	return extrapolated_s / sampled_s;
}

/* Whole seconds and the rest apart, as Go's Duration.Seconds(). */
static double seconds(int64_t ms)
{
	return (double)(ms / 1000) + (double)(ms % 1000 * 1000000) / 1e9;
}

static bool extrapolated(const struct range_window *w, bool counter, bool per_second, double *out)
{
	double difference, factor;

	if (w->n < 2)
		return false;
	difference = raw_difference(w, counter);
	factor = extrapolation(w, counter, difference);
	if (per_second)
		factor /= seconds(w->range_ms);
	*out = difference * factor;
	return true;
}

bool range_rate(const struct range_window *w, double *out)
{
	return extrapolated(w, true, true, out);
}

bool range_increase(const struct range_window *w, double *out)
{
	return extrapolated(w, true, false, out);
}

bool range_delta(const struct range_window *w, double *out)
{
	return extrapolated(w, false, false, out);
}

/* Between the last two samples. */
bool range_irate(const struct range_window *w, double *out)
{
	const struct promql_sample *last, *before;

	if (w->n < 2)
		return false;
	last = &w->sample[w->n - 1];
	before = last - 1;
	*out = last->value < before->value ? last->value : last->value - before->value;
	*out /= (double)(last->ts_ms - before->ts_ms) / 1000;
	return true;
}

bool range_idelta(const struct range_window *w, double *out)
{
	if (w->n < 2)
		return false;
	*out = w->sample[w->n - 1].value - w->sample[w->n - 2].value;
	return true;
}
