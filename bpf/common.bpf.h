/* SPDX-License-Identifier: GPL-2.0-only */
/* common.bpf.h - counters, the target filter, process-wide clocks, measured run time. */
#ifndef CHESHIRE_COMMON_BPF_H
#define CHESHIRE_COMMON_BPF_H

#include "maps.bpf.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>

extern struct thread_states thread_states SEC(".maps");
extern struct stages stages SEC(".maps");
extern struct stage_stats stage_stats SEC(".maps");
extern struct stage_hists stage_hists SEC(".maps");
extern struct cached_hists cached_hists SEC(".maps");
extern struct binds binds SEC(".maps");
extern struct probes probes SEC(".maps");
extern struct slices slices SEC(".maps");
extern struct streams streams SEC(".maps");
extern struct handle_classes handle_classes SEC(".maps");
extern struct enclosing enclosing SEC(".maps");
extern struct return_sites return_sites SEC(".maps");
extern struct counters counters SEC(".maps");
extern struct events events SEC(".maps");

/* Tries of a compare-and-swap before it is given up and counted. */
#define CAS_TRIES 16

/* Adds to a counter that all CPUs share. */
#define shared_add(ptr, n) ((void)__sync_fetch_and_add((ptr), (n)))

static __always_inline void ctr_inc(__u32 ctr)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &ctr);

	if (value)
		shared_add(value, 1); /* uprobe programs are preemptible, and may migrate */
}

static __always_inline int current_is_target(void)
{
	return (__u32)(bpf_get_current_pid_tgid() >> 32) == cfg_tgid;
}

/*
 * Run-time measurement of the programs: one run in 64 reads the clock twice.  A run that seems to
 * take longer than this was interrupted or preempted; its time is not the program's.
 */
#define SAMPLE_MASK   63
#define SAMPLE_MAX_NS 20000

static __always_inline struct wire_slice *current_slice(void)
{
	__u32 cpu = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&slices, &cpu);
}

/*
 * Functions that are not static are verified once, by themselves, whoever calls them: that keeps
 * programs with several of their calls inside the verifier's budget.  They take numbers or
 * pointers to plain memory only.
 */

/* Starts (up) or ends one running thing of a process-wide clock at time t (clock.bpf.c). */
int clock_step(__u32 which, __u32 up, __u64 t);
/*
 * The clocks of one stage (WIRE_STAGE_ACTIVE): something of it is in flight from now on, before it
 * is counted in the voice clock.  1: counted, to be stopped; 0: not.
 */
int stage_clock_start(__u32 stage);
/* It is not any more; after the voice clock was told. */
int stage_clock_stop(__u32 stage);

/* What the clock reads at time t; only differences mean anything. */
static __always_inline __u64 clock_read(__u32 which, __u64 t)
{
	__u64 word = *(volatile __u64 *)clocks[which];
	__u64 n = word >> WIRE_CLOCK_BITS;

	if (which == WIRE_CLOCK_VOICE && n > 1)
		n = 1;
	return (word + n * t) & WIRE_CLOCK_MASK;
}

/*
 * CPU time of the target's threads that are running, but were not seen to come (clock.bpf.c): what
 * the CPU clock lacks at time t until they leave.
 */
__u64 clock_missing(__u64 t);
/* ... on one CPU. */
__u64 clock_missing_on(__u32 cpu, __u64 t);

/* What the CPU clock reads at time t. */
static __always_inline __u64 clock_read_cpu(__u64 t)
{
	__u64 cpu = clock_read(WIRE_CLOCK_CPU, t);

	if (*(volatile __u64 *)&sched_missed)
		cpu = (cpu + clock_missing(t)) & WIRE_CLOCK_MASK;
	return cpu;
}

/*
 * Times are taken before the clock is read or stepped, and another CPU (or a preemption) may come
 * between: then the later reading is the lower one by that much, which is nothing, not 2^54.
 */
static __always_inline __u64 clock_diff(__u64 later, __u64 earlier)
{
	__u64 diff = (later - earlier) & WIRE_CLOCK_MASK;

	return diff >> (WIRE_CLOCK_BITS - 1) ? 0 : diff;
}

#endif
