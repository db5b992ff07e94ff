/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * own_frame.h - which frame of a stack is shown as the place that allocates.
 *
 * Not the innermost one: strdup, operator new, std::vector or xmalloc allocate for whoever calls
 * them, and are the same in every stack.  It is a choice for people; the whole stack is shown too.
 */
#ifndef CHESHIRE_STACKS_OWN_FRAME_H
#define CHESHIRE_STACKS_OWN_FRAME_H

#include <stdbool.h>
#include <stddef.h>

#include "stacks/frame_names.h"

/* Index of the first frame that allocates on its own account; 0 where none does. */
size_t own_frame(const struct frame_name *frames, size_t n);

/* Does it allocate for its caller?  `object` is the base name of the file, both may be "". */
bool allocates_for_caller(const char *function, const char *object);

#endif /* CHESHIRE_STACKS_OWN_FRAME_H */
