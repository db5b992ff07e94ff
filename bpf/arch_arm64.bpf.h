/* SPDX-License-Identifier: GPL-2.0-only */
/* arch_arm64.bpf.h - see arch.bpf.h; AAPCS64. */
#ifndef CHESHIRE_ARCH_ARM64_BPF_H
#define CHESHIRE_ARCH_ARM64_BPF_H

#define ARM64_LR      30
#define ARM64_VA_BITS 48 /* of programs that do not ask for more; above them may be a signature */
#define ARM64_FUTEX   98
#define ARM64_N_SHIFT 31
#define ARM64_Z_SHIFT 30
#define ARM64_C_SHIFT 29
#define ARM64_V_SHIFT 28

static __always_inline void arch_args(const struct pt_regs *regs, __u64 arg[ARCH_REG_ARGS])
{
#pragma unroll
	for (int n = 0; n < ARCH_REG_ARGS; n++)
		arg[n] = regs->regs[n];
}

static __always_inline __u64 arch_sp(const struct pt_regs *regs)
{
	return regs->sp;
}

static __always_inline __u64 arch_ret(const struct pt_regs *regs)
{
	return regs->regs[0];
}

/*
 * Where the function returns to: the link register, at a function's entry and at its ret, with or
 * without a signature of pointer authentication.
 */
static __always_inline long arch_return_address(const struct pt_regs *regs, __u64 sp, __u64 *out)
{
	(void)sp;
	*out = regs->regs[ARM64_LR] & ((1ULL << ARM64_VA_BITS) - 1);
	return 0;
}

/* Address of the stack argument `n` (ARCH_REG_ARGS and up) of a function entered at sp. */
static __always_inline __u64 arch_stack_arg(__u64 sp, __u32 n)
{
	return sp + 8 * (__u64)(n - ARCH_REG_ARGS);
}

/* There is no single instruction that goes through memory. */
static __always_inline int arch_copies(const struct pt_regs *regs)
{
	(void)regs;
	return 0;
}

/* Top of the stack that the C library gave to this thread, as of its last switch. */
static __always_inline __u64 arch_thread_top(struct task_struct *task)
{
	return task->thread.uw.tp_value;
}

/* Whether a condition code holds; Arm ARM, ConditionHolds. */
static __always_inline int arch_condition(const struct pt_regs *regs, __u8 condition)
{
	__u64 state = regs->pstate;
	int n = (state >> ARM64_N_SHIFT) & 1, z = (state >> ARM64_Z_SHIFT) & 1;
	int c = (state >> ARM64_C_SHIFT) & 1, v = (state >> ARM64_V_SHIFT) & 1, holds = 1;

	switch (condition >> 1) {
	case 0:
		holds = z;
		break;
	case 1:
		holds = c;
		break;
	case 2:
		holds = n;
		break;
	case 3:
		holds = v;
		break;
	case 4:
		holds = c && !z;
		break;
	case 5:
		holds = n == v;
		break;
	case 6:
		holds = n == v && !z;
		break;
	default:
		return 1; /* always, with either low bit */
	}
	return holds != (condition & 1);
}

/* Number of the system call that the thread entered the kernel by, -1: by none; its first argument.
 */
static __always_inline long arch_syscall_nr(const struct pt_regs *regs)
{
	return regs->syscallno;
}

static __always_inline __u64 arch_syscall_arg0(const struct pt_regs *regs)
{
	return regs->orig_x0;
}

/* include/uapi/asm-generic/unistd.h */
static __always_inline enum syscall_class arch_syscall_class(long nr)
{
	switch (nr) {
	case -1:
		return SYSCALL_NONE;
	case ARM64_FUTEX:
	case 449: /* futex_waitv */
	case 455: /* futex_wait */
		return SYSCALL_LOCK;
	case 202: /* accept */
	case 203: /* connect */
	case 206: /* sendto */
	case 207: /* recvfrom */
	case 211: /* sendmsg */
	case 212: /* recvmsg */
	case 242: /* accept4 */
	case 243: /* recvmmsg */
	case 269: /* sendmmsg */
		return SYSCALL_SOCKET;
	case 63:  /* read */
	case 64:  /* write */
	case 65:  /* readv */
	case 66:  /* writev */
	case 67:  /* pread64 */
	case 68:  /* pwrite64 */
	case 69:  /* preadv */
	case 70:  /* pwritev */
	case 82:  /* fsync */
	case 83:  /* fdatasync */
	case 286: /* preadv2 */
	case 287: /* pwritev2 */
		return SYSCALL_FD;
	case 22:  /* epoll_pwait */
	case 72:  /* pselect6 */
	case 73:  /* ppoll */
	case 441: /* epoll_pwait2 */
		return SYSCALL_POLL;
	case 101: /* nanosleep */
	case 115: /* clock_nanosleep */
	case 128: /* restart_syscall: an interrupted sleep, nearly always */
		return SYSCALL_SLEEP;
	}
	return SYSCALL_OTHER;
}

/* From the registers that the thread entered the kernel with; 0: by another call, or none. */
static __always_inline int arch_futex(struct pt_regs *regs, struct futex_call *call)
{
	if (BPF_CORE_READ(regs, syscallno) != ARM64_FUTEX)
		return 0;
	call->address = BPF_CORE_READ(regs, orig_x0);
	call->op = (__u32)BPF_CORE_READ(regs, regs[1]);
	call->value = (__u32)BPF_CORE_READ(regs, regs[2]);
	call->timeout = BPF_CORE_READ(regs, regs[3]);
	return 1;
}

#endif
