/* SPDX-License-Identifier: GPL-2.0-only */
/* reorder.c - a binary heap; records of the same time leave in the order they came. */
#include "metrics/reorder.h"

#include <stdlib.h>

struct entry {
	uint64_t seq;
	struct wire_span span;
};

struct reorder {
	uint64_t seq;
	size_t n, room;
	struct entry *heap;
};

struct reorder *reorder__new(void)
{
	return calloc(1, sizeof(struct reorder));
}

void reorder__free(struct reorder *r)
{
	if (!r)
		return;
	free(r->heap);
	free(r);
}

/* When it happened: a span when it ended, a stream when it opened, gave output, was ended. */
static bool before(const struct entry *a, const struct entry *b)
{
	if (a->span.end_ns != b->span.end_ns)
		return a->span.end_ns < b->span.end_ns;
	return a->seq < b->seq;
}

static void swap(struct entry *a, struct entry *b)
{
	struct entry tmp = *a;

	*a = *b;
	*b = tmp;
}

static bool grow(struct reorder *r)
{
	size_t room = r->room ? r->room * 2 : 32;
	struct entry *heap;

	if (room > REORDER_MAX)
		return false;
	heap = realloc(r->heap, room * sizeof(*heap));
	if (!heap)
		return false;
	r->heap = heap;
	r->room = room;
	return true;
}

bool reorder__push(struct reorder *r, const struct wire_span *span)
{
	size_t at = r->n;

	if (r->n == r->room && !grow(r))
		return false;
	r->heap[at].seq = r->seq++;
	r->heap[at].span = *span;
	r->n++;
	while (at && before(&r->heap[at], &r->heap[(at - 1) / 2])) {
		swap(&r->heap[at], &r->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	return true;
}

bool reorder__pop(struct reorder *r, uint64_t time_ns, struct wire_span *out)
{
	size_t at = 0;

	if (!r->n || r->heap[0].span.end_ns > time_ns)
		return false;
	*out = r->heap[0].span;
	r->heap[0] = r->heap[--r->n];
	for (;;) {
		size_t child = 2 * at + 1;

		if (child + 1 < r->n && before(&r->heap[child + 1], &r->heap[child]))
			child++;
		if (child >= r->n || !before(&r->heap[child], &r->heap[at]))
			return true;
		swap(&r->heap[child], &r->heap[at]);
		at = child;
	}
}
