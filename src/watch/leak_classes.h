/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * leak_classes.h - of which C++ classes the blocks of a site are.
 *
 * Of a block its first word is read and no more: an address, which is that of a vtable where the
 * block is an object with virtual functions.  Whose vtable it is, symbols say; without them the
 * type_info that the vtable leads to, which like its name is a constant of the program.
 */
#ifndef CHESHIRE_WATCH_LEAK_CLASSES_H
#define CHESHIRE_WATCH_LEAK_CLASSES_H

#include <stddef.h>
#include <stdint.h>

#include "stacks/frame_names.h"

#define LEAK_CLASSES_MAX    3  /* of a site */
#define LEAK_CLASSES_BLOCKS 64 /* of a site that are looked at */

struct reach_block;
struct stack_modules;
struct target_memory;

struct leak_class {
	char name[FRAME_FUNCTION_MAX]; /* demangled; the target's choice */
	uint32_t blocks_n;
};

struct leak_classes {
	uint32_t blocks_n;			     /* that were looked at */
	size_t n;				     /* 0: none of them has a class that is known */
	struct leak_class classes[LEAK_CLASSES_MAX]; /* most blocks first */
};

/* Of these blocks; more than LEAK_CLASSES_BLOCKS are left out.  0, or -errno of the memory's. */
int leak_classes_look(struct leak_classes *out, const struct stack_modules *modules,
		      const struct target_memory *memory, const struct reach_block *blocks,
		      size_t n);

#endif /* CHESHIRE_WATCH_LEAK_CLASSES_H */
