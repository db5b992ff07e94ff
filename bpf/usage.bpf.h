/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * usage.bpf.h - where a thread's wall time goes: on a CPU, or off it and why.
 *
 * A thread is followed only while it has a stage open.  At switch-out the reason of a wait is
 * read from the saved user registers and the task's flags; at switch-in the length is known, but
 * not how much of it was spent waiting for a CPU: the kernel adds that to sched_info.run_delay
 * right after the tracepoint.  So the split is made at the next event of the thread.  Nothing is
 * hooked for wake-ups.  CPU time plus waits equal wall time by construction.
 *
 * While a thread is on a CPU an interrupt or the hypervisor may have it (stolen time).  The
 * scheduler leaves that out of the thread's CPU time, which it brings up to date when the thread
 * leaves the CPU, and about every tick (update_curr() in kernel/sched/fair.c).  So what a thread
 * used until it left is at most what its CPU time grew by; the rest it waited for a CPU.  What was
 * stolen before an event in the middle of a slice is not known then, and counts as CPU time.
 */
#ifndef CHESHIRE_USAGE_BPF_H
#define CHESHIRE_USAGE_BPF_H

#include "arrival.bpf.h"
#include "common.bpf.h"

/* Splits the newest wait; task is the thread itself. */
static __always_inline void usage_settle(struct thread_state *ts, struct task_struct *task)
{
	__u64 pending = ts->pending_ns, delay;
	__u32 reason = ts->pending_reason;

	if (!pending)
		return;
	delay = task->sched_info.run_delay - ts->run_delay_ns;
	if (delay > pending)
		delay = pending;
	if (reason >= WIRE_WAITS)
		reason = WIRE_WAIT_OTHER;
	ts->total.wait_ns[WIRE_WAIT_RUNQUEUE] += delay;
	ts->total.wait_ns[reason] += pending - delay;
	ts->pending_ns = 0;
}

/* The thread runs on, or again, from now on. */
static __always_inline void usage_on(struct thread_state *ts, struct task_struct *task, __u64 now)
{
	ts->on_ns = now;
	ts->exec_ns = task->se.sum_exec_runtime;
}

/* Starts following: the thread is running now. */
static __always_inline void usage_begin(struct thread_state *ts, struct task_struct *task,
					__u64 now)
{
	usage_on(ts, task, now);
	ts->pending_ns = 0;
}

/* The thread came back at `at`, when its CPU time was exec_ns. */
static __always_inline void usage_back(struct thread_state *ts, __u64 exec_ns, __u64 at)
{
	ts->pending_ns = at > ts->off_ns ? at - ts->off_ns : 0;
	ts->on_ns = at;
	ts->exec_ns = exec_ns;
}

/* The running thread was not seen to come back. */
static __always_inline void usage_back_unseen(struct thread_state *ts, struct task_struct *task,
					      __u64 now)
{
	struct wire_slice *slice = current_slice();
	__u64 at;

	if (!slice || !*(volatile __u64 *)&sched_since_ns)
		return;
	at = arrival_ns(slice, task, now);
	/* Who was preempted here meanwhile was seen to come back. */
	if (!*(volatile __u64 *)&ts->on_ns)
		usage_back(ts, exec_at_arrival_ns(task, now - at), at);
}

/* The thread leaves its CPU now: sched_switch only, where its CPU time is up to date. */
static __always_inline void usage_off(struct thread_state *ts, struct task_struct *task, __u64 now)
{
	__u64 on_ns, cpu_ns;

	usage_settle(ts, task);
	if (!ts->on_ns)
		return;
	on_ns = now - ts->on_ns;
	cpu_ns = task->se.sum_exec_runtime - ts->exec_ns;
	if (cpu_ns > on_ns)
		cpu_ns = on_ns;
	ts->total.cpu_ns += cpu_ns;
	ts->total.wait_ns[WIRE_WAIT_RUNQUEUE] += on_ns - cpu_ns;
	ts->on_ns = 0;
}

/*
 * Brings the totals of the running thread up to now.  The program may have been preempted since it
 * read the clock: that wait is later than now, and left to the next event.
 */
static __always_inline void usage_update(struct thread_state *ts, struct task_struct *task,
					 __u64 now)
{
	ts->total.process_cpu_ns = clock_read_cpu(now);
	if (!ts->on_ns)
		usage_back_unseen(ts, task, now);
	if (now < ts->on_ns)
		return;
	usage_settle(ts, task);
	if (ts->on_ns)
		ts->total.cpu_ns += now - ts->on_ns;
	usage_on(ts, task, now);
}

/* What was used between two instants of one thread. */
static __always_inline void usage_diff(struct usage *out, const struct usage *later,
				       const struct usage *earlier)
{
	out->cpu_ns = later->cpu_ns - earlier->cpu_ns;
	out->process_cpu_ns = clock_diff(later->process_cpu_ns, earlier->process_cpu_ns);
	for (int i = 0; i < WIRE_WAITS; i++)
		out->wait_ns[i] = later->wait_ns[i] - earlier->wait_ns[i];
}

/* True while the thread must be followed by the scheduler program. */
static __always_inline int usage_active(const struct thread_state *ts)
{
	return ts->used || ts->streams || ts->sampled || ts->watched;
}

#endif
