/* SPDX-License-Identifier: GPL-2.0-only */
/* Smaller sets of labels, and the memory of them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "promql/label_table.h"

#define FIRST_SIZE 16

struct made {
	const struct labels *from, *to;
};

struct projection {
	struct projection *next;
	struct label_table *table;
	uint64_t hash;
	enum projection_mode mode;
	struct made *made; /* open addressing, a power of two */
	size_t made_n, made_size;
	size_t n;
	const char *name[]; /* in the given order; copies follow */
};

void label_table__free_projections(struct label_table *table)
{
	struct projection *next;

	for (struct projection *p = table->projections; p; p = next) {
		next = p->next;
		free(p->made);
		free(p);
	}
}

static bool same(const struct projection *p, uint64_t hash, enum projection_mode mode,
		 const char *const *names, size_t n)
{
	if (p->hash != hash || p->mode != mode || p->n != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (strcmp(p->name[i], names[i]))
			return false;
	return true;
}

static struct projection *make(struct label_table *table, const char *const *names, size_t n)
{
	size_t bytes = sizeof(struct projection) + n * sizeof(names[0]);
	size_t text = 0;
	struct projection *p;
	char *copy;

	for (size_t i = 0; i < n; i++)
		text += strlen(names[i]) + 1;
	p = calloc(1, bytes + text);
	if (p)
		p->made = calloc(FIRST_SIZE, sizeof(p->made[0]));
	if (!p || !p->made) {
		free(p);
		errno = ENOMEM;
		return NULL;
	}
	copy = (char *)p + bytes;
	for (size_t i = 0; i < n; i++) {
		p->name[i] = copy;
		copy = stpcpy(copy, names[i]) + 1;
	}
	p->n = n;
	p->made_size = FIRST_SIZE;
	p->table = table;
	p->next = table->projections;
	table->projections = p;
	table->projections_bytes += bytes + text + FIRST_SIZE * sizeof(p->made[0]);
	return p;
}

struct projection *label_table__projection(struct label_table *table, enum projection_mode mode,
					   const char *const *names, size_t n)
{
	struct projection *p;
	uint64_t hash = 0;

	for (size_t i = 0; i < n; i++)
		hash = label_hash_bytes(hash, names[i], strlen(names[i]));
	for (p = table->projections; p; p = p->next)
		if (same(p, hash, mode, names, n))
			return p;
	p = make(table, names, n);
	if (p) {
		p->hash = hash;
		p->mode = mode;
	}
	return p;
}

static bool names_it(const struct projection *p, const char *name)
{
	for (size_t i = 0; i < p->n; i++)
		if (!strcmp(p->name[i], name))
			return true;
	return false;
}

static int grow(struct projection *p)
{
	size_t size = p->made_size * 2;
	struct made *made = calloc(size, sizeof(made[0]));

	if (!made)
		return -ENOMEM;
	for (size_t i = 0; i < p->made_size; i++) {
		size_t at;

		if (!p->made[i].from)
			continue;
		for (at = p->made[i].from->id & (size - 1); made[at].from;
		     at = (at + 1) & (size - 1))
			;
		made[at] = p->made[i];
	}
	free(p->made);
	p->made = made;
	p->table->projections_bytes += p->made_size * sizeof(made[0]);
	p->made_size = size;
	return 0;
}

static const struct labels *make_smaller(struct projection *p, const struct labels *labels)
{
	struct label kept[LABELS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < labels->n; i++)
		if (names_it(p, labels->label[i].name) == (p->mode == PROJECTION_KEEP))
			kept[n++] = labels->label[i];
	return n == labels->n ? labels : labels_make(p->table, kept, n);
}

const struct labels *projection__of(struct projection *p, const struct labels *labels)
{
	const struct labels *to;
	size_t at;

	for (at = labels->id & (p->made_size - 1); p->made[at].from;
	     at = (at + 1) & (p->made_size - 1))
		if (p->made[at].from == labels)
			return p->made[at].to;
	to = make_smaller(p, labels);
	if (!to)
		return NULL;
	p->made[at] = (struct made){labels, to};
	/* At most half full, so that looking finds an end; without memory it is not remembered. */
	if (++p->made_n * 2 > p->made_size && grow(p)) {
		p->made[at] = (struct made){0};
		p->made_n--;
	}
	return to;
}

const struct labels *labels_drop_name(struct label_table *table, const struct labels *labels)
{
	static const char *const name = LABELS_NAME;

	if (!table->nameless)
		table->nameless = label_table__projection(table, PROJECTION_DROP, &name, 1);
	return table->nameless ? projection__of(table->nameless, labels) : NULL;
}

const struct labels *labels_keep(struct label_table *table, const struct labels *labels,
				 const char *const *names, size_t n)
{
	struct projection *p = label_table__projection(table, PROJECTION_KEEP, names, n);

	return p ? projection__of(p, labels) : NULL;
}

const struct labels *labels_drop(struct label_table *table, const struct labels *labels,
				 const char *const *names, size_t n)
{
	struct projection *p = label_table__projection(table, PROJECTION_DROP, names, n);

	return p ? projection__of(p, labels) : NULL;
}
