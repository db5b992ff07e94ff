/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHESHIRE_LEAKS_ALLOCATOR_KIND_H
#define CHESHIRE_LEAKS_ALLOCATOR_KIND_H

#include "leaks/allocator.h"

struct code_object;

/* What the object that has the malloc is, by functions that only that allocator has. */
enum allocator_kind allocator_kind_of(struct code_object *code);

#endif /* CHESHIRE_LEAKS_ALLOCATOR_KIND_H */
