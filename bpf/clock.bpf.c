/* SPDX-License-Identifier: GPL-2.0-only */
/* clock.bpf.c - the process-wide clocks of wire.h: one atomic word each, no lock. */
#include "arrival.bpf.h"
#include "common.bpf.h"

/* More CPUs than that are not looked at. */
#define CPUS_MAX    512
#define NO_SUCH_CPU (~0ULL)

/* What the high bits of a clock can count. */
#define CLOCK_RUNNING_MAX ((1ULL << (64 - WIRE_CLOCK_BITS)) - 1)

/*
 * Starts (up) or ends one running thing of a clock whose speed is that of `reading`.  `once`: it
 * runs while its count is not zero, so only the first and the last move its sum.  Returns how many
 * run after it, or -1.
 */
static __always_inline int word_step(__u64 *word, __u32 up, __u64 reading, int once)
{
	for (int i = 0; i < CAS_TRIES; i++) {
		__u64 old = *(volatile __u64 *)word;
		__u64 n = old >> WIRE_CLOCK_BITS, sum = old;

		if (!up && n == 0) {
			ctr_inc(WIRE_CTR_BUG);
			return -1;
		}
		if (up && n == CLOCK_RUNNING_MAX)
			break;
		if (!once || n == (up ? 0 : 1))
			sum += up ? -reading : reading;
		n = up ? n + 1 : n - 1;
		sum = (sum & WIRE_CLOCK_MASK) | (n << WIRE_CLOCK_BITS);
		if (__sync_val_compare_and_swap(word, old, sum) == old)
			return (int)n;
	}
	ctr_inc(WIRE_CTR_CLOCK_RETRY);
	return -1;
}

__noinline int clock_step(__u32 which, __u32 up, __u64 t)
{
	if (which >= WIRE_CLOCKS)
		return -1;
	return word_step(clocks[which], up, t, which == WIRE_CLOCK_VOICE) < 0 ? -1 : 0;
}

/*
 * The scheduler makes a thread current, tells of the switch, and notes the thread's arrival, in
 * this order; until the note it is queued still.  So what is counted here is not in the clock yet.
 */
__noinline __u64 clock_missing_on(__u32 cpu, __u64 t)
{
	struct wire_slice *slice = bpf_map_lookup_elem(&slices, &cpu);
	struct task_struct *task;
	__u64 last_arrival_ns;
	struct rq *rq;

	if (!slice)
		return NO_SUCH_CPU;
	if (slice->start_ns || !slice->rq || !slice->arrival_gap_ns)
		return 0;
	rq = (struct rq *)slice->rq;
	task = BPF_CORE_READ(rq, curr);
	if ((__u32)BPF_CORE_READ(task, tgid) != cfg_tgid ||
	    BPF_CORE_READ(task, sched_info.last_queued))
		return 0;
	last_arrival_ns = BPF_CORE_READ(task, sched_info.last_arrival);
	return t - arrival_in(slice, last_arrival_ns + slice->arrival_gap_ns, t);
}

__noinline __u64 clock_missing(__u64 t)
{
	__u64 missing_ns = 0;

	for (__u32 cpu = 0; cpu < CPUS_MAX; cpu++) {
		__u64 here_ns = clock_missing_on(cpu, t);

		if (here_ns == NO_SUCH_CPU)
			break;
		missing_ns += here_ns;
	}
	return missing_ns;
}

/* Starts of other stages, as far as counted. */
static __always_inline __u64 starts_of_others(const struct wire_stage_stats *stats)
{
	return *(volatile __u64 *)&clocks[WIRE_CLOCK_VOICE][WIRE_CLOCK_STARTS] -
	       *(volatile __u64 *)&stats->active_starts;
}

/*
 * What the CPU clock reads at the time put into *t, which is now.  The caller's time will not do:
 * a program that was preempted since would take off what threads ran from then on.
 */
static __always_inline __u64 cpu_clock_now(__u64 *t)
{
	const volatile __u64 *word = clocks[WIRE_CLOCK_CPU];
	__u64 cpu;

	for (int i = 0;; i++) {
		__u64 before = *word;

		*t = bpf_ktime_get_ns();
		cpu = clock_read_cpu(*t);
		if (*word == before || i == CAS_TRIES)
			return cpu;
	}
}

/*
 * Another voice stage runs beside this one when the voice clock counts more than what is ours, and
 * has run beside it when others were started between our first and our last.
 */
__noinline int stage_clock_start(__u32 stage)
{
	struct wire_stage_stats *stats = bpf_map_lookup_elem(&stage_stats, &stage);
	struct wire_stage *conf = bpf_map_lookup_elem(&stages, &stage);
	__u64 t, cpu = cpu_clock_now(&t), voices;
	int n, voice;

	if (!stats || !conf)
		return 0;
	n = word_step(&stats->active_wall, 1, t, 1);
	if (n < 0)
		return 0;
	if (word_step(&stats->active_cpu, 1, cpu, 1) < 0) {
		word_step(&stats->active_wall, 0, t, 1);
		return 0;
	}
	voice = conf->flags & WIRE_STAGE_VOICE ? 1 : 0;
	voices = *(volatile __u64 *)clocks[WIRE_CLOCK_VOICE] >> WIRE_CLOCK_BITS;
	if (voices > (voice ? (__u64)n - 1 : 0))
		shared_add(&stats->overlaps, 1);
	if (n == 1)
		stats->active_others = starts_of_others(stats);
	if (conf->flags & WIRE_STAGE_OVERLAPS)
		shared_add(&stats->active_starts, 1);
	return 1;
}

__noinline int stage_clock_stop(__u32 stage)
{
	struct wire_stage_stats *stats = bpf_map_lookup_elem(&stage_stats, &stage);
	__u64 t, cpu = cpu_clock_now(&t);
	int n;

	if (!stats)
		return 0;
	n = word_step(&stats->active_wall, 0, t, 1);
	word_step(&stats->active_cpu, 0, cpu, 1);
	if (n == 0 && starts_of_others(stats) != stats->active_others)
		shared_add(&stats->overlaps, 1);
	return 0;
}
