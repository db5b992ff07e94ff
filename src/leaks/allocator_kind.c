/* SPDX-License-Identifier: GPL-2.0-only */
#include "leaks/allocator_kind.h"

#include "target/code.h"
#include "target/symbols.h"

/* The first that is there decides: what is built into a program brings the C library's along. */
static const struct {
	enum allocator_kind kind;
	const char *mark;
} marks[] = {
	{ALLOCATOR_SANITIZER, "__asan_init"},
	{ALLOCATOR_SANITIZER, "__tsan_init"},
	{ALLOCATOR_SANITIZER, "__msan_init"},
	{ALLOCATOR_SANITIZER, "__lsan_init"},
	{ALLOCATOR_JEMALLOC, "mallctl"},
	{ALLOCATOR_JEMALLOC, "je_mallctl"},
	{ALLOCATOR_JEMALLOC, "_rjem_mallctl"},
	{ALLOCATOR_TCMALLOC, "tc_malloc"},
	{ALLOCATOR_TCMALLOC, "TCMallocInternalMalloc"},
	{ALLOCATOR_MIMALLOC, "mi_malloc"},
	{ALLOCATOR_GLIBC, "gnu_get_libc_version"},
	{ALLOCATOR_GLIBC, "_int_malloc"},
	{ALLOCATOR_MUSL, "__libc_start_main"},
	{ALLOCATOR_MUSL, "__malloc_alloc_meta"},
};

static int found(const struct symbol *sym, void *ctx)
{
	(void)sym;
	(void)ctx;
	return 1;
}

static bool has(struct code_object *code, const char *name)
{
	const struct symbol_table *symbols;
	uint64_t vaddr;
	bool ifunc;

	if (code->dyn.gnu_hash && dynamic_find(&code->elf, &code->dyn, name, &vaddr, &ifunc) == 0)
		return true;
	/* A program that holds its allocator does not export all of it. */
	symbols = code_symbols(code);
	return symbols && symbol_table__match(symbols, name, found, NULL) == 1;
}

enum allocator_kind allocator_kind_of(struct code_object *code)
{
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (has(code, marks[i].mark))
			return marks[i].kind;
	return ALLOCATOR_OTHER;
}

bool allocator_tells(enum allocator_kind kind)
{
	return kind == ALLOCATOR_GLIBC || kind == ALLOCATOR_MUSL;
}

const char *allocator_kind_name(enum allocator_kind kind)
{
	static const char *const names[ALLOCATOR_KINDS] = {
		[ALLOCATOR_UNKNOWN] = "unknown",     [ALLOCATOR_GLIBC] = "glibc",
		[ALLOCATOR_MUSL] = "musl",	     [ALLOCATOR_JEMALLOC] = "jemalloc",
		[ALLOCATOR_TCMALLOC] = "tcmalloc",   [ALLOCATOR_MIMALLOC] = "mimalloc",
		[ALLOCATOR_SANITIZER] = "sanitizer", [ALLOCATOR_OTHER] = "other",
	};

	return kind < ALLOCATOR_KINDS ? names[kind] : "?";
}

const char *allocator_limits(enum allocator_kind kind)
{
	switch (kind) {
	case ALLOCATOR_GLIBC:
		return "whether a block is free is told by its chunk; a block handed out again "
		       "with "
		       "the same size and content is not noticed";
	case ALLOCATOR_MUSL:
		return "whether a block is free is told by its slot (musl 1.2.1 on)";
	case ALLOCATOR_JEMALLOC:
	case ALLOCATOR_TCMALLOC:
	case ALLOCATOR_MIMALLOC:
	case ALLOCATOR_OTHER:
		return "whether a block is free cannot be told: only that its content changed, "
		       "that "
		       "its address was handed out again, or that its page is gone";
	case ALLOCATOR_SANITIZER:
		return "a sanitizer keeps freed blocks for a while, and finds leaks itself";
	default:
		return "no malloc was found to look at";
	}
}
