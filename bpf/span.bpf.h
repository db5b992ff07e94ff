/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * span.bpf.h - what happens when a stage opens and closes: counters, histograms, records, the
 * voice clock and the slots in which user space sees the age of what is in flight.
 */
#ifndef CHESHIRE_SPAN_BPF_H
#define CHESHIRE_SPAN_BPF_H

#include "cheshire/hist.h"
#include "usage.bpf.h"

/* Everything about the stage of one event, looked up once. */
struct stage_ref {
	__u32 index;
	struct wire_stage *conf;
	struct wire_stage_stats *stats;
};

static __always_inline int stage_lookup(struct stage_ref *ref, __u32 index)
{
	ref->index = index;
	ref->conf = bpf_map_lookup_elem(&stages, &index);
	ref->stats = bpf_map_lookup_elem(&stage_stats, &index);
	return ref->conf && ref->stats;
}

/* Counts a value in a histogram of a stage (span.bpf.c). */
int hist_count(__u32 stage, __u32 which, __u64 value_ns);
/* ... of answers out of a cache, by the index of that histogram. */
int hist_count_cached(__u32 index, __u64 value_ns);
/* Raises the stage's longest span. */
int span_max(__u32 stage, __u64 value_ns);
/* Takes a slot in which user space can see since when the span is open; 0 when all are taken. */
int slot_take(__u32 stage, __u64 start_ns, __u32 tid);

/* One record's worth of the stage's tokens; refilled whole every second. */
static __always_inline int token_take(struct stage_ref *ref, __u64 now)
{
	__u64 old = ref->stats->tokens, second = (now >> 30) & 0xffffffff;

	if (old >> 32 != second) {
		/* Lost races cost or give a token, never more. */
		__sync_val_compare_and_swap(&ref->stats->tokens, old, (second << 32) | 1);
		return 1;
	}
	if ((__u32)old >= ref->conf->records_per_s) {
		shared_add(&ref->stats->records_limited, 1);
		return 0;
	}
	shared_add(&ref->stats->tokens, 1);
	return 1;
}

static __always_inline void hdr_fill(struct wire_hdr *hdr, __u16 kind, __u16 len, __u64 now)
{
	__u64 id = bpf_get_current_pid_tgid();

	hdr->kind = kind;
	hdr->len_bytes = len;
	hdr->cpu = bpf_get_smp_processor_id();
	hdr->ts_ns = now;
	hdr->tgid = id >> 32;
	hdr->tid = (__u32)id;
}

/* Room for a span record, zeroed and with its header, or NULL (counted). */
static __always_inline struct wire_span *span_reserve(struct stage_ref *ref, __u64 now)
{
	struct wire_span *span;

	if (!token_take(ref, now))
		return NULL;
	span = bpf_ringbuf_reserve(&events, sizeof(*span), 0);
	if (!span) {
		shared_add(&ref->stats->records_lost, 1);
		ctr_inc(WIRE_CTR_RING_FULL);
		return NULL;
	}
	__builtin_memset(span, 0, sizeof(*span));
	hdr_fill(&span->hdr, WIRE_KIND_SPAN, sizeof(*span), now);
	span->stage = ref->index;
	shared_add(&ref->stats->records, 1);
	return span;
}

static __always_inline void span_usage(struct wire_span *span, const struct usage *used)
{
	span->cpu_ns = used->cpu_ns;
	span->process_cpu_ns = used->process_cpu_ns;
	for (int i = 0; i < WIRE_WAITS; i++)
		span->wait_ns[i] = used->wait_ns[i];
	span->flags |= WIRE_SPAN_CPU;
}

static __always_inline void stats_usage(struct wire_stage_stats *stats, const struct usage *used)
{
	shared_add(&stats->cpu_ns, used->cpu_ns);
	shared_add(&stats->process_cpu_ns, used->process_cpu_ns);
	for (int i = 0; i < WIRE_WAITS; i++)
		if (used->wait_ns[i])
			shared_add(&stats->wait_ns[i], used->wait_ns[i]);
}

static __always_inline void slot_free(struct wire_stage_stats *stats, __u32 slot)
{
	if (slot)
		stats->open[(slot - 1) & (WIRE_OPEN_SLOTS - 1)].start_ns = 0;
}

/*
 * Something of the stage is in flight: its share of the clocks.  Returns enum wire_counted for
 * flight_end().  The stage's own clocks start before the voice clock and stop after it, so that
 * what the voice clock counts of this stage is never more than what they do.
 */
static __always_inline __u32 flight_begin(struct stage_ref *ref, __u64 now)
{
	__u32 counted = WIRE_COUNTED_FLIGHT, flags = ref->conf->flags;

	shared_add(&ref->stats->in_flight, 1);
	if ((flags & WIRE_STAGE_ACTIVE) && stage_clock_start(ref->index))
		counted |= WIRE_COUNTED_ACTIVE;
	if ((flags & WIRE_STAGE_VOICE) && !clock_step(WIRE_CLOCK_VOICE, 1, now))
		counted |= WIRE_COUNTED_VOICE;
	if (flags & WIRE_STAGE_OVERLAPS)
		shared_add(&clocks[WIRE_CLOCK_VOICE][WIRE_CLOCK_STARTS], 1);
	return counted;
}

static __always_inline void flight_end(__u32 stage, struct wire_stage_stats *stats, __u32 counted,
				       __u64 now)
{
	if (counted & WIRE_COUNTED_VOICE)
		clock_step(WIRE_CLOCK_VOICE, 0, now);
	if (counted & WIRE_COUNTED_ACTIVE)
		stage_clock_stop(stage);
	shared_add(&stats->in_flight, -1);
}

#endif
