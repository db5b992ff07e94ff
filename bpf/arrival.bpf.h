/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * arrival.bpf.h - since when a thread is on its CPU, where nobody saw it come.
 *
 * That is a thread that was running already when the scheduler program was attached, and any on a
 * kernel that keeps some switches from tracing: in a guest for one, tracepoints do not fire in
 * threads of the machine's init, so that whom such a thread hands its CPU to is not seen to come.
 * The scheduler's own notes tell: sched_info.last_arrival (kernel/sched/stats.h), in its own clock,
 * whose distance from ours is learned from slices that were seen; until then, how long the thread
 * ran since it was picked (set_next_entity() in kernel/sched/fair.c).
 */
#ifndef CHESHIRE_ARRIVAL_BPF_H
#define CHESHIRE_ARRIVAL_BPF_H

#include "maps.bpf.h"

#include <bpf/bpf_core_read.h>

/* Below it the thread is of a real-time class: only the fair one notes what a thread had by then.
 */
#define RT_PRIO_MAX 100
/* The distance of two clocks does not grow by so much between two slices: that is a stale note. */
#define GAP_STEP_NS 1000000

/* The thread's CPU time, by the scheduler, since it was picked; 0: not known. */
static __always_inline __u64 ran_since_pick_ns(const struct task_struct *task)
{
	if (task->prio < RT_PRIO_MAX)
		return 0;
	return task->se.sum_exec_runtime - task->se.prev_sum_exec_runtime;
}

/* What its CPU time was at its arrival, `wall_ns` ago. */
static __always_inline __u64 exec_at_arrival_ns(const struct task_struct *task, __u64 wall_ns)
{
	__u64 ran_ns = ran_since_pick_ns(task);

	return task->se.sum_exec_runtime - (ran_ns && ran_ns < wall_ns ? ran_ns : wall_ns);
}

/* A slice of the thread was seen to begin, and ends now: what that says of its CPU. */
static __always_inline void arrival_learn(struct wire_slice *slice, struct task_struct *task)
{
	__u64 gap_ns = slice->start_ns - task->sched_info.last_arrival;

	/* A thread that was preempted on its way to sleep comes back without a new note. */
	if (!slice->arrival_gap_ns || (__s64)(gap_ns - slice->arrival_gap_ns) < GAP_STEP_NS)
		slice->arrival_gap_ns = gap_ns;
	/* The way to the run queue is there with group scheduling only. */
	if (!slice->rq && bpf_core_field_exists(struct cfs_rq, rq))
		slice->rq = (__u64)BPF_CORE_READ(task, se.cfs_rq, rq);
}

/* Not before the last slice on that CPU ended, nor before we looked, nor after now. */
static __always_inline __u64 arrival_in(const struct wire_slice *slice, __u64 at, __u64 now)
{
	__u64 since_ns = *(volatile __u64 *)&sched_since_ns;

	if (at < slice->ended_ns)
		at = slice->ended_ns;
	if (at < since_ns)
		at = since_ns;
	return at < now ? at : now;
}

/* Since when the thread, which runs at `now`, is on the CPU of the slice, as far as we look. */
static __always_inline __u64 arrival_ns(const struct wire_slice *slice,
					const struct task_struct *task, __u64 now)
{
	if (!slice->arrival_gap_ns)
		return arrival_in(slice, now - ran_since_pick_ns(task), now);
	return arrival_in(slice, task->sched_info.last_arrival + slice->arrival_gap_ns, now);
}

#endif
