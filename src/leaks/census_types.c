/* SPDX-License-Identifier: GPL-2.0-only */
#include "leaks/census_types.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BATCH	  128u
#define BASIC_MAX (1u << 20)
#define ITEM_MAX  4096u

/* The first words of a type, the same in CPython 3.9 to 3.14 (without free threading). */
struct type_head {
	uint64_t references, type, size, name;
	int64_t basic_bytes, item_bytes;
};

struct batch {
	struct memory_read reads[BATCH];
	struct type_head heads[BATCH], metas[BATCH], metas_of_metas[BATCH];
	char names[BATCH][CENSUS_NAME_MAX];
	bool is_type[BATCH];
};

/* What the pointer in each leads to; `ok` in the reads. */
static int read_heads(const struct target_memory *memory, struct batch *b, struct type_head *out,
		      size_t n)
{
	for (size_t i = 0; i < n; i++) {
		b->reads[i].buf = &out[i];
		b->reads[i].bytes = sizeof(out[i]);
	}
	return target_memory_read_all(memory, b->reads, n);
}

static void keep_readable(struct batch *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		b->is_type[i] &= b->reads[i].ok;
}

static bool is_name(const char *name)
{
	size_t i = 0;

	for (; i < CENSUS_NAME_MAX && name[i]; i++)
		if (name[i] < 0x20 || name[i] > 0x7e)
			return false;
	return i > 0 && i < CENSUS_NAME_MAX;
}

/* A name at the very end of what is mapped: as much of it as can be read. */
static int read_name(const struct target_memory *memory, uint64_t addr, char *name)
{
	static const uint32_t lengths[] = {CENSUS_NAME_MAX, 32, 8};
	int err = -EFAULT;

	memset(name, 0, CENSUS_NAME_MAX);
	for (size_t i = 0; err == -EFAULT && i < sizeof(lengths) / sizeof(lengths[0]); i++)
		err = target_memory_read(memory, addr, name, lengths[i]);
	return err == -EFAULT ? 0 : err;
}

static int check_types(const struct target_memory *memory, const struct census_kind *kinds,
		       size_t n, struct batch *b)
{
	int err;

	for (size_t i = 0; i < n; i++) {
		b->is_type[i] = true;
		b->reads[i].addr = kinds[i].addr;
	}
	err = read_heads(memory, b, b->heads, n);
	keep_readable(b, err ? 0 : n);
	for (size_t i = 0; i < n; i++)
		b->reads[i].addr = b->heads[i].type;
	if (!err)
		err = read_heads(memory, b, b->metas, n);
	keep_readable(b, err ? 0 : n);
	for (size_t i = 0; i < n; i++)
		b->reads[i].addr = b->metas[i].type;
	if (!err)
		err = read_heads(memory, b, b->metas_of_metas, n);
	keep_readable(b, err ? 0 : n);
	for (size_t i = 0; i < n; i++)
		b->is_type[i] &= b->metas_of_metas[i].type == b->metas[i].type &&
				 b->heads[i].basic_bytes >= 16 &&
				 b->heads[i].basic_bytes <= BASIC_MAX &&
				 b->heads[i].item_bytes >= 0 && b->heads[i].item_bytes <= ITEM_MAX;
	for (size_t i = 0; !err && i < n; i++)
		if (b->is_type[i])
			err = read_name(memory, b->heads[i].name, b->names[i]);
	return err;
}

/* What objects of other types consist of. */
static bool is_builtin(const char *name)
{
	static const char *const names[] = {"int",	  "bool",
					    "float",	  "complex",
					    "str",	  "bytes",
					    "bytearray",  "list",
					    "tuple",	  "dict",
					    "set",	  "frozenset",
					    "range",	  "slice",
					    "memoryview", "cell",
					    "method",	  "function",
					    "code",	  "frame",
					    "weakref",	  "builtin_function_or_method",
					    "traceback",  "generator",
					    "coroutine",  "type"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

/* An int's number of digits is not where others have their number of items, since 3.12. */
static void describe(struct census_kind *kind, const struct type_head *head, const char *name)
{
	static const char *const elsewhere[] = {
		"list", "dict", "set", "frozenset", "str", "bytearray", "collections.deque"};

	memcpy(kind->name, name, sizeof(kind->name));
	kind->basic_bytes = (uint64_t)head->basic_bytes;
	kind->bytes_known = true;
	kind->builtin = is_builtin(name);
	if (!strcmp(name, "int") || !strcmp(name, "bool"))
		return;
	kind->item_bytes = (uint64_t)head->item_bytes;
	for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++)
		if (!strcmp(name, elsewhere[i]))
			kind->bytes_known = false;
}

int census_look_up(const struct target_memory *memory, struct census_kind *kinds, size_t *n)
{
	struct batch *b = calloc(1, sizeof(*b));
	size_t kept = 0;
	int err = b ? 0 : -ENOMEM;

	for (size_t at = 0; !err && at < *n; at += BATCH) {
		size_t piece = *n - at < BATCH ? *n - at : BATCH;

		memset(b, 0, sizeof(*b));
		err = check_types(memory, kinds + at, piece, b);
		for (size_t i = 0; !err && i < piece; i++) {
			if (!b->is_type[i] || !is_name(b->names[i]))
				continue;
			kinds[kept] = kinds[at + i];
			describe(&kinds[kept++], &b->heads[i], b->names[i]);
		}
	}
	*n = kept;
	free(b);
	return err;
}
