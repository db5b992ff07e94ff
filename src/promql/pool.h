/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pool.h - memory handed out in pieces and taken back all at once.
 *
 * Unlike an arena of the configuration it is reused: after pool_reset() the same chunks are handed
 * out again, so that something done every second allocates nothing once it has been done.
 */
#ifndef CHESHIRE_PROMQL_POOL_H
#define CHESHIRE_PROMQL_POOL_H

#include <stddef.h>

struct pool_chunk;

/* All zeros is an empty pool. */
struct pool {
	struct pool_chunk *first, *current;
	size_t used; /* bytes of the current chunk */
	size_t held; /* bytes of all chunks */
};

/* Aligned for any type, not zeroed; NULL when there is no memory.  0 bytes are a valid piece. */
void *pool_alloc(struct pool *pool, size_t bytes);
/* Everything that was handed out becomes invalid; the memory is kept. */
void pool_reset(struct pool *pool);
/* Gives the memory back; the pool is empty and usable again. */
void pool_free(struct pool *pool);

#endif /* CHESHIRE_PROMQL_POOL_H */
