/* SPDX-License-Identifier: GPL-2.0-only */
#include "promql/pool.h"

#include <stdint.h>
#include <stdlib.h>

#define CHUNK_BYTES ((size_t)16 << 10)

struct pool_chunk {
	struct pool_chunk *next;
	size_t bytes;
	max_align_t data[];
};

static struct pool_chunk *add_chunk(struct pool *pool, size_t bytes)
{
	struct pool_chunk *chunk;

	if (bytes < CHUNK_BYTES)
		bytes = CHUNK_BYTES;
	chunk = malloc(sizeof(*chunk) + bytes);
	if (!chunk)
		return NULL;
	chunk->bytes = bytes;
	if (pool->current) {
		chunk->next = pool->current->next;
		pool->current->next = chunk;
	} else {
		chunk->next = pool->first;
		pool->first = chunk;
	}
	pool->held += sizeof(*chunk) + bytes;
	return chunk;
}

void *pool_alloc(struct pool *pool, size_t bytes)
{
	const size_t align = _Alignof(max_align_t);
	struct pool_chunk *chunk = pool->current;
	void *piece;

	if (bytes > SIZE_MAX / 2)
		return NULL;
	bytes = (bytes + align - 1) / align * align;
	if (!chunk || chunk->bytes - pool->used < bytes) {
		chunk = chunk ? chunk->next : pool->first;
		/* One that is too small is skipped until the next reset. */
		if (!chunk || chunk->bytes < bytes)
			chunk = add_chunk(pool, bytes);
		if (!chunk)
			return NULL;
		pool->current = chunk;
		pool->used = 0;
	}
	piece = (char *)chunk->data + pool->used;
	pool->used += bytes;
	return piece;
}

void pool_reset(struct pool *pool)
{
	pool->current = NULL;
	pool->used = 0;
	/* pool->first stays: pool_alloc() starts over with it. */
}

void pool_free(struct pool *pool)
{
	struct pool_chunk *next;

	for (struct pool_chunk *chunk = pool->first; chunk; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
	*pool = (struct pool){0};
}
