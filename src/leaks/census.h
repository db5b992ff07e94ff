/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * census.h - which types of Python objects become more.
 *
 * All writable memory is searched for words that look like the head of an object (a count of
 * references, then a pointer to a type), twice; a type's object says its name.  It says what grows,
 * not who lets it.  Objects that are free but still look like one are counted too: they do not
 * become more.
 */
#ifndef CHESHIRE_LEAKS_CENSUS_H
#define CHESHIRE_LEAKS_CENSUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "leaks/mappings.h"
#include "leaks/target_memory.h"

#define CENSUS_TYPES_MAX 4096
#define CENSUS_NAME_MAX	 96

struct census_type {
	uint64_t addr;			  /* of the type's object */
	char name[CENSUS_NAME_MAX];	  /* as the target says: escape it */
	uint64_t before, now;		  /* objects */
	uint64_t before_bytes, now_bytes; /* without what they point to */
	bool bytes_known; /* their sizes add up: no variable part that is not said */
	bool builtin;	  /* of the language: what others are made of */
};

struct census;

/* NULL and errno on failure. */
struct census *census__new(void);
void census__free(struct census *census);

/* A count begins; what was counted before becomes `before`. */
int census__begin(struct census *census, const struct mappings *mappings, uint64_t now_ns);
/* As reachability__step; after the last step the types are looked up. */
int census__step(struct census *census, const struct target_memory *memory, uint64_t budget_bytes);

/*
 * The types, those that grow most in bytes first, then by number; at most `max`.  One of the
 * program's own comes before the dicts and strings that its objects consist of.  Only after two
 * counts; *elapsed_s is the time between them.
 */
size_t census__growing(const struct census *census, struct census_type *types, size_t max,
		       double *elapsed_s);
/* Counts that found no room: what it says is incomplete when it is not 0. */
uint64_t census__lost(const struct census *census);
uint64_t census__read_bytes(const struct census *census);

#endif /* CHESHIRE_LEAKS_CENSUS_H */
