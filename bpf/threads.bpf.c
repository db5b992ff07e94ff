/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * threads.bpf.c - which threads of the target sleep for a lock, looked at when user space asks.
 *
 * No hook: an iterator walks the threads in the caller's context and looks at the registers that
 * they entered the kernel with.  A futex wait says neither whose lock it is nor that it is a lock
 * at all; what can only be one is let through, and whose it is user space finds in the lock:
 *
 *	FUTEX_WAIT for the value 2	glibc's locks (__lll_lock_wait): held, and waited for
 *	FUTEX_WAIT with FUTEX_WAITERS	locks whose word names their owner: glibc's robust ones,
 *					musl's recursive and error-checking ones
 *	FUTEX_LOCK_PI, _LOCK_PI2	locks with priority inheritance: the same word
 *
 * all without a time-out.  Condition variables, semaphores, joins and reader-writer locks of glibc,
 * and Rust's std, wait with FUTEX_WAIT_BITSET: they never get here.
 */
#include "arch.bpf.h"
#include "common.bpf.h"
#include "core_fixes.bpf.h"

#define TASK_ASLEEP 3 /* TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE */

/* include/uapi/linux/futex.h */
#define FUTEX_WAIT	   0
#define FUTEX_LOCK_PI	   6
#define FUTEX_LOCK_PI2	   13
#define FUTEX_PRIVATE_FLAG 128
#define FUTEX_CMD_MASK	   127
#define FUTEX_WAITERS	   0x80000000U

#define GLIBC_CONTENDED 2

/* The thread's number in its own PID namespace: what locks know their owner by. */
static __always_inline __u32 own_tid(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, thread_pid);

	return pid ? (__u32)pid_number(pid, BPF_CORE_READ(pid, level)) : 0;
}

static __always_inline int waits_for_lock(const struct futex_call *call)
{
	if (call->timeout)
		return 0;
	switch (call->op & FUTEX_CMD_MASK) {
	case FUTEX_WAIT:
		return call->value == GLIBC_CONTENDED || (call->value & FUTEX_WAITERS);
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2:
		return 1;
	}
	return 0;
}

SEC("iter/task")
int lock_waits(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct wire_lock_wait wait = {};
	struct futex_call call;

	if (!task || (__u32)task->tgid != cfg_tgid || !(task->__state & TASK_ASLEEP))
		return 0;
	if (!arch_futex((struct pt_regs *)bpf_task_pt_regs(task), &call) || !waits_for_lock(&call))
		return 0;
	wait.address = call.address;
	wait.switches = task->nvcsw + task->nivcsw;
	wait.tid = (__u32)task->pid;
	wait.own_tid = own_tid(task);
	wait.value = call.value;
	wait.flags = (call.op & FUTEX_CMD_MASK) == FUTEX_WAIT ? 0 : WIRE_LOCK_PI;
	if (!(call.op & FUTEX_PRIVATE_FLAG))
		wait.flags |= WIRE_LOCK_SHARED;
	bpf_seq_write(ctx->meta->seq, &wait, sizeof(wait));
	return 0;
}
