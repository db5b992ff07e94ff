/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * arena.h - memory with one owner: everything taken from an arena is freed with it.
 *
 * A parsed configuration or expression is a tree of many small strings and arrays that live and die
 * together.
 */
#ifndef CHESHIRE_MEMORY_ARENA_H
#define CHESHIRE_MEMORY_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct arena;

/* NULL when there is no memory. */
struct arena *arena__new(void);
void arena__free(struct arena *arena);
/* Zeroed memory, or NULL; a failure is remembered, see arena__failed(). */
void *arena__alloc(struct arena *arena, size_t bytes);
/* A NUL-terminated copy of the first `len` bytes of text. */
char *arena__strndup(struct arena *arena, const char *text, size_t len);
char *arena__strdup(struct arena *arena, const char *text);
/*
 * A copy of `array` (n items of `item_bytes`) with one zeroed item at the end, or NULL.  Growing
 * is by powers of two; the old copy stays valid until the arena is freed.
 */
void *arena__append(struct arena *arena, void *array, size_t n, size_t item_bytes);
/* True once any allocation failed: what was built is incomplete. */
bool arena__failed(const struct arena *arena);

#endif /* CHESHIRE_MEMORY_ARENA_H */
