/* SPDX-License-Identifier: GPL-2.0-only */
/* census_types.h - what an object that may be a Python type says of itself. */
#ifndef CHESHIRE_LEAKS_CENSUS_TYPES_H
#define CHESHIRE_LEAKS_CENSUS_TYPES_H

#include "leaks/census.h"

struct census_kind {
	uint64_t addr;
	char name[CENSUS_NAME_MAX]; /* printable ASCII */
	uint64_t basic_bytes, item_bytes;
	bool bytes_known, builtin;
	uint64_t before, now, before_items, now_items;
};

/*
 * Fills in those that are types, and moves them to the front; *n becomes their number.  A type's
 * own type is `type`, or derived from it: one whose type, or that one's, is itself.
 */
int census_look_up(const struct target_memory *memory, struct census_kind *kinds, size_t *n);

#endif /* CHESHIRE_LEAKS_CENSUS_TYPES_H */
