/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * reachability.h - does any word in writable memory point into a block?
 *
 * A label, never a reason for an alarm: also innocent blocks can be without a pointer at the moment
 * (it is in a register, or kept in another form), and memory that was freed still holds old
 * pointers.  A pointer from within the block itself does not count.
 */
#ifndef CHESHIRE_LEAKS_REACHABILITY_H
#define CHESHIRE_LEAKS_REACHABILITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "leaks/mappings.h"
#include "leaks/target_memory.h"

#define REACHABILITY_BLOCKS_MAX 16384

struct reach_block {
	/* asked */
	uint64_t ptr, size_bytes;
	uint64_t id; /* the caller's */
	/* answered */
	uint32_t pointers[MAPPING_KINDS]; /* words that lead into it, by where they are */
	uint32_t interior;		  /* of these, not to its first byte */
};

struct reachability;

/* Copies both.  NULL and errno on failure (E2BIG: too many blocks). */
struct reachability *reachability__new(const struct reach_block *blocks, size_t n,
				       const struct mappings *mappings);
void reachability__free(struct reachability *scan);

/*
 * Reads about that many bytes on.  1: there is more, 0: all was looked at, or -errno of the
 * memory's.  What cannot be read is passed over, and counted.
 */
int reachability__step(struct reachability *scan, const struct target_memory *memory,
		       uint64_t budget_bytes);

/* In ascending order of their addresses; valid until the next call. */
const struct reach_block *reachability__blocks(const struct reachability *scan, size_t *n);
uint64_t reachability__read_bytes(const struct reachability *scan);
uint64_t reachability__unread_bytes(const struct reachability *scan);

bool reach_block_lost(const struct reach_block *block);

#endif /* CHESHIRE_LEAKS_REACHABILITY_H */
