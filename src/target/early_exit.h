/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * early_exit.h - the conditional jump behind which nothing but the return is left.
 *
 * A uprobe on a ret is single-stepped; one on a conditional jump is emulated by the kernel, at a
 * tenth of the cost or less.  Compilers often end a function with such a jump:
 *
 *	jne	fail		not taken: the function returns
 *	add	rsp, 24
 *	pop	rbx
 *	ret
 *
 * Where the code between the jump and the ret is straight, and nothing else jumps into it, "the
 * jump is not taken" and "the ret is reached" are the same.  A jump that can come round again
 * after it was taken (the end of a loop) is left alone: it could be hit much more often than the
 * ret.
 */
#ifndef CHESHIRE_TARGET_EARLY_EXIT_H
#define CHESHIRE_TARGET_EARLY_EXIT_H

#include "target/scan.h"

/* Where a scanned function may be jumped to; made once, asked for every ret. */
struct jump_map {
	bool *target[SCAN_PARTS_MAX]; /* one an instruction */
	bool unknown;		      /* a jump of which nobody knows where it goes */
};

/* 0 or -ENOMEM.  Free it in every case. */
int jump_map_make(struct code_space *space, const struct scan *scan, struct jump_map *map);
void jump_map_free(struct jump_map *map);

struct early_exit {
	size_t index;	  /* of the jump in its part */
	int32_t sp_delta; /* SP at entry = SP at the jump + sp_delta */
};

/*
 * The jump for the ret at instruction `ret` of part number `part`; false: there is none.  With
 * need_ret the return register must have its value at the jump already.
 */
bool early_exit_find(struct code_space *space, const struct scan *scan, const struct jump_map *map,
		     size_t part, size_t ret, bool need_ret, struct early_exit *out);

#endif
