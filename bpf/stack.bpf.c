/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stack.bpf.c - are two stack pointers on the same stack?
 *
 * Asked only when the frames of a thread do not nest as plain calls do: after an exception or a
 * longjmp (the old frame is dead), and with fibers and signal stacks (it is not).
 *
 * Exact for the stack that the kernel or the C library gave the thread, whose top is known, and
 * for the alternate signal stack.  Other stacks are known only by their mapping, which
 * neighbouring fiber stacks share: there, two pointers further apart than the smallest usual
 * fiber stack are taken for two stacks.  Known error: a frame of a fiber that is left by an
 * exception or longjmp over more than that is noticed late (when its slot is needed).
 */
#include "arch.bpf.h"
#include "core_fixes.bpf.h"
#include "frames.bpf.h"

#define STACK_NEAR_BYTES  1024 /* no two stacks lie that close */
#define STACK_FIBER_BYTES (12 * 1024)

struct stack_vma {
	__u64 start;
	__u64 end;
};

static long stack_on_vma(struct task_struct *task, struct vm_area_struct *vma, void *data)
{
	struct stack_vma *out = data;

	(void)task;
	out->start = vma->vm_start;
	out->end = vma->vm_end;
	return 0;
}

static __always_inline int stack_holds(__u64 start, __u64 end, __u64 sp)
{
	return sp >= start && sp < end;
}

/* 1 the same stack, 0 different ones. */
__noinline int stack_same(__u64 a, __u64 b)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 distance = a > b ? a - b : b - a, sas = task->sas_ss_sp, top;
	struct stack_vma vma = {};

	if (distance < STACK_NEAR_BYTES)
		return 1;
	if (sas && stack_holds(sas, sas + task->sas_ss_size, a) !=
			   stack_holds(sas, sas + task->sas_ss_size, b))
		return 0;
	if (!have_find_vma())
		return distance < STACK_FIBER_BYTES;
	if (bpf_find_vma(task, a, stack_on_vma, &vma, 0)) {
		ctr_inc(WIRE_CTR_STACK_UNKNOWN);
		return distance < STACK_FIBER_BYTES;
	}
	if (!stack_holds(vma.start, vma.end, b))
		return 0;
	/*
	 * The thread's own stack ends below its control block, the first one at start_stack: its
	 * control block may lie in one mapping with the stacks of fibers.
	 */
	top = task->pid == task->tgid ? 0 : arch_thread_top(task);
	if (stack_holds(vma.start, vma.end, top) && a < top && b < top)
		return 1;
	top = BPF_CORE_READ(task, mm, start_stack);
	if (stack_holds(vma.start, vma.end, top))
		return 1;
	return distance < STACK_FIBER_BYTES;
}
