/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * glibc_arena.c - where glibc's arenas are, and the lists of small free chunks in them.
 *
 * The main arena lies in libc's data and has no exported name.  It is known by its shape: 127 bins,
 * of which those that are empty point to themselves, and behind them the ring of all arenas.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "leaks/glibc_heap.h"

/* Since glibc 2.27, in 64 bits: offsets in struct malloc_state. */
#define FAST_BINS      16
#define FAST_BINS_N    10
#define BINS	       112
#define BINS_N	       127
#define NEXT	       2160
#define STATE_BYTES    (NEXT + 8)
#define BINS_EMPTY_FEW 16
#define FLAGS	       7u
/* A list longer than this is not walked to its end: what is not found in it is not known. */
#define WALK_MAX 8192

static bool is_arena(const uint64_t *words, uint64_t addr)
{
	unsigned int empty = 0;

	for (size_t i = 0; i < BINS_N; i++) {
		uint64_t self = addr + BINS + i * 16 - 16;

		empty += words[BINS / 8 + i * 2] == self && words[BINS / 8 + i * 2 + 1] == self;
	}
	return empty >= BINS_EMPTY_FEW;
}

/* Follows the ring.  False: it does not come back to where it began. */
static int follow_ring(struct glibc_heap *heap, const struct target_memory *memory, uint64_t first,
		       uint64_t next, bool *closed)
{
	*closed = false;
	heap->arenas_n = 0;
	heap->arenas[heap->arenas_n++] = first;
	while (next != first) {
		int err;

		if (heap->arenas_n == GLIBC_ARENAS_MAX) {
			heap->arenas_partial = *closed = true;
			return 0;
		}
		if ((next & 7) || !mappings_writable(&heap->mappings, next, STATE_BYTES))
			break;
		heap->arenas[heap->arenas_n++] = next;
		err = target_memory_read(memory, next + NEXT, &next, sizeof(next));
		if (err == -EFAULT)
			break;
		if (err)
			return err;
	}
	*closed = next == first;
	if (!*closed)
		heap->arenas_n = 0;
	return 0;
}

int glibc_heap_find_arenas(struct glibc_heap *heap, const struct target_memory *memory,
			   const uint64_t *data, size_t words_n, uint64_t data_addr)
{
	for (size_t i = 0; i + STATE_BYTES / 8 <= words_n; i += 2) {
		uint64_t addr = data_addr + i * 8, next = data[i + NEXT / 8];
		bool closed;
		int err;

		/* Cheap first: the last bin is for chunks so large that it is empty nearly ever. */
		if (!next || (next != addr && !mappings_writable(&heap->mappings, next, 8)) ||
		    !is_arena(data + i, addr))
			continue;
		err = follow_ring(heap, memory, addr, next, &closed);
		if (err || closed)
			return err;
	}
	return 0;
}

static struct fast_candidate *find(struct fast_candidate *candidates, size_t n, uint64_t chunk)
{
	for (size_t low = 0, high = n; low < high;) {
		size_t mid = low + (high - low) / 2;

		if (candidates[mid].chunk == chunk)
			return &candidates[mid];
		if (candidates[mid].chunk < chunk)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

/* The chunk that the list goes on with, or 0 at its end.  -EAGAIN: this is no list any more. */
static int next_chunk(const struct glibc_heap *heap, const struct target_memory *memory,
		      uint64_t chunk, uint64_t bin_size, uint64_t *next)
{
	uint64_t words[2]; /* size, link */
	int err;

	if ((chunk & 15) || !mappings_writable(&heap->mappings, chunk, 32))
		return -EAGAIN;
	err = target_memory_read(memory, chunk + 8, words, sizeof(words));
	if (err)
		return err == -EFAULT ? -EAGAIN : err;
	if ((words[0] & ~(uint64_t)FLAGS) != bin_size)
		return -EAGAIN;
	/* Disguised since glibc 2.32; a plain one before. */
	if (!glibc_heap_link(heap, chunk + 16, words[1], next))
		*next = words[1];
	return 0;
}

/* Marks those of the candidates that are on this list.  -EAGAIN: it could not be read to its end.
 */
static int walk(const struct glibc_heap *heap, const struct target_memory *memory, uint64_t chunk,
		uint64_t bin_size, struct fast_candidate *candidates, size_t n)
{
	uint32_t most = heap->walk_max ? heap->walk_max : WALK_MAX;

	for (uint32_t steps = 0; chunk; steps++) {
		struct fast_candidate *c = find(candidates, n, chunk);
		uint64_t next;
		int err;

		if (steps == most)
			return -EAGAIN;
		err = next_chunk(heap, memory, chunk, bin_size, &next);
		if (err)
			return err;
		if (c)
			c->found = true;
		chunk = next;
	}
	return 0;
}

static bool wanted(const struct fast_candidate *candidates, size_t n, uint64_t size,
		   bool main_arena)
{
	for (size_t i = 0; i < n; i++)
		if (candidates[i].size == size && candidates[i].main_arena == main_arena &&
		    !candidates[i].found)
			return true;
	return false;
}

static void not_known(struct fast_candidate *candidates, size_t n, uint64_t size, bool main_arena)
{
	for (size_t i = 0; i < n; i++)
		if (candidates[i].size == size && candidates[i].main_arena == main_arena)
			candidates[i].unknown = true;
}

static int walk_bin(const struct glibc_heap *heap, const struct target_memory *memory,
		    uint64_t arena, size_t bin, struct fast_candidate *candidates, size_t n)
{
	bool main_arena = arena == heap->arenas[0];
	uint64_t size = bin * 16 + 32;
	int err = 0;

	if (!wanted(candidates, n, size, main_arena))
		return 0;
	/* The target goes on while its list is walked: once more from the head. */
	for (int tries = 0; tries < 2; tries++) {
		uint64_t head;

		err = target_memory_read(memory, arena + FAST_BINS + bin * 8, &head, sizeof(head));
		if (!err)
			err = walk(heap, memory, head, size, candidates, n);
		if (err == -EFAULT)
			err = -EAGAIN;
		if (err != -EAGAIN)
			return err;
	}
	not_known(candidates, n, size, main_arena);
	return 0;
}

static int compare_candidates(const void *a, const void *b)
{
	const struct fast_candidate *x = a, *y = b;

	return (x->chunk > y->chunk) - (x->chunk < y->chunk);
}

int glibc_heap_fast_bins(const struct glibc_heap *heap, const struct target_memory *memory,
			 struct fast_candidate *candidates, size_t n)
{
	int err = 0;

	if (!n)
		return 0;
	if (!heap->arenas_n || heap->arenas_partial)
		for (size_t i = 0; i < n; i++)
			candidates[i].unknown = true;
	qsort(candidates, n, sizeof(candidates[0]), compare_candidates);
	for (size_t a = 0; !err && a < heap->arenas_n; a++)
		for (size_t bin = 0; !err && bin < FAST_BINS_N; bin++)
			err = walk_bin(heap, memory, heap->arenas[a], bin, candidates, n);
	return err;
}
