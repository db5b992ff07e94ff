/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/leak_stacks.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "leaks/ledger.h"
#include "stacks/own_frame.h"
#include "stacks/stack_modules.h"
#include "stacks/unwinder.h"
#include "target/maps.h"
#include "watch/leak_report.h"

#define SITES_MAX 8192
#define SLOTS	  (2 * SITES_MAX) /* a power of two */

/* Of those that are shown, and some that were. */
#define NAMED_MAX (2 * LEAK_REPORT_SITES)
/* Without a new name for as long, what the names came from is let go of. */
#define LET_GO_NS 5000000000ULL

struct named_stack {
	uint64_t site; /* 0: none */
	uint64_t used_ns;
	size_t frames_n, own;
	struct frame_name frames[LEAK_REPORT_FRAMES];
};

struct leak_stacks {
	struct stack_modules *modules;
	struct named_stack *named; /* NAMED_MAX */
	uint64_t named_ns; /* when the last new one was named; 0: nothing is to be let go of */
	struct leak_stack *stacks; /* SITES_MAX */
	size_t n;
	uint32_t slots[SLOTS]; /* index + 1, by hash, linear probing */
	uint64_t lost;
};

struct leak_stacks *leak_stacks__new(const struct debug_files *fetched)
{
	struct leak_stacks *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->modules = stack_modules__new(fetched);
	/* Pages are taken as sites come. */
	s->stacks = s->modules ? calloc(SITES_MAX, sizeof(*s->stacks)) : NULL;
	s->named = s->stacks ? calloc(NAMED_MAX, sizeof(*s->named)) : NULL;
	if (s->named)
		return s;
	leak_stacks__free(s);
	errno = ENOMEM;
	return NULL;
}

void leak_stacks__free(struct leak_stacks *s)
{
	if (!s)
		return;
	stack_modules__free(s->modules);
	free(s->stacks);
	free(s->named);
	free(s);
}

int leak_stacks__refresh(struct leak_stacks *s, struct object_table *objects,
			 const struct process *proc)
{
	return stack_modules__refresh(s->modules, objects, proc);
}

static uint32_t *slot_of(const struct leak_stacks *s, uint64_t site)
{
	size_t at = site & (SLOTS - 1);

	while (s->slots[at] && s->stacks[s->slots[at] - 1].site != site)
		at = (at + 1) & (SLOTS - 1);
	return (uint32_t *)&s->slots[at];
}

static uint64_t hash_of(const struct leak_stack *stack)
{
	struct leak_frame frames[LEAK_STACK_SAME];
	size_t n = stack->n < LEAK_STACK_SAME ? stack->n : LEAK_STACK_SAME;

	for (size_t i = 0; i < n; i++)
		frames[i] = (struct leak_frame){stack->frames[i].object, stack->frames[i].offset};
	return leak_site_hash(frames, n);
}

uint64_t leak_stacks__add(struct leak_stacks *s, const struct object_table *objects,
			  const struct wire_alloc *record)
{
	struct leak_stack stack = {.function = (enum wire_alloc_function)record->head.function};
	uint64_t addrs[LEAK_STACK_FRAMES];
	uint32_t *slot;

	stack.n = unwind_allocation(s->modules, record, addrs, LEAK_STACK_FRAMES);
	if (!stack.n)
		return 0;
	for (size_t i = 0; i < stack.n; i++) {
		struct leak_stack_frame *f = &stack.frames[i];
		const struct object *obj = object_table_lookup(objects, addrs[i], &f->offset);

		f->addr = addrs[i];
		f->object = obj ? obj->index : OBJECT_NONE;
		if (!obj)
			f->offset = addrs[i];
	}
	stack.site = hash_of(&stack);
	slot = slot_of(s, stack.site);
	if (*slot)
		return stack.site;
	if (s->n == SITES_MAX) {
		s->lost++;
		return 0;
	}
	s->stacks[s->n++] = stack;
	*slot = (uint32_t)s->n;
	return stack.site;
}

const struct leak_stack *leak_stacks__find(const struct leak_stacks *s, uint64_t site)
{
	uint32_t at = *slot_of(s, site);

	return at ? &s->stacks[at - 1] : NULL;
}

uint64_t leak_stacks__lost(const struct leak_stacks *s)
{
	return s->lost;
}

const struct stack_modules *leak_stacks__modules(const struct leak_stacks *s)
{
	return s->modules;
}

static bool is_library(const struct object *obj)
{
	static const char *const globs[] = {
		"libc.so*",  "libc-2*",	 "libstdc++.so*", "libc++.so*",	  "libc++abi*",
		"ld-linux*", "ld-musl*", "libjemalloc*",  "libtcmalloc*", "libmimalloc*"};

	for (size_t i = 0; i < sizeof(globs) / sizeof(globs[0]); i++)
		if (!fnmatch(globs[i], obj->basename, 0))
			return true;
	return false;
}

size_t leak_stack_own_frame(const struct leak_stack *stack, const struct object_table *objects)
{
	for (size_t i = 0; i < stack->n; i++)
		if (stack->frames[i].object < objects->n_objects &&
		    !is_library(objects->objects[stack->frames[i].object]))
			return i;
	return 0;
}

/* That of the site, or else the one that was not asked for for the longest time. */
static struct named_stack *entry_of(struct leak_stacks *s, uint64_t site)
{
	struct named_stack *oldest = &s->named[0];

	for (size_t i = 0; i < NAMED_MAX; i++) {
		if (s->named[i].site == site)
			return &s->named[i];
		if (s->named[i].used_ns < oldest->used_ns)
			oldest = &s->named[i];
	}
	return oldest;
}

static void name_frames(struct leak_stacks *s, const struct leak_stack *stack,
			struct named_stack *out)
{
	/* What could not be asked for is asked for again. */
	*out = (struct named_stack){.site = stack_modules__dwfl(s->modules) ? stack->site : 0};
	for (size_t i = 0; i < stack->n && out->frames_n < LEAK_REPORT_FRAMES; i++)
		out->frames_n += frame_names(s->modules, stack->frames[i].addr, true,
					     &out->frames[out->frames_n],
					     LEAK_REPORT_FRAMES - out->frames_n);
	out->own = own_frame(out->frames, out->frames_n);
}

void leak_stacks__name(struct leak_stacks *s, const struct leak_stack *stack, uint64_t now_ns,
		       struct leak_report_site *out)
{
	static const char *const functions[] = WIRE_ALLOC_FUNCTION_NAMES;
	struct named_stack *named = entry_of(s, stack->site);

	if (!named->site || named->site != stack->site) {
		name_frames(s, stack, named);
		s->named_ns = now_ns;
	}
	named->used_ns = now_ns;
	out->function = stack->function < WIRE_ALLOC_FUNCTIONS ? functions[stack->function] : "?";
	out->frames_n = named->frames_n;
	out->own = named->own;
	memcpy(out->frames, named->frames, named->frames_n * sizeof(*named->frames));
}

bool leak_stacks__let_go(struct leak_stacks *s, uint64_t now_ns)
{
	if (!s->named_ns || now_ns - s->named_ns < LET_GO_NS)
		return false;
	s->named_ns = 0;
	stack_modules__let_go(s->modules);
	return true;
}
