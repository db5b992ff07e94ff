/* SPDX-License-Identifier: GPL-2.0-only */
#include "promql/labels.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "promql/label_table.h"

#define FNV_OFFSET 0xcbf29ce484222325ULL
#define FNV_PRIME  0x100000001b3ULL
#define FIRST_SIZE 64

struct interned {
	uint64_t hash;
	char text[];
};

uint64_t label_hash_bytes(uint64_t hash, const char *text, size_t len)
{
	if (!hash)
		hash = FNV_OFFSET;
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)text[i]) * FNV_PRIME;
	/* A byte that no text has, so that "ab","c" is not "a","bc". */
	return (hash ^ 0x1ff) * FNV_PRIME;
}

/* The low bits of FNV are weak; the table takes them. */
static size_t slot_of(uint64_t hash, size_t size)
{
	return (hash ^ hash >> 32) & (size - 1);
}

struct label_table *label_table__new(void)
{
	struct label_table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->strings_size = table->sets_size = FIRST_SIZE;
	table->strings = calloc(FIRST_SIZE, sizeof(table->strings[0]));
	table->sets = calloc(FIRST_SIZE, sizeof(table->sets[0]));
	if (!table->strings || !table->sets) {
		label_table__free(table);
		errno = ENOMEM;
		return NULL;
	}
	return table;
}

void label_table__free(struct label_table *table)
{
	if (!table)
		return;
	label_table__free_projections(table);
	pool_free(&table->pool);
	free(table->strings);
	free(table->sets);
	free(table);
}

uint32_t label_table__count(const struct label_table *table)
{
	return (uint32_t)table->sets_n;
}

size_t label_table__bytes(const struct label_table *table)
{
	return sizeof(*table) + table->pool.held +
	       (table->strings_size + table->sets_size) * sizeof(void *) + table->projections_bytes;
}

static int grow_strings(struct label_table *table)
{
	size_t size = table->strings_size * 2;
	struct interned **strings = calloc(size, sizeof(strings[0]));

	if (!strings)
		return -ENOMEM;
	for (size_t i = 0; i < table->strings_size; i++) {
		struct interned *s = table->strings[i];
		size_t at;

		if (!s)
			continue;
		for (at = slot_of(s->hash, size); strings[at]; at = (at + 1) & (size - 1))
			;
		strings[at] = s;
	}
	free(table->strings);
	table->strings = strings;
	table->strings_size = size;
	return 0;
}

static const char *intern(struct label_table *table, const char *text)
{
	size_t len = strlen(text), at;
	uint64_t hash = label_hash_bytes(0, text, len);
	struct interned *s;

	if (table->strings_n * 2 >= table->strings_size && grow_strings(table))
		return NULL;
	for (at = slot_of(hash, table->strings_size); (s = table->strings[at]);
	     at = (at + 1) & (table->strings_size - 1))
		if (s->hash == hash && !strcmp(s->text, text))
			return s->text;
	s = pool_alloc(&table->pool, sizeof(*s) + len + 1);
	if (!s)
		return NULL;
	s->hash = hash;
	memcpy(s->text, text, len + 1);
	table->strings[at] = s;
	table->strings_n++;
	return s->text;
}

static int grow_sets(struct label_table *table)
{
	size_t size = table->sets_size * 2;
	const struct labels **sets = calloc(size, sizeof(sets[0]));

	if (!sets)
		return -ENOMEM;
	for (size_t i = 0; i < table->sets_size; i++) {
		const struct labels *set = table->sets[i];
		size_t at;

		if (!set)
			continue;
		for (at = slot_of(set->hash, size); sets[at]; at = (at + 1) & (size - 1))
			;
		sets[at] = set;
	}
	free(table->sets);
	table->sets = sets;
	table->sets_size = size;
	return 0;
}

/* Sorted by name, of equal names the last, no empty values; -E2BIG. */
static int normalise(struct label *out, const struct label *label, size_t n)
{
	size_t used = 0, kept = 0;

	for (size_t i = 0; i < n; i++) {
		size_t at = used;
		int order = -1;

		while (at && (order = strcmp(out[at - 1].name, label[i].name)) > 0)
			at--;
		if (at && !order) {
			out[at - 1].value = label[i].value;
			continue;
		}
		if (used == LABELS_MAX)
			return -E2BIG;
		memmove(&out[at + 1], &out[at], (used - at) * sizeof(out[0]));
		out[at] = label[i];
		used++;
	}
	for (size_t i = 0; i < used; i++)
		if (out[i].value && out[i].value[0])
			out[kept++] = out[i];
	return (int)kept;
}

static bool same_set(const struct labels *set, const struct label *label, size_t n)
{
	if (set->n != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (strcmp(set->label[i].name, label[i].name) ||
		    strcmp(set->label[i].value, label[i].value))
			return false;
	return true;
}

static const struct labels *add_set(struct label_table *table, size_t at, uint64_t hash,
				    const struct label *label, size_t n)
{
	struct labels *set;

	if (table->sets_n >= LABEL_SETS_MAX) {
		errno = E2BIG;
		return NULL;
	}
	set = pool_alloc(&table->pool, sizeof(*set) + n * sizeof(set->label[0]));
	if (!set)
		goto no_memory;
	set->hash = hash;
	set->id = (uint32_t)table->sets_n;
	set->n = (uint32_t)n;
	for (size_t i = 0; i < n; i++) {
		set->label[i].name = intern(table, label[i].name);
		set->label[i].value = intern(table, label[i].value);
		if (!set->label[i].name || !set->label[i].value)
			goto no_memory;
	}
	table->sets[at] = set;
	table->sets_n++;
	return set;

no_memory:
	errno = ENOMEM;
	return NULL;
}

const struct labels *labels_make(struct label_table *table, const struct label *label, size_t n)
{
	struct label sorted[LABELS_MAX];
	int count = normalise(sorted, label, n);
	const struct labels *set;
	uint64_t hash = 0;
	size_t at;

	if (count < 0) {
		errno = -count;
		return NULL;
	}
	if (table->sets_n * 2 >= table->sets_size && grow_sets(table)) {
		errno = ENOMEM;
		return NULL;
	}
	for (int i = 0; i < count; i++) {
		hash = label_hash_bytes(hash, sorted[i].name, strlen(sorted[i].name));
		hash = label_hash_bytes(hash, sorted[i].value, strlen(sorted[i].value));
	}
	for (at = slot_of(hash, table->sets_size); (set = table->sets[at]);
	     at = (at + 1) & (table->sets_size - 1))
		if (set->hash == hash && same_set(set, sorted, (size_t)count))
			return set;
	return add_set(table, at, hash, sorted, (size_t)count);
}

const char *labels_get(const struct labels *labels, const char *name)
{
	for (size_t i = 0; i < labels->n; i++) {
		int order = strcmp(labels->label[i].name, name);

		if (!order)
			return labels->label[i].value;
		if (order > 0)
			break;
	}
	return NULL;
}

int labels_compare(const struct labels *a, const struct labels *b)
{
	if (a == b)
		return 0;
	for (size_t i = 0; i < a->n && i < b->n; i++) {
		int order = strcmp(a->label[i].name, b->label[i].name);

		if (!order)
			order = strcmp(a->label[i].value, b->label[i].value);
		if (order)
			return order;
	}
	return (a->n > b->n) - (a->n < b->n);
}
