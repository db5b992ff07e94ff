/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * selftest_code.h - the code that the self-test probes in its child, one function for each way in
 * which places are probed, and what the CPU looks like around a call of it.
 */
#ifndef CHESHIRE_KERNEL_SELFTEST_CODE_H
#define CHESHIRE_KERNEL_SELFTEST_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "target/site_kind.h"

#if defined(__aarch64__)
#define SELFTEST_GPRS 31 /* with the link register */
#else
#define SELFTEST_GPRS 15
#endif

/* What a function gets, and what it leaves: everything that a probe could spoil. */
struct cpu_state {
	uint64_t gpr[SELFTEST_GPRS]; /* all but the stack pointer */
	uint64_t flags;
	uint64_t sp;	       /* out only: how far it is off after the return */
	uint64_t red_zone[16]; /* x86-64: the 128 bytes below the function's own stack pointer */
	uint64_t pad;
	uint8_t fpu[512]; /* as FXSAVE writes it; arm64: q0 to q31 */
} __attribute__((aligned(16)));

struct selftest_code {
	const char *name;
	void (*fn)(void);
	const char *probe; /* address of the probed instruction */
	enum site_kind kind;
	bool free_red_zone; /* at the first instruction, or behind the last: it is not in use */
	bool uretprobe;	    /* at fn */
	bool forbidden;	    /* never used, whatever the verdict */
	bool brief;	    /* in the short form as well */
};

/* The functions of this architecture; n 0: it has none, and nothing is proven. */
extern const struct selftest_code selftest_codes[];
extern const size_t selftest_codes_n;

/* Fills the state that functions are called with; two variants, with all flags that matter. */
void selftest_pattern(struct cpu_state *in, int variant);

/* Calls fn with `in` in the registers and below the stack; not reentrant. */
void selftest_call(void (*fn)(void), const struct cpu_state *in, struct cpu_state *out);

#endif
