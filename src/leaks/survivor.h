/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * survivor.h - is a block that malloc once handed out still allocated?  Judged from outside.
 *
 * glibc: the chunk's own header and that of the next one, the key that marks chunks in a thread's
 * cache, the lists of the fast bins.  musl (mallocng): the slot's header and its group's masks.
 * Of other allocators only what their pages and the block's content tell: a block is `unknowable`
 * until it has gone.  Nothing of a block's content is kept but a hash.
 *
 * Known to be missed everywhere: a block that was freed and handed out again, with the same size
 * and the same content at the places that are looked at.
 */
#ifndef CHESHIRE_LEAKS_SURVIVOR_H
#define CHESHIRE_LEAKS_SURVIVOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "leaks/allocator.h"
#include "leaks/mappings.h"
#include "leaks/target_memory.h"

enum block_state {
	BLOCK_UNKNOWABLE = 0, /* no sign that it was freed, but there need not be one */
	BLOCK_LIVE = 1,
	BLOCK_FREED = 2,
};

/* How it is known that it was freed. */
enum block_evidence {
	BLOCK_EVIDENCE_NONE = 0,
	BLOCK_EVIDENCE_UNMAPPED = 1,
	BLOCK_EVIDENCE_CACHED = 2,    /* in a thread's cache */
	BLOCK_EVIDENCE_FAST_BIN = 3,  /* in a list of small free chunks */
	BLOCK_EVIDENCE_NEXT_SAYS = 4, /* the next chunk says that this one is free */
	BLOCK_EVIDENCE_MERGED = 5,    /* into a free neighbour, or split */
	BLOCK_EVIDENCE_SLOT = 6,      /* musl: the slot is free */
	BLOCK_EVIDENCE_REUSED = 7,    /* the address was handed out again, with another size */
	BLOCK_EVIDENCES = 8,
};

struct block_check {
	/* asked */
	uint64_t ptr;	      /* as malloc returned it */
	uint64_t size_bytes;  /* as it was asked for */
	uint64_t fingerprint; /* of the check before; 0: none.  Renewed */
	uint64_t id, site;    /* the caller's */
	/* answered */
	enum block_state state;
	enum block_evidence evidence;
	bool touched; /* the content is not what it was at the check before */
};

/* What has been found out about one process's allocator. */
struct survivor_judge;

struct survivor_judge_facts {
	bool cache_key;	    /* the mark of chunks in a thread's cache is known */
	bool cache_structs; /* they hold their cache's address instead (glibc 2.29 to 2.33) */
	bool fast_bins;	    /* their lists were found */
	uint32_t arenas_n;
	char why[160]; /* what cannot be told, in words; "" nothing */
};

/* The allocator is copied.  NULL and errno on failure. */
struct survivor_judge *survivor_judge__new(const struct allocator *allocator);
void survivor_judge__free(struct survivor_judge *judge);

/*
 * Looks at the writable data of the allocator's object (its inode; 0: of all objects).  Repeat it
 * before each round of checks with maps that are fresh: heaps come and go.  -errno of the memory's.
 */
int survivor_judge__prepare(struct survivor_judge *judge, const struct target_memory *memory,
			    const struct mappings *mappings, uint64_t data_inode);

/* Judges n blocks; 0, or -errno of the memory's, then nothing is known. */
int survivor_judge__check(struct survivor_judge *judge, const struct target_memory *memory,
			  struct block_check *blocks, size_t n);

/*
 * Lists of free chunks are followed for at most so many of them from now on (0: 8192), each costs a
 * read; what was not found by then is unknowable.
 */
void survivor_judge__follow_at_most(struct survivor_judge *judge, uint32_t chunks);
void survivor_judge__facts(const struct survivor_judge *judge, struct survivor_judge_facts *facts);
const char *block_evidence_name(enum block_evidence evidence);

#endif /* CHESHIRE_LEAKS_SURVIVOR_H */
