/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * musl_heap.h - what musl's malloc (mallocng, since 1.2.1) has written before a block.
 *
 * Four bytes before the block say which slot it is in and how far the group's first byte is; the
 * group leads to its description, which leads back, and has masks of the slots that are free.  What
 * is freed loses those bytes at once.
 */
#ifndef CHESHIRE_LEAKS_MUSL_HEAP_H
#define CHESHIRE_LEAKS_MUSL_HEAP_H

#include "leaks/survivor.h"

struct musl_heap {
	bool verified; /* a block was found to be as described: it is this malloc */
};

/* Sets state and evidence; `unknowable` for all while not verified. */
int musl_heap_check(struct musl_heap *heap, const struct target_memory *memory,
		    struct block_check *blocks, size_t n);

#endif /* CHESHIRE_LEAKS_MUSL_HEAP_H */
