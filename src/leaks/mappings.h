/* SPDX-License-Identifier: GPL-2.0-only */
/* mappings.h - the readable memory of a process by what it is for, from the text of its maps. */
#ifndef CHESHIRE_LEAKS_MAPPINGS_H
#define CHESHIRE_LEAKS_MAPPINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mapping_kind {
	MAPPING_HEAP = 0,  /* [heap] */
	MAPPING_STACK = 1, /* [stack]; stacks of other threads cannot be told from MAPPING_ANON */
	MAPPING_DATA = 2,  /* private and writable, of a file, and the zeroed pages behind it */
	MAPPING_ANON = 3,
	MAPPING_SHARED = 4, /* shared memory, of a file or not */
	MAPPING_CODE = 5,   /* of a file, not writable */
	MAPPING_KINDS = 6,
};

struct mapping {
	uint64_t start, end;
	uint64_t inode; /* of MAPPING_DATA, MAPPING_CODE; 0: none */
	uint32_t dev_major, dev_minor;
	enum mapping_kind kind;
	bool writable;
};

/* Ascending, not overlapping. */
struct mappings {
	struct mapping *all; /* owned */
	size_t n;
	bool partial; /* lines that were not understood, or too many of them */
};

/*
 * Devices, [vvar] and the like are left out: to read them may have effects.  The text is written
 * to.  0 or -ENOMEM.
 */
int mappings_parse(struct mappings *mappings, char *text);
void mappings_free(struct mappings *mappings);

/* NULL: not mapped. */
const struct mapping *mappings_at(const struct mappings *mappings, uint64_t addr);
/* Is all of it in one mapping that can be written? */
bool mappings_writable(const struct mappings *mappings, uint64_t addr, uint64_t bytes);
/* Of all that is writable. */
uint64_t mappings_writable_bytes(const struct mappings *mappings);
const char *mapping_kind_name(enum mapping_kind kind);

#endif /* CHESHIRE_LEAKS_MAPPINGS_H */
