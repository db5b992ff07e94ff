/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * series.h - one metric over time: its sums over the whole session, and a window for each
 * length that somebody asked for.
 */
#ifndef CHESHIRE_METRICS_SERIES_H
#define CHESHIRE_METRICS_SERIES_H

#include <stdbool.h>
#include <stdint.h>

#include "metrics/evidence.h"
#include "metrics/slope.h"
#include "metrics/stream_memory.h"
#include "metrics/window.h"

enum series_flags {
	SERIES_MEDIAN = 1 << 0,	  /* gauge whose statistic is the median, by definition */
	SERIES_PEAK = 1 << 1,	  /* ... the maximum, by definition */
	SERIES_GROWTH = 1 << 2,	  /* ... the slope, by definition */
	SERIES_EVIDENCE = 1 << 3, /* spans or turns explain it */
	SERIES_EXACT = 1 << 4,	  /* gauge that cannot change unseen */
	SERIES_STREAMS = 1 << 5,  /* slope over the number of open streams, by definition */
};

struct series_def {
	const char *id; /* of a stage: what follows the stage's name and a dot */
	enum window_kind kind;
	enum unit unit;
	enum statistic stat; /* when none is asked for */
	unsigned int flags;  /* enum series_flags */
};

/* One window of one length. */
struct view {
	struct view *next;
	uint64_t window_ns;
	struct window *window;	   /* not SERIES_GROWTH, not SERIES_STREAMS */
	struct growth *growth;	   /* SERIES_GROWTH */
	struct evidence *evidence; /* SERIES_EVIDENCE */
};

struct series {
	const struct series_def *def; /* NULL: not there for this kind of stage */
	struct view *views;
	struct acc total;
	struct hist *hist; /* WINDOW_HIST; SERIES_MEDIAN: of the value itself */
	struct growth *growth;
	struct stream_memory *streams; /* SERIES_STREAMS, from the first demand on */
	bool partial;		       /* something was lost at some time */
};

/* 0 or -ENOMEM. */
int series_init(struct series *series, const struct series_def *def);
void series_release(struct series *series);
/* SERIES_STREAMS: samples are kept from now on.  0 or -ENOMEM. */
int series_keep_streams(struct series *series);
/* The window of that length, made if need be; NULL: no memory. */
struct view *series_view(struct series *series, uint64_t window_ns);

/* Each returns the number of allocations that failed (then the window is partial). */
unsigned int series_add_hist(struct series *series, const struct hist *delta, uint64_t now_ns);
unsigned int series_add_duration(struct series *series, uint64_t value_ns, uint64_t now_ns);
void series_add_gauge(struct series *series, double value, bool exact, uint64_t now_ns);
void series_add_ratio(struct series *series, double num, double den, uint64_t n, uint64_t now_ns);
unsigned int series_add_evidence(struct series *series, const struct evidence_item *item,
				 uint64_t now_ns);
void series_mark(struct series *series, enum quality quality, const char *reason, uint64_t now_ns);

/* The statistic that is meant: the definition's where it has one of its own. */
enum statistic series_stat(const struct series *series, enum statistic asked);
bool series_has_stat(const struct series *series, enum statistic stat);
/* Over a window, or (view NULL) over the session, which is elapsed_ns long. */
struct sample series_read(struct series *series, struct view *view, enum statistic stat,
			  uint64_t now_ns, uint64_t elapsed_ns);

#endif /* CHESHIRE_METRICS_SERIES_H */
