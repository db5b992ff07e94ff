/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * glibc_heap.h - what glibc's malloc has written around a block, and into it.
 *
 * A chunk's header is 16 bytes before the block: the size of the chunk before it (only while that
 * one is free), then its own size with three flags.  A chunk that is freed is
 *  - cached by its thread: the second word of the block is a key, the same for the whole process
 *    and kept in libc's data (2.34 on), or the address of the thread's cache (2.29 to 2.33);
 *  - or put on a list of its arena's for small ones (fast bin): only the list tells;
 *  - or given back at once: then the next chunk's header says so, or it is merged with a free
 *    neighbour and its own header, or that of the chunk before, does not fit any more;
 *  - or unmapped, if it was mapped by itself.
 */
#ifndef CHESHIRE_LEAKS_GLIBC_HEAP_H
#define CHESHIRE_LEAKS_GLIBC_HEAP_H

#include "leaks/survivor.h"

#define GLIBC_ARENAS_MAX 256

struct glibc_heap {
	struct mappings mappings; /* owned; of the last look */
	uint64_t *words;	  /* owned; in libc's data, that may be the key; ascending */
	size_t words_n;
	bool data_seen; /* libc's data was read */
	uint64_t key;	/* 0: not sure yet */
	uint32_t key_votes;
	uint64_t key_candidate;
	bool structs; /* a chunk was seen in a cache that it names by its address */
	uint64_t arenas[GLIBC_ARENAS_MAX];
	uint32_t arenas_n;
	bool arenas_partial;
	uint32_t walk_max; /* chunks of a list; 0: the default */
};

void glibc_heap_free(struct glibc_heap *heap);
/* As survivor_judge__prepare. */
int glibc_heap_prepare(struct glibc_heap *heap, const struct target_memory *memory,
		       const struct mappings *mappings, uint64_t data_inode);
/* Sets state and evidence. */
int glibc_heap_check(struct glibc_heap *heap, const struct target_memory *memory,
		     struct block_check *blocks, size_t n);

/* The arenas in libc's data, and those that they lead to (glibc_arena.c). */
int glibc_heap_find_arenas(struct glibc_heap *heap, const struct target_memory *memory,
			   const uint64_t *data, size_t words_n, uint64_t data_addr);

/* A small chunk that looks allocated, and may be on a list. */
struct fast_candidate {
	uint64_t chunk, size; /* bytes, without flags */
	bool main_arena;
	bool found;
	bool unknown; /* the list could not be read to its end */
	uint32_t block;
};

/* Looks for them in the lists (glibc_arena.c). */
int glibc_heap_fast_bins(const struct glibc_heap *heap, const struct target_memory *memory,
			 struct fast_candidate *candidates, size_t n);

/* The largest chunk that is put into a fast bin, with all tunables. */
#define GLIBC_FAST_MAX 0xb0
/* Does the first word of a free chunk lead on, as glibc 2.32 and later write it? */
bool glibc_heap_link(const struct glibc_heap *heap, uint64_t block, uint64_t word, uint64_t *next);

#endif /* CHESHIRE_LEAKS_GLIBC_HEAP_H */
