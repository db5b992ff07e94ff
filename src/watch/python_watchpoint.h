/* SPDX-License-Identifier: GPL-2.0-only */
/* python_watchpoint.h - one Python function and the watchpoint on its code object. */
#ifndef CHESHIRE_WATCH_PYTHON_WATCHPOINT_H
#define CHESHIRE_WATCH_PYTHON_WATCHPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cheshire/wire_watch.h"
#include "python/frame_stack.h"

struct keeper;
struct loader;
struct python_function;
struct python_target;

/* What does not change while the interpreter runs. */
struct python_watchpoint_layout {
	const struct python_target *target; /* borrowed */
	struct python_frame_stack stack;
	/* Of struct keeper_watched, when a watchpoint was set last. */
	uint32_t copy_percent;
};

/* 0, or a negative errno and why. */
int python_watchpoint_layout(const struct python_target *target,
			     struct python_watchpoint_layout *out, char *why, size_t size);

/* Calls of the function can be told by it; else why not. */
bool python_watchpoint_suits(const struct python_function *function, char *why, size_t size);

/*
 * Sets the watchpoint of the slot: hits are counted, and nothing else until `armed` is set.  0, or
 * a negative errno and why.
 */
int python_watchpoint_set(struct python_watchpoint_layout *layout, struct loader *loader,
			  struct keeper *keeper, uint32_t slot, uint32_t stage,
			  const struct python_function *function, char *why, size_t size);
void python_watchpoint_clear(struct loader *loader, struct keeper *keeper, uint32_t slot);

/* The address of the qualified name (to 3.10: name) of what is at a code object's place; 0: none.
 */
uint64_t python_watchpoint_name(const struct python_target *target, uint64_t code);

#endif
