/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * labels.h - sets of labels, interned: two equal sets are one pointer, so that matching vectors
 * compares pointers and hashes, never strings.
 */
#ifndef CHESHIRE_PROMQL_LABELS_H
#define CHESHIRE_PROMQL_LABELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct label {
	const char *name;
	const char *value; /* never "": such a label does not exist */
};

/* Immutable; owned by its table. */
struct labels {
	uint64_t hash;
	size_t n;
	struct label label[]; /* sorted by name, __name__ included where there is one */
};

struct label_table;

struct label_table *label_table__new(void);
void label_table__free(struct label_table *table);

/* The set of these labels, in any order; empty values are left out, of equal names the last wins.
   NULL and errno: -ENOMEM, or -E2BIG beyond 64 labels. */
const struct labels *labels_make(struct label_table *table, const struct label *label, size_t n);
/* Value of a label or NULL. */
const char *labels_get(const struct labels *labels, const char *name);
/* The set without the metric's name; with only / without the named labels. */
const struct labels *labels_drop_name(struct label_table *table, const struct labels *labels);
const struct labels *labels_keep(struct label_table *table, const struct labels *labels,
				 const char *const *names, size_t n);
const struct labels *labels_drop(struct label_table *table, const struct labels *labels,
				 const char *const *names, size_t n);
/* Order as Prometheus compares label sets: <0, 0, >0. */
int labels_compare(const struct labels *a, const struct labels *b);
/* name{a="b"}, as Prometheus prints it, values escaped. */
void labels_print(const struct labels *labels, FILE *out);

#endif /* CHESHIRE_PROMQL_LABELS_H */
