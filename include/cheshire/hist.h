/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hist.h - which bucket of a struct wire_histogram a value belongs to.
 *
 * Both compilers read this file, so that the kernel's buckets and user space's are the same by
 * construction.  There is no division, no loop and no clz (BPF has none): the logarithm is found
 * by five compares and shifts, and the result is bounded in a way the verifier can see.
 */
#ifndef CHESHIRE_HIST_H
#define CHESHIRE_HIST_H

#include "cheshire/wire.h"

/* floor(log2(v)) for v below 2^63; 0 for v = 0. */
static inline __attribute__((always_inline)) __u32 hist_log2(__u64 v)
{
	__u32 result, step;

	result = (v > 0xffffffffULL) << 5;
	v >>= result;
	step = (v > 0xffff) << 4;
	v >>= step;
	result |= step;
	step = (v > 0xff) << 3;
	v >>= step;
	result |= step;
	step = (v > 0xf) << 2;
	v >>= step;
	result |= step;
	step = (v > 0x3) << 1;
	v >>= step;
	result |= step;
	return result | (__u32)(v >> 1);
}

/* Index into wire_histogram.bucket, always below WIRE_HIST_BUCKETS. */
static inline __attribute__((always_inline)) __u32 hist_bucket(__u64 value_ns)
{
	__u32 shift, bucket;

	if (value_ns < (1U << WIRE_HIST_SUB_BITS))
		return (__u32)value_ns;
	if (value_ns >> WIRE_HIST_MAX_BITS)
		return WIRE_HIST_BUCKETS - 1;
	shift = (hist_log2(value_ns) - WIRE_HIST_SUB_BITS) & 63;
	bucket = (shift << WIRE_HIST_SUB_BITS) + (__u32)(value_ns >> shift);
	if (bucket >= WIRE_HIST_BUCKETS)
		bucket = WIRE_HIST_BUCKETS - 1;
	return bucket;
}

#endif /* CHESHIRE_HIST_H */
