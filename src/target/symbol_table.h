/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHESHIRE_TARGET_SYMBOL_TABLE_H
#define CHESHIRE_TARGET_SYMBOL_TABLE_H

/* Shared by symbols.c, which fills the table, and symbol_lookup.c, which asks it. */

#include "target/symbols.h"

struct elf_file;

#define SYMBOL_STRINGS_MAX 4 /* one string table for each source */

struct symbol_table {
	struct symbol *syms; /* sorted by offset; names at one offset: global first */
	size_t n, room;
	char *strings[SYMBOL_STRINGS_MAX]; /* owned; the names point into them */
	size_t n_strings;
	char why[128]; /* what was left out; "" nothing */
};

/* As symbol_table__open, of a file opened already, or held in memory (then without debug file). */
struct symbol_table *symbol_table__open_elf(const struct elf_file *elf);

#endif
