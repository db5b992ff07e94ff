/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHESHIRE_TARGET_UNWIND_H
#define CHESHIRE_TARGET_UNWIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf_file;

/*
 * .eh_frame, read for two questions that symbols cannot answer in a stripped library: where does
 * the function (or split part) around an address begin and end, and how far is the stack pointer
 * from the frame's top (CFA) at an instruction. Frame descriptions are found through the sorted
 * table of .eh_frame_hdr, a few reads each; without that table .eh_frame is walked once.
 */
struct unwind_table;

/* One frame description (FDE): a contiguous range of code. */
struct unwind_range {
	uint64_t start, end; /* virtual addresses */
	uint64_t fde;	     /* virtual address of the description itself */
	bool signal_frame;
};

/* Where the frame's top is: the caller's SP before the call pushed the return address. */
struct unwind_cfa {
	bool known;	/* false: an expression, or a register other than SP and FP */
	bool from_fp;	/* FP + offset; else SP + offset */
	int64_t offset; /* bytes; SP + 8 at a function's entry */
};

/* elf is borrowed and must outlive the table. NULL with errno: ENOENT no unwind tables, EPROTO
 * damaged. */
struct unwind_table *unwind_table__open(const struct elf_file *elf);
void unwind_table__free(struct unwind_table *table);

/* The range that holds the address. -ENOENT: none; -EPROTO: damaged. */
int unwind_table__find(const struct unwind_table *table, uint64_t vaddr,
		       struct unwind_range *range);

/* The CFA rule at an address inside the range. 0 or -EPROTO. */
int unwind_table__cfa(const struct unwind_table *table, const struct unwind_range *range,
		      uint64_t vaddr, struct unwind_cfa *cfa);

#endif
