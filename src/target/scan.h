/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHESHIRE_TARGET_SCAN_H
#define CHESHIRE_TARGET_SCAN_H

#include "target/code.h"

#define SCAN_PARTS_MAX 16
#define SCAN_TAILS_MAX 64

enum tail_kind {
	TAIL_DIRECT = 0,  /* to vaddr in the same object */
	TAIL_SLOT = 1,	  /* through the GOT slot at vaddr */
	TAIL_UNKNOWN = 2, /* through a register or a pointer in memory */
};

/* A jump that leaves the function with the stack as at its entry. */
struct tail_jump {
	enum tail_kind kind;
	uint64_t vaddr; /* of the target or the slot */
	uint64_t from;	/* of the jump itself */
};

/*
 * One function with all its parts (the second and later ones are split off, as .cold), its returns
 * and its tail jumps.
 */
struct scan {
	struct code_part parts[SCAN_PARTS_MAX];
	size_t n_parts;
	struct tail_jump tails[SCAN_TAILS_MAX];
	size_t n_tails;
	uint64_t first_target; /* lowest jump target behind the entry, in the first part */
	bool entry_is_target;  /* the function jumps to its own first byte */
	char reason[128];      /* why scan_function refused */
};

/* Scans the function whose first byte is vaddr. -EOPNOTSUPP: refused, scan->reason says why. The
 * caller frees it in every case. */
int scan_function(struct code_space *space, struct code_object *code,
		  const struct code_range *range, struct scan *scan);
void scan_free(struct scan *scan);

/*
 * Is the indirect jump (instruction index of part) a switch through a table whose entries all lie
 * in the function? fn is called with every target. *whole (may be NULL): all were found; else what
 * ends the table may as well be an entry that leads to a split part which is not known.
 */
bool switch_table_targets(struct code_space *space, const struct scan *scan,
			  const struct code_part *part, size_t index,
			  void (*fn)(void *ctx, uint64_t target), void *ctx, bool *whole);

/* The part that holds the address; NULL: none. */
const struct code_part *scan_part_of(const struct scan *scan, uint64_t vaddr);

#endif
