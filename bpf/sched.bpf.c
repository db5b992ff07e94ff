/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sched.bpf.c - on-CPU and off-CPU time of the target's threads.
 *
 * One program on sched_switch.  For a thread of the target that leaves a CPU it closes the slice
 * [a, b]: process CPU time grows by b - a, voice CPU time by V(b) - V(a), where V is the clock
 * that runs while any voice stage is in flight.  Example: a slice of 10 ms of which a stage was
 * in flight for the last 4 ms adds 10 ms and 4 ms.  For threads with a stage open it also keeps
 * their own totals and the reason of every wait (usage.bpf.h).
 *
 * Known error: a thread that is already running when the program is attached is counted when it
 * leaves its CPU, since the attach; reads and writes on descriptors above the table's size, and
 * waits inside io_uring, count as "other".
 */
#include "common.bpf.h"
#include "arch.bpf.h"
#include "core_fixes.bpf.h"
#include "python.bpf.h"
#include "usage.bpf.h"

#define S_IFMT	 0170000
#define S_IFSOCK 0140000
#define S_IFREG	 0100000
#define S_IFBLK	 0060000
#define S_IFCHR	 0020000
#define S_IFIFO	 0010000

static __always_inline __u32 wait_of_fd(struct task_struct *task, __u64 fd)
{
	struct files_struct *files = task->files;
	struct file **table, *file = NULL;
	struct fdtable *fdt;
	unsigned short mode;

	/* Plain loads where the verifier knows the types: a helper call each would double the cost.
	 */
	fdt = files ? files->fdt : NULL;
	if (!fdt)
		return WIRE_WAIT_OTHER;
	table = fdt->fd;
	if (!table || fd >= fdt->max_fds)
		return WIRE_WAIT_OTHER;
	if (bpf_probe_read_kernel(&file, sizeof(file), table + fd) || !file) {
		ctr_inc(WIRE_CTR_READ_FAILED);
		return WIRE_WAIT_OTHER;
	}
	mode = BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT;
	if (mode == S_IFSOCK)
		return WIRE_WAIT_NETWORK;
	if (mode == S_IFIFO || mode == S_IFCHR)
		return WIRE_WAIT_PIPE;
	if (mode == S_IFREG || mode == S_IFBLK)
		return WIRE_WAIT_DISK;
	return WIRE_WAIT_OTHER;
}

/* Why a thread leaves the CPU. */
static __always_inline __u32 wait_reason(struct task_struct *task, bool preempted)
{
	struct pt_regs *regs;

	if (preempted || task->__state == 0)
		return WIRE_WAIT_RUNQUEUE;
	regs = (struct pt_regs *)bpf_task_pt_regs(task);
	switch (arch_syscall_class(arch_syscall_nr(regs))) {
	case SYSCALL_NONE:
		return WIRE_WAIT_PAGE_FAULT;
	case SYSCALL_LOCK:
		return python_is_gil(arch_syscall_arg0(regs)) ? WIRE_WAIT_GIL : WIRE_WAIT_LOCK;
	case SYSCALL_SOCKET:
		return WIRE_WAIT_NETWORK;
	case SYSCALL_FD:
		return wait_of_fd(task, arch_syscall_arg0(regs));
	case SYSCALL_POLL:
		return WIRE_WAIT_POLL;
	case SYSCALL_SLEEP:
		return WIRE_WAIT_SLEEP;
	case SYSCALL_OTHER:
		break;
	}
	return BPF_CORE_READ_BITFIELD(task, in_iowait) ? WIRE_WAIT_DISK : WIRE_WAIT_OTHER;
}

/* part * scale / whole, for times in ns; exact below 2^31, then within 2^-19. */
static __always_inline __u64 share(__u64 part, __u64 scale, __u64 whole)
{
	if ((part | scale) >> 31) {
		part >>= 12;
		whole >>= 12;
	}
	return whole ? part * scale / whole : 0;
}

/*
 * The scheduler has brought the thread's CPU time up to date before the event.  It leaves out
 * what interrupts and the hypervisor took, which wall time does not: so the slice is divided in
 * proportion.
 */
static __always_inline void slice_close(struct wire_slice *slice, struct task_struct *task,
					bool handed_on, __u64 now)
{
	__u64 voice = clock_read(WIRE_CLOCK_VOICE, now);
	__u64 voice_ns = clock_diff(voice, slice->voice_start_ns);
	__u64 wall_ns = now - slice->start_ns;
	__u64 cpu_ns = task->se.sum_exec_runtime - slice->exec_start_ns;

	slice->cpu_ns += cpu_ns;
	/* A start that was counted late may lie before the slice. */
	slice->voice_cpu_ns += voice_ns < wall_ns ? share(voice_ns, cpu_ns, wall_ns) : cpu_ns;
	slice->voice_start_ns = voice;
	slice->start_ns = 0;
	slice->ended_ns = now;
	if (!handed_on)
		clock_step(WIRE_CLOCK_CPU, 0, now);
}

/* The thread that leaves now was not seen to come. */
static __always_inline void slice_open_late(struct wire_slice *slice, struct task_struct *task,
					    __u64 now)
{
	__u64 since_ns = *(volatile __u64 *)&sched_since_ns, at;

	if (!since_ns)
		return;
	at = arrival_ns(slice, task, now);
	if (at > since_ns) {
		slice->unseen++;
		*(volatile __u64 *)&sched_missed = 1;
	}
	slice->exec_start_ns = exec_at_arrival_ns(task, now - at);
	slice->tid = task->pid;
	slice->start_ns = at;
	clock_step(WIRE_CLOCK_CPU, 1, at);
}

/* With a stack of its own: Linux 6.1 adds those of the calls for Python to its caller's. */
static __noinline void switch_out(struct wire_slice *slice, struct task_struct *task,
				  bool preempted, bool handed_on, __u64 now)
{
	__u64 start_ns, exec_start_ns;
	struct thread_state *ts;

	if (slice->start_ns)
		arrival_learn(slice, task);
	else
		slice_open_late(slice, task, now);
	start_ns = slice->start_ns;
	exec_start_ns = slice->exec_start_ns;
	if (start_ns)
		slice_close(slice, task, handed_on, now);
	ts = bpf_task_storage_get(&thread_states, task, NULL, 0);
	if (!ts || !usage_active(ts))
		return;
	if (!ts->on_ns && start_ns)
		usage_back(ts, exec_start_ns, start_ns);
	usage_off(ts, task, now);
	ts->off_ns = now;
	ts->run_delay_ns = task->sched_info.run_delay;
	ts->pending_reason = wait_reason(task, preempted);
}

static __always_inline void switch_in(struct wire_slice *slice, struct task_struct *task,
				      bool handed_on, __u64 now)
{
	struct thread_state *ts;

	slice->voice_start_ns = clock_read(WIRE_CLOCK_VOICE, now);
	slice->exec_start_ns = task->se.sum_exec_runtime;
	slice->tid = task->pid;
	slice->start_ns = now;
	if (!handed_on)
		clock_step(WIRE_CLOCK_CPU, 1, now);
	ts = bpf_task_storage_get(&thread_states, task, NULL, 0);
	if (!ts || !usage_active(ts) || ts->on_ns)
		return;
	usage_back(ts, slice->exec_start_ns, now);
}

SEC("tp_btf/sched_switch")
int BPF_PROG(sched_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	bool out = (__u32)prev->tgid == cfg_tgid, in = (__u32)next->tgid == cfg_tgid;
	struct wire_slice *slice;
	bool handed_on;
	__u64 now;

	if (!out && !in)
		return 0;
	slice = current_slice();
	if (!slice) {
		ctr_inc(WIRE_CTR_BUG);
		return 0;
	}
	now = bpf_ktime_get_ns();
	/* From one thread of the target to another: the CPU clock runs on. */
	handed_on = out && in && slice->start_ns;
	if (out && cfg_python)
		python_switch_out(now);
	if (out)
		switch_out(slice, prev, preempt, handed_on, now);
	if (in)
		switch_in(slice, next, handed_on, now);
	if (in && cfg_python)
		python_switch_in(next, now);
	if ((slice->tp_hits++ & SAMPLE_MASK) == 0) {
		__u64 ran_ns = bpf_ktime_get_ns() - now;

		if (ran_ns < SAMPLE_MAX_NS) {
			slice->tp_sampled++;
			slice->tp_sampled_ns += ran_ns;
		}
	}
	return 0;
}
