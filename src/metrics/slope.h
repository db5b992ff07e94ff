/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * slope.h - how fast a value grows, robustly: Theil-Sen with a confidence interval.
 *
 * The slope is the median of the slopes between all pairs of points: up to 29 % of outliers do
 * not move it.  The interval is the one of Sen (1968), from the variance of Kendall's statistic,
 * made wider for points that depend on those before them: memory that rose stays so for a while.
 */
#ifndef CHESHIRE_METRICS_SLOPE_H
#define CHESHIRE_METRICS_SLOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "metrics/sample.h"

#define SLOPE_POINTS_MAX 128

struct slope {
	double value;	  /* per second; NAN below 3 points */
	double low, high; /* 99 % confidence interval of it */
};

/* t_s in seconds, strictly rising; n <= SLOPE_POINTS_MAX, else only the first are read. */
struct slope slope_estimate(const double *t_s, const double *value, size_t n);

/* The same for points that are taken to be independent: the interval of Sen as it stands. */
struct slope slope_estimate_independent(const double *t_s, const double *value, size_t n);

/*
 * Growth of a quantity in a sliding window.  Points are means over equal steps; when they are
 * too many, neighbours are joined, so memory and work are bounded whatever the window.
 */
struct growth;

/* window_ns 0: since the beginning.  NULL and errno on failure. */
struct growth *growth__new(uint64_t window_ns);
void growth__free(struct growth *growth);
void growth__add(struct growth *growth, double value, uint64_t now_ns);
/*
 * Slope per hour with its interval.  Quality few until a quarter of the window (at least 60 s,
 * or the window where it is shorter) and 12 points have been seen, and while the second half of
 * the window grows significantly slower than the first: that is a warm-up or a filling cache.
 * `low` is never above what the second half alone guarantees: growth that has stopped is no leak.
 */
struct sample growth__read(struct growth *growth, uint64_t now_ns);

#endif /* CHESHIRE_METRICS_SLOPE_H */
