/* SPDX-License-Identifier: GPL-2.0-only */
/* clock.bpf.c - the process-wide clocks of wire.h: one atomic word each, no lock. */
#include "common.bpf.h"

/* What the high bits of a clock can count. */
#define CLOCK_RUNNING_MAX ((1ULL << (64 - WIRE_CLOCK_BITS)) - 1)

/*
 * The voice clock runs while its count is not zero, so only the first and the last move its sum.
 */
__noinline int clock_step(__u32 which, __u32 up, __u64 t)
{
	__u64 *word;

	if (which >= WIRE_CLOCKS)
		return -1;
	word = clocks[which];
	for (int i = 0; i < CAS_TRIES; i++) {
		__u64 old = *(volatile __u64 *)word;
		__u64 n = old >> WIRE_CLOCK_BITS, sum = old;

		if (!up && n == 0) {
			ctr_inc(WIRE_CTR_BUG);
			return -1;
		}
		if (up && n == CLOCK_RUNNING_MAX)
			break;
		if (which != WIRE_CLOCK_VOICE || n == (up ? 0 : 1))
			sum += up ? -t : t;
		n = up ? n + 1 : n - 1;
		sum = (sum & WIRE_CLOCK_MASK) | (n << WIRE_CLOCK_BITS);
		if (__sync_val_compare_and_swap(word, old, sum) == old)
			return 0;
	}
	ctr_inc(WIRE_CTR_CLOCK_RETRY);
	return -1;
}
