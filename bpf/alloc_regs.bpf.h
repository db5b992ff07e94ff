/* SPDX-License-Identifier: GPL-2.0-only */
/* alloc_regs.bpf.h - the registers that unwinding needs (struct wire_alloc_regs). */
#ifndef CHESHIRE_ALLOC_REGS_BPF_H
#define CHESHIRE_ALLOC_REGS_BPF_H

#include "arch.bpf.h"
#include "cheshire/wire_alloc.h"

#if defined(__TARGET_ARCH_x86)
static __always_inline void alloc_regs(const struct pt_regs *regs, struct wire_alloc_regs *out)
{
	out->ip = regs->ip;
	out->sp = regs->sp;
	out->fp = regs->bp;
	out->saved[0] = regs->bx;
	out->saved[1] = regs->r12;
	out->saved[2] = regs->r13;
	out->saved[3] = regs->r14;
	out->saved[4] = regs->r15;
}
#else
#define ARM64_FP	 29
#define ARM64_SAVED_FROM 19

static __always_inline void alloc_regs(const struct pt_regs *regs, struct wire_alloc_regs *out)
{
	out->ip = regs->pc;
	out->sp = regs->sp;
	out->fp = regs->regs[ARM64_FP];
	out->link = regs->regs[ARM64_LR];
#pragma unroll
	for (int i = 0; i < WIRE_ALLOC_SAVED; i++)
		out->saved[i] = regs->regs[ARM64_SAVED_FROM + i];
}
#endif

#endif
