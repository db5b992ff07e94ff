/* SPDX-License-Identifier: GPL-2.0-only */
/* label_table.h - what a table of label sets is made of; for labels.c and projection.c only. */
#ifndef CHESHIRE_PROMQL_LABEL_TABLE_H
#define CHESHIRE_PROMQL_LABEL_TABLE_H

#include "promql/labels.h"
#include "promql/pool.h"

struct interned; /* one string */

struct label_table {
	struct pool pool; /* sets and strings */

	struct interned **strings; /* open addressing, a power of two */
	size_t strings_n, strings_size;

	const struct labels **sets;
	size_t sets_n, sets_size;

	struct projection *projections; /* a list */
	struct projection *nameless;	/* drops __name__ */
	size_t projections_bytes;
};

uint64_t label_hash_bytes(uint64_t hash, const char *text, size_t len);
void label_table__free_projections(struct label_table *table);

#endif /* CHESHIRE_PROMQL_LABEL_TABLE_H */
