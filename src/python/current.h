/* SPDX-License-Identifier: GPL-2.0-only */
/* current.h - how a thread finds its own state, and where it waits for the GIL. */
#ifndef CHESHIRE_PYTHON_CURRENT_H
#define CHESHIRE_PYTHON_CURRENT_H

#include "cheshire/python_offsets.h"

struct python_layout;
struct python_memory;

/*
 * Sets offsets->current and what belongs to it, by looking for the threads' states in their own
 * memory.  Stays PYTHON_CURRENT_UNKNOWN where they are not found.
 */
void python_current_find(struct python_memory *memory, struct python_offsets *offsets);

/* Sets offsets->gil, gil_wait and gil_wait_bytes; they stay 0 where nothing fits. */
void python_gil_find(struct python_memory *memory, const struct python_layout *layout,
		     struct python_offsets *offsets);

#endif
