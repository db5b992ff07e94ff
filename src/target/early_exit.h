/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * early_exit.h - jumps behind which nothing but the return is left.
 *
 * A uprobe on a ret is single-stepped; one on a jump is emulated by the kernel, at a tenth of the
 * cost or less.  Functions often end with jumps that decide on the return:
 *
 *		jne	fail		not taken: the function returns
 *	out:	add	rsp, 24
 *		pop	rbx
 *		ret
 *		...
 *		jmp	out		the function returns
 *
 * Where the code before a ret is straight, and every way into it comes through such a jump, the
 * jumps stand for the ret.  A conditional jump that can come round again after it went the other
 * way (the end of a loop) stands for none: it could be hit much more often than the ret.
 */
#ifndef CHESHIRE_TARGET_EARLY_EXIT_H
#define CHESHIRE_TARGET_EARLY_EXIT_H

#include "target/scan.h"

#define EARLY_EXITS_MAX 4 /* jumps for one ret: each is a probe */

/* All jumps of a scanned function; made once, asked for every ret. */
struct jump_map;

/* NULL: no memory. */
struct jump_map *jump_map__new(struct code_space *space, const struct scan *scan);
void jump_map__free(struct jump_map *map);

struct early_exit {
	const struct code_part *part;
	size_t index;	  /* of the jump in its part */
	int32_t sp_delta; /* SP at entry = SP at the jump + sp_delta */
	enum {
		EARLY_ALWAYS = 0, /* an unconditional jump */
		EARLY_TAKEN = 1,
		EARLY_NOT_TAKEN = 2,
	} when;
};

/* What must be at the jumps as it will be at the ret. */
struct exit_needs {
	bool ret;    /* the return register */
	bool memory; /* what the function writes there */
};

/*
 * The jumps for the ret at instruction `ret` of part number `part`; returns how many, 0: it has to
 * be the ret itself.  All ways into the ret are taken to be in the scan: the caller sees to it that
 * no function that this one leaves to comes back into its middle.
 */
size_t early_exit_find(struct jump_map *map, size_t part, size_t ret, struct exit_needs needs,
		       struct early_exit out[EARLY_EXITS_MAX]);

#endif
