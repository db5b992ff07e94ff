/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/leak_classes.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "leaks/reachability.h"
#include "leaks/target_memory.h"
#include "stacks/vtable_names.h"

#define WORD sizeof(uint64_t)
/* Of a type's mangled name. */
#define NAME_BYTES 512
#define PAGE_BYTES 4096ULL

/* A first word, and how many of the blocks have it. */
struct first_word {
	uint64_t word;
	uint32_t blocks_n;
};

static int compare_words(const void *a, const void *b)
{
	const struct first_word *x = a, *y = b;

	return x->word < y->word ? -1 : x->word > y->word;
}

static int compare_blocks(const void *a, const void *b)
{
	const struct leak_class *x = a, *y = b;

	if (x->blocks_n != y->blocks_n)
		return x->blocks_n > y->blocks_n ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* One of each; returns how many. */
static size_t unite(struct first_word *words, size_t n)
{
	size_t kept = 0;

	qsort(words, n, sizeof(*words), compare_words);
	for (size_t i = 0; i < n; i++)
		if (kept && words[kept - 1].word == words[i].word)
			words[kept - 1].blocks_n += words[i].blocks_n;
		else
			words[kept++] = words[i];
	return kept;
}

static int read_words(const struct target_memory *memory, const struct reach_block *blocks,
		      size_t n, struct first_word *words, size_t *words_n, uint32_t *looked_n)
{
	struct memory_read reads[LEAK_CLASSES_BLOCKS];
	uint64_t values[LEAK_CLASSES_BLOCKS];
	size_t asked = 0;
	int err;

	for (size_t i = 0; i < n && asked < LEAK_CLASSES_BLOCKS; i++) {
		if (blocks[i].size_bytes < WORD)
			continue;
		reads[asked] = (struct memory_read){
			.addr = blocks[i].ptr, .buf = &values[asked], .bytes = WORD};
		asked++;
	}
	*words_n = *looked_n = 0;
	err = asked ? target_memory_read_all(memory, reads, asked) : 0;
	for (size_t i = 0; i < asked && !err; i++)
		if (reads[i].ok)
			words[(*words_n)++] = (struct first_word){values[i], 1};
	*looked_n = (uint32_t)*words_n;
	*words_n = unite(words, *words_n);
	return err;
}

/* Up to the end of its page at most: what lies behind need not be mapped. */
static bool read_name(const struct target_memory *memory, uint64_t addr, char *text)
{
	size_t room = PAGE_BYTES - addr % PAGE_BYTES;
	size_t bytes = room < NAME_BYTES ? room : NAME_BYTES;

	if (target_memory_read(memory, addr, text, bytes))
		return false;
	text[bytes] = '\0';
	/* Without an end it is cut off, or something else. */
	return strlen(text) < bytes;
}

/* A vtable without a symbol: its type_info, which begins as those of the C++ library do. */
static bool class_by_type_info(const struct stack_modules *modules,
			       const struct target_memory *memory, uint64_t vtable,
			       struct leak_class *out)
{
	uint64_t head[2], type_info[2];
	char text[NAME_BYTES + 1];

	if (vtable % WORD || vtable < sizeof(head) || !vtable_in_file(modules, vtable) ||
	    target_memory_read(memory, vtable - sizeof(head), head, sizeof(head)))
		return false;
	/* The object begins where the vtable's part does. */
	if (head[0] || !vtable_in_file(modules, head[1]) ||
	    target_memory_read(memory, head[1], type_info, sizeof(type_info)))
		return false;
	return vtable_of_type_info(modules, type_info[0]) &&
	       vtable_in_file(modules, type_info[1]) && read_name(memory, type_info[1], text) &&
	       vtable_type_name(text, out->name, sizeof(out->name));
}

static bool class_of(const struct stack_modules *modules, const struct target_memory *memory,
		     uint64_t vtable, struct leak_class *out)
{
	return vtable_class(modules, vtable, out->name, sizeof(out->name)) ||
	       class_by_type_info(modules, memory, vtable, out);
}

/* Among those that have the most blocks; a class may have several vtables. */
static size_t add_class(struct leak_class *classes, size_t n, const struct leak_class *one)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(classes[i].name, one->name)) {
			classes[i].blocks_n += one->blocks_n;
			return n;
		}
	classes[n] = *one;
	return n + 1;
}

int leak_classes_look(struct leak_classes *out, const struct stack_modules *modules,
		      const struct target_memory *memory, const struct reach_block *blocks,
		      size_t n)
{
	struct first_word words[LEAK_CLASSES_BLOCKS];
	struct leak_class *classes, one;
	size_t words_n, found = 0;
	int err;

	*out = (struct leak_classes){};
	err = read_words(memory, blocks, n, words, &words_n, &out->blocks_n);
	classes = err ? NULL : calloc(LEAK_CLASSES_BLOCKS, sizeof(*classes));
	for (size_t i = 0; classes && i < words_n; i++) {
		one.blocks_n = words[i].blocks_n;
		if (class_of(modules, memory, words[i].word, &one))
			found = add_class(classes, found, &one);
	}
	if (found)
		qsort(classes, found, sizeof(*classes), compare_blocks);
	out->n = found < LEAK_CLASSES_MAX ? found : LEAK_CLASSES_MAX;
	if (out->n)
		memcpy(out->classes, classes, out->n * sizeof(*classes));
	free(classes);
	return err;
}
