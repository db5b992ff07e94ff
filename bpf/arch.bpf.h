/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * arch.bpf.h - registers, calling convention and system call numbers of the target's architecture.
 *
 * "SP at entry" is the stack pointer before a function's first instruction, and again at its ret.
 */
#ifndef CHESHIRE_ARCH_BPF_H
#define CHESHIRE_ARCH_BPF_H

#include "maps.bpf.h"
#include <bpf/bpf_core_read.h>

enum syscall_class {
	SYSCALL_OTHER = 0,
	SYSCALL_LOCK,
	SYSCALL_SOCKET,
	SYSCALL_FD, /* read, write and friends: the descriptor's file type tells */
	SYSCALL_POLL,
	SYSCALL_SLEEP,
	SYSCALL_NONE, /* not in a system call */
};

/* What a thread asked of futex(2). */
struct futex_call {
	__u64 address;
	__u64 timeout; /* where it is, 0: none */
	__u32 op;      /* with its flags */
	__u32 value;
};

#if defined(__TARGET_ARCH_x86)
#include "arch_x86.bpf.h"
#elif defined(__TARGET_ARCH_arm64)
#include "arch_arm64.bpf.h"
#else
#error "neither x86-64 nor arm64"
#endif

#endif
