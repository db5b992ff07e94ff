/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * alloc_plan.h - where an allocator's functions are probed: at their entries, and where they return
 * the block.  By plain probes as everywhere (plan.h), never by uretprobes.
 *
 * A function that ends by a jump to another one of the plan needs no exits of its own there: the
 * call goes on as one of that function.
 */
#ifndef CHESHIRE_TARGET_ALLOC_PLAN_H
#define CHESHIRE_TARGET_ALLOC_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cheshire/wire_alloc.h"
#include "target/plan.h"

struct object_table;
struct process;

#define ALLOC_PLAN_FUNCTIONS_MAX 40
#define ALLOC_FUNCTION_BIT(f)	 (1U << (f))

/* Those that give blocks of a heap, and those that give mappings. */
#define ALLOC_MAPPINGS (ALLOC_FUNCTION_BIT(WIRE_ALLOC_MMAP) | ALLOC_FUNCTION_BIT(WIRE_ALLOC_MREMAP))
#define ALLOC_BLOCKS   (~ALLOC_MAPPINGS & (ALLOC_FUNCTION_BIT(WIRE_ALLOC_OTHER) - 1))

/* By the symbol's name; WIRE_ALLOC_OTHER: it is none of an allocator's. */
enum wire_alloc_function alloc_function_named(const char *symbol);

struct alloc_function {
	const char *name; /* ours */
	enum wire_alloc_function function;
	uint32_t object;
	uint64_t offset;
	bool planned;		      /* it has places */
	bool stepped;		      /* its entry is single-stepped: ten times as dear */
	char reason[PLAN_REASON_MAX]; /* why not, or of which calls the end is not seen; "" */
};

/* A probe. */
struct alloc_place {
	struct plan_site site;
	uint64_t cookie;    /* wire_alloc_cookie */
	uint32_t functions; /* bits of those that it is for */
};

/* Zero it before the first use. */
struct alloc_plan {
	struct alloc_function functions[ALLOC_PLAN_FUNCTIONS_MAX];
	size_t functions_n;
	struct alloc_place *places; /* owned */
	size_t places_n;
};

/*
 * Adds the functions of an allocator that the object defines, of the kinds whose bit is set in
 * `functions`.  `avoid`: as plan_opts.  Slow (about a millisecond a function): for a worker.  0
 * also where none was found (functions_n), else a negative errno.
 */
int alloc_plan_add(struct alloc_plan *plan, const struct process *proc, struct object_table *table,
		   uint32_t object, uint32_t functions, uint32_t avoid);
void alloc_plan_free(struct alloc_plan *plan);

/* A call in the target's code whose blocks are counted (struct wire_alloc_site). */
struct alloc_site_plan {
	struct alloc_place call;	   /* the call instruction */
	enum wire_alloc_function function; /* what it calls */
	struct alloc_place
		behind; /* the one behind it; site.len 0: not probed, `reason` says why */
	char reason[PLAN_REASON_MAX];
};

/*
 * The call that returns to `offset` of the object.  `function`: what is called there, so that the
 * size is known, or WIRE_ALLOC_OTHER; it holds where the call itself does not tell, by the name of
 * its target or of the slot that it goes through.  `number` below WIRE_ALLOC_SITES_MAX.
 * -EOPNOTSUPP: refused, plan->reason says why; other errors are failures to read.
 */
int alloc_site_plan_make(struct alloc_site_plan *plan, const struct process *proc,
			 struct object_table *table, uint32_t object, uint64_t offset,
			 enum wire_alloc_function function, uint32_t number, uint32_t avoid);

#endif
