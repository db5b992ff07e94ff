/* SPDX-License-Identifier: GPL-2.0-only */
/* span.bpf.c - histograms, the longest span, slots of spans in flight. */
#include "span.bpf.h"

__noinline int hist_count(__u32 stage, __u32 which, __u64 value_ns)
{
	struct histograms *hists = bpf_map_lookup_elem(&stage_hists, &stage);
	__u32 bucket = hist_bucket(value_ns);

	if (hists && which < WIRE_HISTS && bucket < WIRE_HIST_BUCKETS)
		shared_add(&hists->of[which].bucket[bucket], 1);
	return 0;
}

__noinline int hist_count_cached(__u32 index, __u64 value_ns)
{
	struct wire_histogram *hist = bpf_map_lookup_elem(&cached_hists, &index);
	__u32 bucket = hist_bucket(value_ns);

	if (hist && bucket < WIRE_HIST_BUCKETS)
		shared_add(&hist->bucket[bucket], 1);
	return 0;
}

__noinline int span_max(__u32 stage, __u64 value_ns)
{
	struct wire_stage_stats *stats = bpf_map_lookup_elem(&stage_stats, &stage);

	if (!stats)
		return 0;
	for (int i = 0; i < CAS_TRIES; i++) {
		__u64 old = *(volatile __u64 *)&stats->max_ns;

		if (value_ns <= old ||
		    __sync_val_compare_and_swap(&stats->max_ns, old, value_ns) == old)
			return 0;
	}
	ctr_inc(WIRE_CTR_CLOCK_RETRY);
	return 0;
}

__noinline int slot_take(__u32 stage, __u64 start_ns, __u32 tid)
{
	struct wire_stage_stats *stats = bpf_map_lookup_elem(&stage_stats, &stage);

	if (!stats)
		return 0;
	for (__u32 i = 0; i < WIRE_OPEN_SLOTS; i++) {
		__u32 at = (tid + i) & (WIRE_OPEN_SLOTS - 1);

		if (__sync_val_compare_and_swap(&stats->open[at].start_ns, 0, start_ns) == 0) {
			stats->open[at].tid = tid;
			return at + 1;
		}
	}
	ctr_inc(WIRE_CTR_NO_SLOT);
	return 0;
}
