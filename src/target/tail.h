/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHESHIRE_TARGET_TAIL_H
#define CHESHIRE_TARGET_TAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "target/scan.h"

/* Where a tail jump leads. */
struct tail_target {
	struct code_object *code;
	uint64_t vaddr;
	char name[256];	    /* as the PLT or the symbols call it; "" unknown; hostile */
	bool never_returns; /* abort and its like: no exit there */
	bool busy;	    /* called so often by everyone that its returns must not be probed */
	bool by_name;	    /* the PLT slot is not bound yet: found by symbol name */
};

/* 0, or -ENOENT with the reason why the target cannot be known. */
int tail_resolve(struct code_space *space, struct code_object *code, const struct tail_jump *jump,
		 struct tail_target *target, char *reason, size_t size);

#endif
