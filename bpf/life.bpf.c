/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * life.bpf.c - exec, fork, exit of the target, its threads' ends, and what its loader loads.
 *
 * The target decides how often it forks or loads; only the records of its exit and exec wake user
 * space, the others wait for the next look at the ring.
 */
#include "core_fixes.bpf.h"
#include "hit.bpf.h"
#include "python.bpf.h"

static __always_inline void life_record(__u32 event, __u32 status, __u32 child)
{
	struct wire_life *life = bpf_ringbuf_reserve(&events, sizeof(*life), 0);

	if (!life) {
		ctr_inc(WIRE_CTR_RING_FULL);
		return;
	}
	__builtin_memset(life, 0, sizeof(*life));
	hdr_fill(&life->hdr, WIRE_KIND_LIFE, sizeof(*life), bpf_ktime_get_ns());
	life->event = event;
	life->status = status;
	life->child = child;
	bpf_ringbuf_submit(life, event == WIRE_LIFE_EXIT || event == WIRE_LIFE_EXEC
					 ? BPF_RB_FORCE_WAKEUP
					 : BPF_RB_NO_WAKEUP);
}

/* Ends every open frame of the current thread. */
static __always_inline void thread_close(struct task_struct *task)
{
	struct thread_state *ts = thread_get(task, 0);
	__u64 now = bpf_ktime_get_ns();

	python_thread_end(now);
	python_watch_end(now);
	if (!ts)
		return;
	for (__u32 i = 0; i < WIRE_FRAMES_MAX; i++)
		if ((ts->used >> i) & 1)
			frame_abandon(i, FRAME_THREAD_END, now);
	ts->streams = 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(sched_process_exit, struct task_struct *task)
{
	if ((__u32)task->tgid != cfg_tgid)
		return 0;
	thread_close(task);
	/* do_exit() has counted this thread down before the event. */
	if (task->signal->live.counter == 0) {
		__u32 status = task->signal->group_exit_code;

		life_record(WIRE_LIFE_EXIT, status ?: (__u32)task->exit_code, 0);
	}
	return 0;
}

/* The new program starts with no frames; the old one's other threads have exited before. */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(sched_process_exec, struct task_struct *task, int old_pid)
{
	(void)old_pid;
	if ((__u32)task->tgid != cfg_tgid)
		return 0;
	thread_close(task);
	life_record(WIRE_LIFE_EXEC, 0, 0);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(sched_process_fork, struct task_struct *parent, struct task_struct *child)
{
	/* A new thread has the tgid of its parent. */
	if ((__u32)parent->tgid != cfg_tgid || child->tgid == parent->tgid)
		return 0;
	life_record(WIRE_LIFE_FORK, 0, child->tgid);
	return 0;
}

/* The dynamic loader calls _dl_debug_state when its list of objects changes. */
SEC("uprobe")
int probe_loader(struct pt_regs *regs)
{
	struct wire_slice *slice;
	__u64 now;

	keep_own_stack(regs);
	if (!current_is_target())
		return 0;
	now = bpf_ktime_get_ns();
	slice = current_slice();
	if (slice)
		slice->loader_hits++;
	life_record(WIRE_LIFE_OBJECTS, 0, 0);
	measure_run(now);
	return 0;
}
