/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHESHIRE_TARGET_CODE_H
#define CHESHIRE_TARGET_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "target/dynamic.h"
#include "target/elf_file.h"
#include "target/insn.h"

struct object;
struct object_table;
struct process;
struct symbol_table;
struct unwind_table;

/* An object opened for reading its code, for the time of planning one function. */
struct code_object {
	struct code_object *next;
	struct object *obj; /* borrowed */
	struct elf_file elf;
	struct unwind_table *unwind;  /* NULL: none in the file */
	struct symbol_table *symbols; /* NULL until code_symbols */
	struct dynamic dyn;	      /* zero where the file is static */
};

/* What planning one function needs; the objects it opened are cached until code_space_close. */
struct code_space {
	const struct process *proc;
	struct object_table *table;
	struct decoder *dec;
	struct code_object *objects;
	int64_t work_left;
};

/*
 * The target's code may be made to be slow to follow. Steps are charged here, about a million
 * instructions' worth for one plan; false: used up, what is being done is to be given up.
 */
bool code_work(struct code_space *space, int64_t cost);

#define WORK_INSN 64   /* decoding an instruction, reading a table's entry */
#define WORK_CFA  1024 /* reading a frame description */

int code_space_open(struct code_space *space, const struct process *proc,
		    struct object_table *table);
void code_space_close(struct code_space *space);

/* The object of that index, opened. NULL with errno. */
struct code_object *code_space_object(struct code_space *space, uint32_t index);

/* The object's symbols, read once; NULL with errno. */
const struct symbol_table *code_symbols(struct code_object *code);

/* Difference between an address in the target and the ELF virtual address. -ENOENT: not mapped. */
int code_bias(const struct code_object *code, uint64_t *bias);

/* Bounds of the function or split part at vaddr. */
struct code_range {
	uint64_t start, end; /* virtual addresses */
	bool by_unwind;	     /* from .eh_frame; else from a symbol's size */
};

/* -ENOENT: neither .eh_frame nor a symbol knows. */
int code_range_at(struct code_object *code, uint64_t vaddr, struct code_range *range);

/*
 * The same for a function of which neither knows, by following its code to where nothing goes on
 * (code_flow.c); what follows without a gap may be taken for a part of it.  vaddr is its first
 * byte. -ENOENT: no such end within 16 KB, or before the next symbol.
 */
int code_range_by_flow(struct code_space *space, struct code_object *code, uint64_t vaddr,
		       struct code_range *range);

/* A contiguous range of decoded code. */
struct code_part {
	struct code_object *code;
	struct code_range range;
	struct insn *insns; /* owned */
	size_t n;
	bool *probed; /* owned, one an instruction: another uprobe's breakpoint in memory */
	bool any_probed;
};

/*
 * Reads the range from the file, compares it with the target's memory and decodes every byte of it.
 * -EOPNOTSUPP: refused, reason says why; other errors are failures to read.
 */
int code_part_load(struct code_space *space, struct code_object *code,
		   const struct code_range *range, struct code_part *part, char *reason,
		   size_t size);
void code_part_free(struct code_part *part);

/* Index of the instruction that starts at vaddr. -ENOENT: none does. */
int code_part_index(const struct code_part *part, uint64_t vaddr, size_t *index);

/*
 * Stack depth at an instruction: bytes by which SP is below SP at the function's entry. False: not
 * known. A frame addressed by FP counts as in_frame, depth unknown but not 0.
 */
struct stack_depth {
	bool known;    /* depth is valid */
	bool in_frame; /* surely not as at entry */
	int64_t depth;
};

void code_depth_at(struct code_space *space, const struct code_part *part, uint64_t vaddr,
		   struct stack_depth *depth);

#endif
