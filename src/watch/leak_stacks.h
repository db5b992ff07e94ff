/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * leak_stacks.h - the stacks of allocation sites: kept once a site, named when they are shown.
 *
 * For the worker, like all of a search for leaks.
 */
#ifndef CHESHIRE_WATCH_LEAK_STACKS_H
#define CHESHIRE_WATCH_LEAK_STACKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cheshire/wire_alloc.h"

struct debug_files;
struct leak_report_site;
struct leak_stacks;
struct process;
struct stack_modules;
struct object_table;

#define LEAK_STACK_FRAMES 16 /* that are kept */
#define LEAK_STACK_SAME	  8  /* sites are alike when these are */

/* One return address. */
struct leak_stack_frame {
	uint64_t addr;
	uint32_t object; /* OBJECT_NONE: in none that is known */
	uint64_t offset; /* in the object's file */
};

struct leak_stack {
	uint64_t site;
	enum wire_alloc_function function;
	size_t n;
	struct leak_stack_frame frames[LEAK_STACK_FRAMES];
};

/* `fetched` as in stack_modules.h.  NULL and errno on failure. */
struct leak_stacks *leak_stacks__new(const struct debug_files *fetched);
void leak_stacks__free(struct leak_stacks *stacks);

/* Before the addresses of a round: objects come and go.  0 or a negative errno. */
int leak_stacks__refresh(struct leak_stacks *stacks, struct object_table *objects,
			 const struct process *proc);
/* The site of the record; 0: no frame of it could be found, or there is no more room. */
uint64_t leak_stacks__add(struct leak_stacks *stacks, const struct object_table *objects,
			  const struct wire_alloc *record);
/* NULL: no such site. */
const struct leak_stack *leak_stacks__find(const struct leak_stacks *stacks, uint64_t site);
/* Allocations whose stack could not be kept, for there were too many sites. */
uint64_t leak_stacks__lost(const struct leak_stacks *stacks);

/* For what else is asked about addresses: borrowed, until the next refresh. */
const struct stack_modules *leak_stacks__modules(const struct leak_stacks *stacks);

/* Names of all frames, and which of them is to blame.  They are kept: only the first time is slow.
 */
void leak_stacks__name(struct leak_stacks *stacks, const struct leak_stack *stack, uint64_t now_ns,
		       struct leak_report_site *out);
/*
 * Debug information that nothing was named with for some seconds is freed: true, and then nothing
 * can be done with stacks but what is known until the next refresh.
 */
bool leak_stacks__let_go(struct leak_stacks *stacks, uint64_t now_ns);
/*
 * The frame whose call is the program's own: the first outside of the C and C++ libraries; their
 * functions allocate for whoever calls them.
 */
size_t leak_stack_own_frame(const struct leak_stack *stack, const struct object_table *objects);

#endif /* CHESHIRE_WATCH_LEAK_STACKS_H */
