/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHESHIRE_TARGET_PLAN_H
#define CHESHIRE_TARGET_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "target/insn.h"
#include "target/site_kind.h"

struct process;
struct object_table;
struct match;

#define PLAN_TAIL_DEPTH		4  /* tail jumps followed one after the other */
#define PLAN_TAIL_DEPTH_PARTIAL 8  /* ... where what is not known is left out */
#define PLAN_EXITS_MAX		64 /* exit sites of one function */
#define PLAN_REASON_MAX		256

/*
 * One place for a probe. "SP at entry" is the stack pointer at the function's first instruction,
 * on x86-64 it points at the return address there: SP at entry = SP at the probe + sp_delta.
 */
struct plan_site {
	uint32_t object;   /* index into the object table */
	uint64_t offset;   /* file offset, what the kernel's attach takes */
	uint64_t function; /* file offset of the first byte of the part it is in */
	int32_t sp_delta;  /* bytes; 0 at +0 and at every ret, -8 at a return site of x86-64 */
	uint8_t bytes[INSN_MAX_BYTES]; /* original instruction: compare before attaching */
	uint8_t len;
	uint8_t tail_depth; /* 0: the function's own; else in the target of that many jumps */
	enum insn_class cls;
	enum site_kind kind;
	bool tail;	    /* in a function reached by a tail jump, which others call as well:
			     * an exit only when SP equals SP at entry */
	bool has_ret_value; /* the return register holds the return value here */
	bool probed;	    /* memory shows another uprobe user's breakpoint here */
	bool conditional;   /* a conditional jump: an exit only when `condition` does not hold */
	uint8_t condition;  /* ... a condition code of the architecture */
};

struct plan_opts {
	bool need_args;	  /* argument registers must be intact at the entry site */
	uint8_t arg_mask; /* with need_args: bit n for argument n that is read; 0: all of them */
	bool need_ret;	  /* the return value is read: its register must be set at every exit */
	bool need_memory; /* memory is read at the exits: it must be as the caller will find it */
	/*
	 * The exits that are known are wanted, also where others are not (then learn_return, with
	 * the reason of one).  Busy functions that it leaves to are the caller's business.
	 */
	bool partial;
	bool entry_only; /* exits are not wanted: a function that never returns is fine */
	uint32_t avoid;	 /* SITE_KIND_BITs that are not to be probed */
	bool pairs;	 /* calls are paired with returns: frames that move are refused (Go) */
};

/* How one function is to be probed. Zero it before the first use. */
struct func_plan {
	char *name; /* owned */
	uint32_t object;
	uint64_t offset, size; /* of the entry part, file bytes */
	struct plan_site entry;
	struct plan_site *exits; /* owned; own ones first, then tail; sorted, no duplicates */
	size_t n_exits;
	/*
	 * Not all exits are known (an indirect or too busy tail jump): read the return address at
	 * SP at entry when the function is entered, and probe the site that plan_return_site makes
	 * of it. The exits above, if any, stay valid beside it. reason says why.
	 */
	bool learn_return;
	bool entry_loops;   /* the function jumps back to its entry site with SP as at entry: an
			     * entry event at the SP of the open frame continues that frame */
	bool never_returns; /* no exit at all (only planned with entry_only) */
	char reason[PLAN_REASON_MAX]; /* why refused, or why learn_return; "" otherwise */
	char note[PLAN_REASON_MAX];   /* what else is worth knowing; "" otherwise */
};

/*
 * Plans the probes of one function. 0: usable. -EOPNOTSUPP: refused, plan->reason says why; other
 * errors are failures to read. Writes nothing to the target and attaches nothing. The caller frees
 * the plan in every case.
 */
int plan_function(const struct process *proc, struct object_table *table, const struct match *match,
		  const struct plan_opts *opts, struct func_plan *plan);

/*
 * The site at a learnt return address: the instruction after a call, verified like the others.
 * -EOPNOTSUPP: not a place to probe (reason says why), -ENOENT: no code is mapped there.
 */
int plan_return_site(const struct process *proc, struct object_table *table, uint64_t addr,
		     struct plan_site *site, char *reason, size_t size);

/* SP at entry less SP where the caller goes on: sp_delta of a uretprobe and of a return site. */
int32_t plan_return_delta(void);

/*
 * Compares a site's bytes with the target's memory, at every mapping of it, once more just before
 * arming. -ESTALE: different code, -ENOENT: not mapped.
 */
int plan_site_verify(const struct process *proc, const struct object_table *table,
		     const struct plan_site *site);

void func_plan_free(struct func_plan *plan);

/* Prints the plan, one line a site, names escaped. */
void func_plan_describe(const struct func_plan *plan, const struct object_table *table, FILE *out);

#endif
