/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * unwinder.h - return addresses out of a copied stack, by the unwind tables of the files
 * (.eh_frame): libraries of distributions have no frame pointers.
 *
 * Nothing but the copy is read, so that the target may have gone on long ago. A walk ends where the
 * copy ends, where a file has no tables, or at STACK_FRAMES_MAX. Hostile stacks give wrong
 * addresses, never more of them than that.
 */
#ifndef CHESHIRE_STACKS_UNWINDER_H
#define CHESHIRE_STACKS_UNWINDER_H

#include <stddef.h>
#include <stdint.h>

#include "cheshire/wire_alloc.h"

struct stack_modules;

#define STACK_FRAMES_MAX 64

/* Where a walk begins, and the stack as it was. */
struct stack_copy {
	struct wire_alloc_regs regs; /* ip: the instruction that was next */
	const uint8_t *bytes;	     /* borrowed; from regs.sp upwards */
	size_t n_bytes;
};

/*
 * Addresses, innermost first: regs.ip, then return addresses. Returns how many; 0 where there is
 * nothing to begin with.
 */
size_t unwind_stack(const struct stack_modules *modules, const struct stack_copy *copy,
		    uint64_t *addrs, size_t max);

/*
 * The stack of a call of the allocator: addrs[0] is the return address into its caller. Where the
 * tables lead to another caller than the one that was seen, or nowhere, it is walked from the one
 * that was seen.
 */
size_t unwind_allocation(const struct stack_modules *modules, const struct wire_alloc *record,
			 uint64_t *addrs, size_t max);

#endif /* CHESHIRE_STACKS_UNWINDER_H */
