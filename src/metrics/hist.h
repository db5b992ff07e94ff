/* SPDX-License-Identifier: GPL-2.0-only */
/* hist.h - histograms with the buckets of wire.h: add, merge, percentiles. */
#ifndef CHESHIRE_METRICS_HIST_H
#define CHESHIRE_METRICS_HIST_H

#include <stdint.h>

#include "cheshire/hist.h"

/* All zero is an empty histogram. */
struct hist {
	uint64_t count;
	uint64_t sum_ns;
	uint64_t max_ns; /* exact where it was known, else the middle of the top bucket */
	uint32_t bucket[WIRE_HIST_BUCKETS];
};

/* Smallest and largest value of a bucket (the last has no upper end: its low bound), middle. */
uint64_t hist_bucket_low(uint32_t bucket);
uint64_t hist_bucket_high(uint32_t bucket);
uint64_t hist_bucket_middle(uint32_t bucket);

void hist_add(struct hist *hist, uint64_t value_ns, uint32_t times);
void hist_merge(struct hist *to, const struct hist *from);
/* `what` must have been merged into `from` before; max_ns stays, the caller knows better. */
void hist_subtract(struct hist *from, const struct hist *what);
/*
 * Adds what happened between two readings of a kernel histogram (buckets wrap at 2^32) to `to`;
 * the sum is estimated from the middles, max_ns raised to the middle of the top bucket.
 * Returns the number of values added.
 */
uint64_t hist_add_diff(struct hist *to, const struct wire_histogram *now,
		       const struct wire_histogram *before);
/* Nearest rank: the ceil(p / 100 * count)-th smallest, 0 < p <= 100.  NAN when empty. */
double hist_percentile_ns(const struct hist *hist, double p);
double hist_mean_ns(const struct hist *hist);

#endif /* CHESHIRE_METRICS_HIST_H */
