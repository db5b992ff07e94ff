/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * window.h - a statistic over the last so many seconds, in memory bounded by construction.
 *
 * Time is cut into slots; a reading covers the slots that the window touches, so what it sees is
 * at least the window and at most one slot more.  A slot is max(1 s, window / 60); of windows
 * that hold single values (gauges) max(1 s, window / 512), because their median needs them.
 */
#ifndef CHESHIRE_METRICS_WINDOW_H
#define CHESHIRE_METRICS_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "metrics/hist.h"
#include "metrics/sample.h"

enum window_kind {
	WINDOW_INVALID = 0,
	WINDOW_HIST = 1,  /* durations: percentiles, mean, max, count, rate */
	WINDOW_GAUGE = 2, /* values looked at: now, mean, max, min, median */
	WINDOW_RATIO = 3, /* one sum over another: now, mean, max, min, median */
	WINDOW_SUM = 4,	  /* how much in the window: count, rate */
};

/* Sums of a stretch of time; all zero is an empty one. */
struct acc {
	double num;	       /* gauge: sum of values */
	double den;	       /* gauge: number of values */
	double min, max, last; /* of single values, or of num / den of single feeds */
	uint64_t n;	       /* samples; ratio: as fed */
	uint64_t values;       /* single values seen, for min, max, last */
	bool max_exact;	       /* gauge: max is not just the highest that was looked at */
};

void acc_add(struct acc *acc, double num, double den, uint64_t n);
void acc_merge(struct acc *acc, const struct acc *newer);
/* The statistic; NAN where there is no sample.  *n: samples behind it. */
double acc_stat(const struct acc *acc, enum window_kind kind, enum statistic stat, uint64_t *n);
/* Likewise of a histogram, in seconds; `elapsed_ns` is for STAT_RATE. */
double hist_stat(const struct hist *hist, enum statistic stat, uint64_t elapsed_ns, uint64_t *n);
/* Whether the kind has the statistic at all. */
bool window_has_stat(enum window_kind kind, enum statistic stat);

struct window;

/* NULL and errno on failure. */
struct window *window__new(enum window_kind kind, uint64_t window_ns);
void window__free(struct window *window);

/* WINDOW_HIST.  0 or -ENOMEM. */
int window__add_hist(struct window *window, const struct hist *delta, uint64_t now_ns);
int window__add_duration(struct window *window, uint64_t value_ns, uint64_t now_ns);
/* WINDOW_GAUGE; `exact`: the value was the true maximum since the one before. */
void window__add_gauge(struct window *window, double value, bool exact, uint64_t now_ns);
/* WINDOW_RATIO, WINDOW_SUM (den is 0); n: samples behind it. */
void window__add_ratio(struct window *window, double num, double den, uint64_t n, uint64_t now_ns);
/*
 * Something was lost just now (QUALITY_PARTIAL) or cannot be known (QUALITY_UNKNOWN, and why: a
 * string that outlives the window).
 */
void window__mark(struct window *window, enum quality quality, const char *reason, uint64_t now_ns);

/* value, n, quality and idle are filled; the unit is the caller's. */
struct sample window__read(struct window *window, enum statistic stat, uint64_t now_ns);

#endif /* CHESHIRE_METRICS_WINDOW_H */
