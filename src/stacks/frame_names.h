/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * frame_names.h - what an address of code is called: function, file and line, with the functions
 * that the compiler has put into each other as frames of their own.
 *
 * Names are the target's files' choice: escape them before printing.
 */
#ifndef CHESHIRE_STACKS_FRAME_NAMES_H
#define CHESHIRE_STACKS_FRAME_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stack_modules;

#define FRAME_FUNCTION_MAX 256
#define FRAME_FILE_MAX	   256
#define FRAME_INLINED_MAX  16

struct frame_name {
	char function[FRAME_FUNCTION_MAX]; /* demangled; "": not known */
	char file[FRAME_FILE_MAX];	   /* of the source, as the compiler was told; "" */
	char object[FRAME_FILE_MAX];	   /* basename of the mapped file; "" */
	uint32_t line;			   /* 0: not known */
	uint64_t offset;		   /* of the address, from the object's lowest */
	bool inlined;			   /* into the next one */
};

/*
 * Names of one address, innermost function first; at least one entry, at most `max` (not 0). For a
 * return address the call before it is what is meant: `returns` says so. Slow at the first look
 * into a file.
 */
size_t frame_names(const struct stack_modules *modules, uint64_t addr, bool returns,
		   struct frame_name *out, size_t max);

#endif /* CHESHIRE_STACKS_FRAME_NAMES_H */
