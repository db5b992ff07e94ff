/* SPDX-License-Identifier: GPL-2.0-only */
/* arch_x86.bpf.h - see arch.bpf.h; System V ABI of x86-64. */
#ifndef CHESHIRE_ARCH_X86_BPF_H
#define CHESHIRE_ARCH_X86_BPF_H

static __always_inline void arch_args(const struct pt_regs *regs, __u64 arg[ARCH_REG_ARGS])
{
	arg[0] = regs->di;
	arg[1] = regs->si;
	arg[2] = regs->dx;
	arg[3] = regs->cx;
	arg[4] = regs->r8;
	arg[5] = regs->r9;
}

static __always_inline __u64 arch_sp(const struct pt_regs *regs)
{
	return regs->sp;
}

static __always_inline __u64 arch_ret(const struct pt_regs *regs)
{
	return regs->ax;
}

/* Where a function entered at sp returns to; at its entry and at its ret.  Negative: unreadable. */
static __always_inline long arch_return_address(const struct pt_regs *regs, __u64 sp, __u64 *out)
{
	(void)regs;
	return bpf_probe_read_user(out, 8, (void *)sp);
}

/* Address of the stack argument `n` (ARCH_REG_ARGS and up) of a function entered at sp. */
static __always_inline __u64 arch_stack_arg(__u64 sp, __u32 n)
{
	return sp + 8 + 8 * (__u64)(n - ARCH_REG_ARGS);
}

/*
 * Is what was interrupted there an instruction that goes through memory by itself: rep movs, rep
 * stos?  Until it is through, an interrupt comes back to it (Intel SDM, REP).
 */
static __always_inline int arch_copies(const struct pt_regs *regs)
{
	__u8 code[3] = {}, opcode;
	__u64 ip = regs->ip;
	long err;

	err = (__s64)ip < 0 ? bpf_probe_read_kernel(code, sizeof(code), (void *)ip)
			    : bpf_probe_read_user(code, sizeof(code), (void *)ip);
	if (err || code[0] != 0xf3)
		return 0;
	opcode = (code[1] & 0xf0) == 0x40 ? code[2] : code[1]; /* behind REX */
	return (opcode & 0xfe) == 0xa4 || (opcode & 0xfe) == 0xaa;
}

/* Top of the stack that the kernel or the C library gave to this thread. */
static __always_inline __u64 arch_thread_top(struct task_struct *task)
{
	return task->thread.fsbase;
}

#define X86_CF 0x001
#define X86_PF 0x004
#define X86_ZF 0x040
#define X86_SF 0x080
#define X86_OF 0x800

/* Whether a condition code holds; Intel SDM, Jcc. */
static __always_inline int arch_condition(const struct pt_regs *regs, __u8 condition)
{
	__u64 flags = regs->flags;
	int less = !(flags & X86_SF) != !(flags & X86_OF), taken = 0;

	switch (condition >> 1) {
	case 0:
		taken = !!(flags & X86_OF);
		break;
	case 1:
		taken = !!(flags & X86_CF);
		break;
	case 2:
		taken = !!(flags & X86_ZF);
		break;
	case 3:
		taken = !!(flags & (X86_CF | X86_ZF));
		break;
	case 4:
		taken = !!(flags & X86_SF);
		break;
	case 5:
		taken = !!(flags & X86_PF);
		break;
	case 6:
		taken = less;
		break;
	case 7:
		taken = less || (flags & X86_ZF);
		break;
	}
	return taken != (condition & 1);
}

/* Number of the system call that the thread entered the kernel by, -1: by none. */
static __always_inline long arch_syscall_nr(const struct pt_regs *regs)
{
	return (long)regs->orig_ax;
}

static __always_inline __u64 arch_syscall_arg0(const struct pt_regs *regs)
{
	return regs->di;
}

/* arch/x86/entry/syscalls/syscall_64.tbl */
static __always_inline enum syscall_class arch_syscall_class(long nr)
{
	switch (nr) {
	case -1:
		return SYSCALL_NONE;
	case 202: /* futex */
	case 449: /* futex_waitv */
	case 455: /* futex_wait */
		return SYSCALL_LOCK;
	case 42:  /* connect */
	case 43:  /* accept */
	case 44:  /* sendto */
	case 45:  /* recvfrom */
	case 46:  /* sendmsg */
	case 47:  /* recvmsg */
	case 288: /* accept4 */
	case 299: /* recvmmsg */
	case 307: /* sendmmsg */
		return SYSCALL_SOCKET;
	case 0:	  /* read */
	case 1:	  /* write */
	case 17:  /* pread64 */
	case 18:  /* pwrite64 */
	case 19:  /* readv */
	case 20:  /* writev */
	case 74:  /* fsync */
	case 75:  /* fdatasync */
	case 295: /* preadv */
	case 296: /* pwritev */
	case 327: /* preadv2 */
	case 328: /* pwritev2 */
		return SYSCALL_FD;
	case 7:	  /* poll */
	case 23:  /* select */
	case 232: /* epoll_wait */
	case 270: /* pselect6 */
	case 271: /* ppoll */
	case 281: /* epoll_pwait */
	case 441: /* epoll_pwait2 */
		return SYSCALL_POLL;
	case 34:  /* pause */
	case 35:  /* nanosleep */
	case 219: /* restart_syscall: an interrupted sleep, nearly always */
	case 230: /* clock_nanosleep */
		return SYSCALL_SLEEP;
	}
	return SYSCALL_OTHER;
}

/* From the registers that the thread entered the kernel with; 0: by another call, or none. */
static __always_inline int arch_futex(struct pt_regs *regs, struct futex_call *call)
{
	if ((long)BPF_CORE_READ(regs, orig_ax) != 202)
		return 0;
	call->address = BPF_CORE_READ(regs, di);
	call->op = (__u32)BPF_CORE_READ(regs, si);
	call->value = (__u32)BPF_CORE_READ(regs, dx);
	call->timeout = BPF_CORE_READ(regs, r10);
	return 1;
}

#endif
