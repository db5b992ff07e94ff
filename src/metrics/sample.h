/* SPDX-License-Identifier: GPL-2.0-only */
/* sample.h - what reading a metric gives. */
#ifndef CHESHIRE_METRICS_SAMPLE_H
#define CHESHIRE_METRICS_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"

/* How good a number is; the worst that applies. */
enum quality {
	QUALITY_EXACT = 0,
	QUALITY_SAMPLED = 1, /* looked at once a second: what came and went between is not in it */
	QUALITY_FEW = 2,     /* too few samples for the statistic */
	QUALITY_PARTIAL = 3, /* events were lost in the window */
	QUALITY_UNKNOWN = 4, /* we cannot know; value is NAN */
};

struct sample {
	double value;	  /* base unit of the metric; NAN when idle or unknown */
	double low, high; /* confidence interval of value where there is one, else NAN */
	enum unit unit;
	enum quality quality;
	uint64_t n;	    /* samples behind the value */
	bool idle;	    /* known, and nothing happened: no sample */
	const char *reason; /* QUALITY_UNKNOWN: why; else what has to be said of the value, or NULL;
			       a static string or the metrics' */
};

#endif /* CHESHIRE_METRICS_SAMPLE_H */
