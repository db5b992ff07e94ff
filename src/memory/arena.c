/* SPDX-License-Identifier: GPL-2.0-only */
#include "memory/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct block {
	struct block *next;
	max_align_t data[];
};

struct arena {
	struct block *blocks;
	bool failed;
};

struct arena *arena__new(void)
{
	return calloc(1, sizeof(struct arena));
}

void arena__free(struct arena *arena)
{
	struct block *next;

	if (!arena)
		return;
	for (struct block *b = arena->blocks; b; b = next) {
		next = b->next;
		free(b);
	}
	free(arena);
}

void *arena__alloc(struct arena *arena, size_t bytes)
{
	struct block *b = NULL;

	if (bytes < SIZE_MAX / 2)
		b = calloc(1, sizeof(*b) + bytes);
	if (!b) {
		arena->failed = true;
		return NULL;
	}
	b->next = arena->blocks;
	arena->blocks = b;
	return b->data;
}

char *arena__strndup(struct arena *arena, const char *text, size_t len)
{
	char *copy = arena__alloc(arena, len + 1);

	if (copy)
		memcpy(copy, text, len);
	return copy;
}

char *arena__strdup(struct arena *arena, const char *text)
{
	return text ? arena__strndup(arena, text, strlen(text)) : NULL;
}

void *arena__append(struct arena *arena, void *array, size_t n, size_t item_bytes)
{
	char *bigger;

	/* Capacity is the next power of two, so only n = 0, 1, 2, 4, 8 ... need a new copy. */
	if (n && (n & (n - 1))) {
		memset((char *)array + n * item_bytes, 0, item_bytes);
		return array;
	}
	bigger = arena__alloc(arena, (n ? 2 * n : 1) * item_bytes);
	if (bigger && n)
		memcpy(bigger, array, n * item_bytes);
	return bigger;
}

bool arena__failed(const struct arena *arena)
{
	return arena->failed;
}
