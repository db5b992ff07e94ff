/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHESHIRE_TARGET_DYNAMIC_H
#define CHESHIRE_TARGET_DYNAMIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf_file;

/* What PT_DYNAMIC says; virtual addresses, 0: absent. */
struct dynamic {
	uint64_t symtab, strtab, strsz, gnu_hash, versym;
	uint64_t jmprel, jmprel_size, rela, rela_size;
	uint64_t relr, relr_size;
};

/* -ENOENT: the file has no dynamic section (static). */
int dynamic_read(const struct elf_file *elf, struct dynamic *dyn);

/* Name of the symbol that a GOT slot (virtual address) is relocated with. -ENOENT: none. */
int dynamic_slot_name(const struct elf_file *elf, const struct dynamic *dyn, uint64_t slot,
		      char *name, size_t size);

typedef void (*dynamic_slot_fn)(void *ctx, const char *name, uint64_t slot);

/* Every slot (virtual address) that the loader fills with the address of a symbol of that name. */
void dynamic_each_slot(const struct elf_file *elf, const struct dynamic *dyn, dynamic_slot_fn fn,
		       void *ctx);

/*
 * What the loader makes of a pointer in the file's data, as a virtual address of the same file: by
 * its relocation, or as it stands in a file that is not moved.  -ENOENT: no pointer into this file.
 */
int dynamic_pointer_at(const struct elf_file *elf, const struct dynamic *dyn, uint64_t at,
		       uint64_t *vaddr);

/*
 * A defined function symbol of this name, by the GNU hash table (a few reads, nothing is loaded);
 * the default version. -ENOENT: none, or the file has only an old-style hash table.
 */
int dynamic_find(const struct elf_file *elf, const struct dynamic *dyn, const char *name,
		 uint64_t *vaddr, bool *ifunc);

/* The same of a variable, with its size as the symbol says. */
int dynamic_find_data(const struct elf_file *elf, const struct dynamic *dyn, const char *name,
		      uint64_t *vaddr, uint64_t *bytes);

#endif
