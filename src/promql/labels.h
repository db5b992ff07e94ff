/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * labels.h - sets of labels, interned: two equal sets are one pointer, so that matching vectors
 * compares pointers, never strings.
 */
#ifndef CHESHIRE_PROMQL_LABELS_H
#define CHESHIRE_PROMQL_LABELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define LABELS_MAX     64     /* of one set */
#define LABEL_SETS_MAX 200000 /* of one table */
#define LABELS_NAME    "__name__"

struct label {
	const char *name;
	const char *value; /* never "": such a label does not exist */
};

/* Immutable; owned by its table. */
struct labels {
	uint64_t hash;
	uint32_t id; /* from 0 in the order of making: an index for arrays */
	uint32_t n;
	struct label label[]; /* sorted by name, __name__ included where there is one */
};

struct label_table;

/* NULL and errno.  A table only grows, to LABEL_SETS_MAX at most. */
struct label_table *label_table__new(void);
void label_table__free(struct label_table *table);
uint32_t label_table__count(const struct label_table *table);
size_t label_table__bytes(const struct label_table *table);

/* The set of these labels, in any order; empty values are left out, of equal names the last wins.
   NULL and errno: ENOMEM, or E2BIG beyond a bound. */
const struct labels *labels_make(struct label_table *table, const struct label *label, size_t n);
/* Value of a label or NULL. */
const char *labels_get(const struct labels *labels, const char *name);

/* The set without the metric's name; with only / without the named labels.  NULL and errno. */
const struct labels *labels_drop_name(struct label_table *table, const struct labels *labels);
const struct labels *labels_keep(struct label_table *table, const struct labels *labels,
				 const char *const *names, size_t n);
const struct labels *labels_drop(struct label_table *table, const struct labels *labels,
				 const char *const *names, size_t n);

/*
 * The same for many sets: what a projection makes of a set is remembered.  Equal projections of a
 * table are one; it is the table's.  NULL and errno.
 */
enum projection_mode {
	PROJECTION_KEEP = 1, /* only the named labels */
	PROJECTION_DROP = 2, /* all but the named labels */
};
struct projection;
struct projection *label_table__projection(struct label_table *table, enum projection_mode mode,
					   const char *const *names, size_t n);
const struct labels *projection__of(struct projection *projection, const struct labels *labels);

/* Order as Prometheus compares label sets: <0, 0, >0. */
int labels_compare(const struct labels *a, const struct labels *b);
/* name{a="b", c="d"}, as in an expression, values escaped. */
void labels_print(const struct labels *labels, FILE *out);
/* {__name__="name", a="b"}, as in Prometheus's messages; cut to size.  Returns text. */
const char *labels_text(const struct labels *labels, char *text, size_t size);

#endif /* CHESHIRE_PROMQL_LABELS_H */
