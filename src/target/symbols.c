/* SPDX-License-Identifier: GPL-2.0-only */
#include "target/symbols.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "target/debug_file.h"
#include "target/elf_file.h"
#include "target/maps.h"
#include "target/names.h"
#include "target/symbol_table.h"
#include "target/unxz.h"

#define STRTAB_MAX	    (256u << 20)
#define SYMBOLS_MAX	    (4u << 20)
#define NAME_BYTES_MAX	    4096 /* longer names are left out: a million may share one string */
#define CHUNK		    1024 /* symbols read at once */
#define DEBUGDATA_MAX	    (32u << 20)	 /* .gnu_debugdata as it is in the file */
#define DEBUGDATA_PLAIN_MAX (128u << 20) /* and when unpacked */

static void left_out(struct symbol_table *table, const char *what, int err)
{
	if (table->why[0] == '\0')
		snprintf(table->why, sizeof(table->why), "%s: %s", what, strerror(-err));
}

static int append(struct symbol_table *table, const struct symbol *sym)
{
	struct symbol *bigger;
	size_t room;

	if (table->n == table->room) {
		if (table->n >= SYMBOLS_MAX)
			return -EFBIG;
		room = table->room ? table->room * 2 : 1024;
		bigger = realloc(table->syms, room * sizeof(*bigger));
		if (!bigger)
			return -ENOMEM;
		table->syms = bigger;
		table->room = room;
	}
	table->syms[table->n++] = *sym;
	return 0;
}

/* NAME.cold or, by older compilers, NAME.cold.1 */
static bool is_cold(const char *name)
{
	const char *cold = strstr(name, ".cold");

	return cold && (cold[5] == '\0' || cold[5] == '.');
}

/* Takes one ELF symbol if it is code that is in the object's file. */
static int take(struct symbol_table *table, const struct elf_file *main_elf, const Elf64_Sym *es,
		char *strings, size_t strings_size, enum symbol_source source)
{
	unsigned int type = ELF64_ST_TYPE(es->st_info), bind = ELF64_ST_BIND(es->st_info);
	const Elf64_Phdr *ph;
	struct symbol sym;
	char *version;

	if (type != STT_FUNC && type != STT_GNU_IFUNC)
		return 0;
	if (es->st_shndx == SHN_UNDEF || es->st_name == 0 || es->st_name >= strings_size)
		return 0;
	ph = elf_file_load_header(main_elf, es->st_value);
	if (!ph || !(ph->p_flags & PF_X))
		return 0;
	memset(&sym, 0, sizeof(sym));
	if (strnlen(strings + es->st_name, NAME_BYTES_MAX) == NAME_BYTES_MAX)
		return 0;
	/* .symtab writes versions into the name, .dynsym does not. */
	version = strchr(strings + es->st_name, '@');
	if (version && version != strings + es->st_name)
		*version = '\0';
	sym.name = strings + es->st_name;
	sym.vaddr = es->st_value;
	sym.offset = es->st_value - ph->p_vaddr + ph->p_offset;
	sym.size = es->st_size;
	if (sym.size > ph->p_filesz - (es->st_value - ph->p_vaddr))
		sym.size = 0;
	sym.source = (uint8_t)source;
	sym.ifunc = type == STT_GNU_IFUNC;
	sym.cold = is_cold(sym.name);
	sym.global = bind == STB_GLOBAL || bind == STB_WEAK || bind == STB_GNU_UNIQUE;
	return append(table, &sym);
}

static int read_symbols(struct symbol_table *table, const struct elf_file *main_elf,
			const struct elf_file *elf, const Elf64_Shdr *section, char *strings,
			size_t strings_size, enum symbol_source source)
{
	uint64_t left = section->sh_size / sizeof(Elf64_Sym), offset = section->sh_offset;
	Elf64_Sym *chunk;
	size_t n, i;
	int err = 0;

	chunk = malloc(CHUNK * sizeof(*chunk));
	if (!chunk)
		return -ENOMEM;
	while (left && !err) {
		n = left < CHUNK ? left : CHUNK;
		err = elf_file_read(elf, offset, chunk, n * sizeof(*chunk));
		for (i = 0; i < n && !err; i++)
			err = take(table, main_elf, &chunk[i], strings, strings_size, source);
		left -= n;
		offset += n * sizeof(*chunk);
	}
	free(chunk);
	return err;
}

/*
 * Adds the symbols of one section type of elf (the object's own file, or one that describes it).
 * Addresses are translated by the object's own program headers: a debug file's are not real.
 */
static int add_section(struct symbol_table *table, const struct elf_file *main_elf,
		       const struct elf_file *elf, uint32_t type, enum symbol_source source)
{
	const Elf64_Shdr *section = elf_file_section_type(elf, type);
	uint8_t *strings;
	size_t size;
	int err;

	if (!section || section->sh_type == SHT_NOBITS)
		return 0;
	if (section->sh_entsize != sizeof(Elf64_Sym) || section->sh_link >= elf->n_shdrs ||
	    table->n_strings == SYMBOL_STRINGS_MAX)
		return -EPROTO;
	err = elf_file_load(elf, &elf->shdrs[section->sh_link], STRTAB_MAX, &strings, &size);
	if (err)
		return err;
	table->strings[table->n_strings++] = (char *)strings;
	return read_symbols(table, main_elf, elf, section, (char *)strings, size, source);
}

static int add_debugdata(struct symbol_table *table, const struct elf_file *elf)
{
	const Elf64_Shdr *section = elf_file_section(elf, ".gnu_debugdata");
	struct elf_file inner;
	uint8_t *packed, *plain;
	size_t size, plain_size;
	int err;

	if (!section)
		return 0;
	err = elf_file_load(elf, section, DEBUGDATA_MAX, &packed, &size);
	if (err)
		return err;
	err = unxz(packed, size, DEBUGDATA_PLAIN_MAX, &plain, &plain_size);
	free(packed);
	if (err)
		return err;
	err = elf_file_open_image(&inner, plain, plain_size);
	if (!err) {
		err = add_section(table, elf, &inner, SHT_SYMTAB, SYMBOL_DEBUGDATA);
		elf_file_close(&inner);
	}
	free(plain);
	return err;
}

static int add_debugfile(struct symbol_table *table, const struct elf_file *elf)
{
	int fd = debug_file_open(elf);
	struct elf_file debug;
	int err;

	if (fd < 0)
		return fd == -ENOEXEC ? fd : 0;
	err = elf_file_open(&debug, fd);
	if (!err) {
		err = add_section(table, elf, &debug, SHT_SYMTAB, SYMBOL_DEBUGFILE);
		elf_file_close(&debug);
	}
	close(fd);
	return err;
}

static int by_offset(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	if (x->global != y->global)
		return x->global ? -1 : 1;
	if (x->source != y->source)
		return x->source < y->source ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* Sorts, and drops what .symtab only repeats of .dynsym. */
static void sort_symbols(struct symbol_table *table)
{
	size_t i, j, kept = 0;
	bool repeated;

	if (table->n == 0)
		return;
	qsort(table->syms, table->n, sizeof(*table->syms), by_offset);
	for (i = 0; i < table->n; i++) {
		const struct symbol *sym = &table->syms[i];

		repeated = false;
		/* Not far back: a hostile file may put all its symbols at one address. */
		for (j = kept; j > 0 && kept - j < 32 && !repeated; j--) {
			if (table->syms[j - 1].offset != sym->offset)
				break;
			repeated = strcmp(table->syms[j - 1].name, sym->name) == 0;
		}
		if (repeated)
			continue;
		table->syms[kept++] = *sym;
	}
	table->n = kept;
}

struct symbol_table *symbol_table__open_elf(const struct elf_file *elf)
{
	struct symbol_table *table = calloc(1, sizeof(*table));
	int err, dyn, full, packed = 0, file = 0;

	if (!table) {
		errno = ENOMEM;
		return NULL;
	}
	dyn = add_section(table, elf, elf, SHT_DYNSYM, SYMBOL_DYNSYM);
	full = add_section(table, elf, elf, SHT_SYMTAB, SYMBOL_SYMTAB);
	if (!elf_file_section_type(elf, SHT_SYMTAB)) {
		packed = add_debugdata(table, elf);
		if (!elf->image)
			file = add_debugfile(table, elf);
	}
	if (dyn)
		left_out(table, ".dynsym", dyn);
	if (full)
		left_out(table, ".symtab", full);
	if (packed)
		left_out(table, ".gnu_debugdata", packed);
	if (file)
		left_out(table, "debug file", file);
	err = dyn == -ENOMEM || full == -ENOMEM || packed == -ENOMEM || file == -ENOMEM;
	if (err) {
		symbol_table__free(table);
		errno = ENOMEM;
		return NULL;
	}
	sort_symbols(table);
	return table;
}

struct symbol_table *symbol_table__open(const struct object *obj)
{
	struct symbol_table *table;
	struct elf_file elf;
	int err;

	if (obj->fd < 0) {
		errno = EBADF;
		return NULL;
	}
	err = elf_file_open(&elf, obj->fd);
	if (err) {
		errno = -err;
		return NULL;
	}
	table = symbol_table__open_elf(&elf);
	err = errno;
	elf_file_close(&elf);
	errno = err;
	return table;
}

void symbol_table__free(struct symbol_table *table)
{
	size_t i;

	if (!table)
		return;
	for (i = 0; i < table->n_strings; i++)
		free(table->strings[i]);
	free(table->syms);
	free(table);
}
