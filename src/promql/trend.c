/* SPDX-License-Identifier: GPL-2.0-only */
/* The line through a series' samples, and how often they change. */
#include <math.h>

#include "promql/evaluation.h"

struct line {
	double slope, intercept; /* per second; at the time that was asked for */
};

static bool is_constant(const struct range_window *w)
{
	for (size_t i = 1; i < w->n; i++)
		if (w->sample[i].value != w->sample[0].value)
			return false;
	return true;
}

/* Least squares, with the sums' rounding errors kept as Prometheus keeps them. */
static struct line fit(const struct range_window *w, int64_t origin_ms)
{
	struct kahan x = {0}, y = {0}, xy = {0}, xx = {0};
	double n = (double)w->n, covariance, variance, sum_x, sum_y;
	struct line line;

	if (is_constant(w)) {
		if (isinf(w->sample[0].value))
			return (struct line){NAN, NAN};
		return (struct line){0, w->sample[0].value};
	}
	for (size_t i = 0; i < w->n; i++) {
		double at_s = (double)(w->sample[i].ts_ms - origin_ms) / 1e3;
		double value = w->sample[i].value;

		kahan_add(&x, at_s);
		kahan_add(&y, value);
		kahan_add(&xy, at_s * value);
		kahan_add(&xx, at_s * at_s);
	}
	sum_x = x.sum + x.error;
	sum_y = y.sum + y.error;
	covariance = (xy.sum + xy.error) - sum_x * sum_y / n;
	variance = (xx.sum + xx.error) - sum_x * sum_x / n;
	line.slope = covariance / variance;
	line.intercept = sum_y / n - line.slope * sum_x / n;
	return line;
}

bool range_deriv(const struct range_window *w, double *out)
{
	if (w->n < 2)
		return false;
	*out = fit(w, w->sample[0].ts_ms).slope;
	return true;
}

bool range_predict_linear(const struct range_window *w, double *out)
{
	struct line line;

	if (w->n < 2)
		return false;
	line = fit(w, w->ts_ms);
	*out = line.slope * w->arg + line.intercept;
	return true;
}

bool range_resets(const struct range_window *w, double *out)
{
	*out = 0;
	for (size_t i = 1; i < w->n; i++)
		*out += w->sample[i].value < w->sample[i - 1].value;
	return true;
}

bool range_changes(const struct range_window *w, double *out)
{
	*out = 0;
	for (size_t i = 1; i < w->n; i++) {
		double now = w->sample[i].value, before = w->sample[i - 1].value;

		*out += now != before && !(isnan(now) && isnan(before));
	}
	return true;
}
