/* SPDX-License-Identifier: GPL-2.0-only */
#include "metrics/hist.h"

#include <math.h>

#define SUB (1U << WIRE_HIST_SUB_BITS)

/* Width of a bucket is 2^shift. */
static uint32_t bucket_shift(uint32_t bucket)
{
	return bucket < 2 * SUB ? 0 : bucket / SUB - 1;
}

uint64_t hist_bucket_low(uint32_t bucket)
{
	uint32_t shift = bucket_shift(bucket);

	if (bucket < SUB)
		return bucket;
	return (uint64_t)(bucket - shift * SUB) << shift;
}

uint64_t hist_bucket_high(uint32_t bucket)
{
	return hist_bucket_low(bucket) + (1ULL << bucket_shift(bucket)) - 1;
}

uint64_t hist_bucket_middle(uint32_t bucket)
{
	return hist_bucket_low(bucket) + ((1ULL << bucket_shift(bucket)) >> 1);
}

/* A sum that sticks at its end instead of wrapping: hostile durations must not look small. */
static uint64_t add_saturated(uint64_t a, uint64_t b)
{
	return a + b < a ? UINT64_MAX : a + b;
}

void hist_add(struct hist *hist, uint64_t value_ns, uint32_t times)
{
	if (!times)
		return;
	hist->bucket[hist_bucket(value_ns)] += times;
	hist->count += times;
	hist->sum_ns = add_saturated(hist->sum_ns, value_ns * times);
	if (value_ns > hist->max_ns)
		hist->max_ns = value_ns;
}

void hist_merge(struct hist *to, const struct hist *from)
{
	for (uint32_t i = 0; i < WIRE_HIST_BUCKETS; i++)
		to->bucket[i] += from->bucket[i];
	to->count += from->count;
	to->sum_ns = add_saturated(to->sum_ns, from->sum_ns);
	if (from->max_ns > to->max_ns)
		to->max_ns = from->max_ns;
}

void hist_subtract(struct hist *from, const struct hist *what)
{
	for (uint32_t i = 0; i < WIRE_HIST_BUCKETS; i++)
		from->bucket[i] -= what->bucket[i];
	from->count -= what->count;
	from->sum_ns = from->sum_ns > what->sum_ns ? from->sum_ns - what->sum_ns : 0;
}

uint64_t hist_add_diff(struct hist *to, const struct wire_histogram *now,
		       const struct wire_histogram *before)
{
	uint64_t added = 0;

	for (uint32_t i = 0; i < WIRE_HIST_BUCKETS; i++) {
		uint32_t times = now->bucket[i] - before->bucket[i];

		if (!times)
			continue;
		hist_add(to, hist_bucket_middle(i), times);
		added += times;
	}
	return added;
}

double hist_percentile_ns(const struct hist *hist, double p)
{
	uint64_t rank, seen = 0, middle;

	if (!hist->count)
		return NAN;
	rank = (uint64_t)ceil(p / 100.0 * (double)hist->count);
	if (rank < 1)
		rank = 1;
	for (uint32_t i = 0; i < WIRE_HIST_BUCKETS; i++) {
		seen += hist->bucket[i];
		if (seen < rank)
			continue;
		middle = hist_bucket_middle(i);
		return (double)(middle < hist->max_ns ? middle : hist->max_ns);
	}
	return (double)hist->max_ns;
}

double hist_mean_ns(const struct hist *hist)
{
	return hist->count ? (double)hist->sum_ns / (double)hist->count : NAN;
}
