/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every kernel difference lives here, found by asking BTF, never by version.  Each entry names
 * the kernel version and commit that made it.
 */
#ifndef CHESHIRE_CORE_FIXES_BPF_H
#define CHESHIRE_CORE_FIXES_BPF_H

#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "maps.bpf.h"

/* 5.17, 7c7e3d31e785 ("bpf: Introduce helper bpf_find_vma"). */
static __always_inline int have_find_vma(void)
{
	return bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_find_vma);
}

/*
 * The number of a struct pid in the namespace of that level.  Its array is of length 1 up to 6.4,
 * b69f0aeb0689 ("pid: Replace struct pid 1-element array with flex-array"), and the size of its
 * elements is the kernel's: an index that is no constant is not relocated by itself.
 */
static __always_inline int pid_number(struct pid *pid, __u32 level)
{
	const char *number = (const char *)pid + bpf_core_field_offset(struct pid, numbers) +
			     (__u64)level * bpf_core_type_size(struct upid);
	int nr = 0;

	if (bpf_probe_read_kernel(&nr, sizeof(nr), number + bpf_core_field_offset(struct upid, nr)))
		return 0;
	return nr;
}

/*
 * 6.13, a76ab5731e32 ("bpf: Find eligible subprogs for private stack support"): the programs of
 * uprobes got one stack for each CPU, as if nothing could come between.  But they are preempted,
 * and the run of another thread on that CPU then writes over what the first one has there: wrong
 * numbers, or a kernel that jumps to nowhere.  A program in which a tail call occurs is not given
 * such a stack.  This one is never made: the verifier knows that the condition does not hold, and
 * takes it out.  First in every uprobe program.
 *
 * No map is named: a program array that is looked at (bpftool map show) in the moment of its end
 * is not freed any more, for prog_array_map_clear() takes a reference for work that is queued
 * already (seen on 6.18).
 */
#define keep_own_stack(ctx)                                                                        \
	do {                                                                                       \
		if (cfg_never)                                                                     \
			bpf_tail_call((ctx), (void *)0, 0);                                        \
	} while (0)

/*
 * sched_switch: 5.18, fa2c3254d7cf ("sched/tracing: Don't re-read p->state when emitting
 * sched_switch event") added prev_state as fourth argument; the three before it are everywhere
 * the same, so the programs declare three.
 *
 * sched_process_exit: 6.18 added group_dead as second argument; the programs declare one and
 * read signal->live, which do_exit() has counted down before the event on every kernel.
 */

#endif
