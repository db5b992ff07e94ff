/* SPDX-License-Identifier: GPL-2.0-only */
/* gc_walk.h - the objects that CPython's garbage collector tracks. */
#ifndef CHESHIRE_PYTHON_GC_WALK_H
#define CHESHIRE_PYTHON_GC_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "cheshire/python_offsets.h"

struct python_memory;

#define GC_WALK_HEADS	    4
#define GC_WALK_GENERATIONS 3

/* An object that was come by; a value other than 0 ends the walk and is returned. */
typedef int (*python_object_fn)(void *ctx, uint64_t object, uint64_t type);

struct gc_walk {
	struct python_memory *memory;
	const struct python_offsets *offsets;
	python_object_fn fn;
	void *ctx;
	uint64_t objects_max;
	uint64_t until_ns; /* python_memory__now_ns; 0: without end */
	/* Out. */
	uint64_t objects_n; /* looked at; some twice where a list was gone through again */
	unsigned int lists_n;
	/* Heads of the last interpreter's first lists, in the order of their addresses; 0: none. */
	uint64_t heads[GC_WALK_HEADS];
	const char *partial; /* what was not seen whole, or NULL */
};

/*
 * The heads of the last interpreter's lists, that of the youngest objects first; all 0 where they
 * do not lie as in a known version.
 */
void gc_walk_generations(const struct gc_walk *walk, uint64_t generations[GC_WALK_GENERATIONS]);

/*
 * Walks the lists of an interpreter.  They change meanwhile: a place that does not fit together is
 * looked at anew, then the list is gone through from its other end too; fn may see objects twice.
 * 0, also if partial; -ENOENT: no list was found; else what fn or the reader says.
 */
int gc_walk_interpreter(struct gc_walk *walk, uint64_t interpreter);

#endif
