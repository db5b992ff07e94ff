/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHESHIRE_TARGET_SYMBOLS_H
#define CHESHIRE_TARGET_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct object;

#define SYMBOL_DEMANGLED_MAX 1024

enum symbol_source {
	SYMBOL_DYNSYM = 0,
	SYMBOL_SYMTAB = 1,
	SYMBOL_DEBUGDATA = 2, /* .gnu_debugdata: xz-compressed symbols inside the file */
	SYMBOL_DEBUGFILE = 3, /* build-id file under the host's /usr/lib/debug */
};

/* A function symbol. */
struct symbol {
	const char *name; /* mangled, without version; owned by the table; hostile: escape it */
	uint64_t vaddr;	  /* ELF virtual address */
	uint64_t offset;  /* file offset: what a uprobe takes */
	uint64_t size;	  /* bytes; 0: the symbol does not say */
	uint8_t source;	  /* enum symbol_source */
	bool ifunc;	  /* a resolver, not the function: never to be probed */
	bool global;	  /* STB_GLOBAL or STB_WEAK */
	bool cold;	  /* a split-off part (NAME.cold), no function: never matched */
};

/* All function symbols of an object, sorted by offset. Free it when planning is done. */
struct symbol_table;

/* Reads the symbols of an object opened by object_open. NULL with errno set; a file without
 * symbols gives an empty table. */
struct symbol_table *symbol_table__open(const struct object *obj);
void symbol_table__free(struct symbol_table *table);

size_t symbol_table__count(const struct symbol_table *table);
const struct symbol *symbol_table__at(const struct symbol_table *table, size_t i);

/* True if something was left out (a section over its ceiling, bad compression); why says what. */
bool symbol_table__incomplete(const struct symbol_table *table, const char **why);

/* The symbol whose bytes hold the file offset, a global name preferred. NULL: none. */
const struct symbol *symbol_table__by_offset(const struct symbol_table *table, uint64_t offset);

/* Called for each match; a return value other than 0 stops and is returned. */
typedef int (*symbol_fn)(const struct symbol *sym, void *ctx);

/*
 * Calls fn for every symbol whose mangled or demangled name matches the glob (no pattern
 * characters: equal). Names at one address are reported once, by the name that matched first.
 * "foo" also matches a C++ function demangled as "foo(int)".
 */
int symbol_table__match(const struct symbol_table *table, const char *pattern, symbol_fn fn,
			void *ctx);

/*
 * Writes up to max near matches for a name that matched nothing, best first: substrings, then
 * small edit distance. Names stay owned by the table. Returns how many.
 */
size_t symbol_table__near(const struct symbol_table *table, const char *pattern,
			  const struct symbol **out, size_t max);

/* Demangles a C++ name (bounded input and recursion). False: not mangled, buf holds a copy. */
bool symbol_demangle(const char *name, char *buf, size_t size);

#endif
