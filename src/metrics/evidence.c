/* SPDX-License-Identifier: GPL-2.0-only */
#include "metrics/evidence.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_S 1000000000ULL
#define SLOTS	 30

struct slot {
	uint64_t index;
	size_t n;
	struct evidence_item *items; /* EVIDENCE_KEPT, slowest first; NULL while empty */
};

struct evidence {
	uint64_t slot_ns;
	uint64_t covering; /* so many slots cover the window; at most SLOTS */
	uint64_t now_index;
	struct slot slots[SLOTS + 1];
};

struct evidence *evidence__new(uint64_t window_ns)
{
	struct evidence *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	/* Rounded up: the slots must cover the window. */
	e->slot_ns = (window_ns + SLOTS - 1) / SLOTS;
	if (e->slot_ns < NS_PER_S)
		e->slot_ns = NS_PER_S;
	e->covering = (window_ns + e->slot_ns - 1) / e->slot_ns;
	return e;
}

void evidence__free(struct evidence *e)
{
	if (!e)
		return;
	for (size_t i = 0; i <= SLOTS; i++)
		free(e->slots[i].items);
	free(e);
}

static void advance(struct evidence *e, uint64_t now_ns)
{
	uint64_t index = now_ns / e->slot_ns;

	if (index <= e->now_index)
		return;
	e->now_index = index;
	for (size_t i = 0; i <= SLOTS; i++) {
		struct slot *slot = &e->slots[i];

		if (!slot->items || slot->index + e->covering >= index)
			continue;
		free(slot->items);
		memset(slot, 0, sizeof(*slot));
	}
}

/* Into a list of at most EVIDENCE_KEPT, slowest first. */
static void insert(struct evidence_item *items, size_t *n, const struct evidence_item *item)
{
	size_t at = *n;

	while (at && items[at - 1].wall_ns < item->wall_ns)
		at--;
	if (at == EVIDENCE_KEPT)
		return;
	if (*n < EVIDENCE_KEPT)
		(*n)++;
	memmove(&items[at + 1], &items[at], (*n - at - 1) * sizeof(items[0]));
	items[at] = *item;
}

int evidence__add(struct evidence *e, const struct evidence_item *item, uint64_t now_ns)
{
	struct slot *slot;

	advance(e, now_ns);
	slot = &e->slots[e->now_index % (SLOTS + 1)];
	if (!slot->items) {
		slot->items = calloc(EVIDENCE_KEPT, sizeof(slot->items[0]));
		if (!slot->items)
			return -ENOMEM;
		slot->n = 0;
	}
	slot->index = e->now_index;
	insert(slot->items, &slot->n, item);
	return 0;
}

size_t evidence__slowest(struct evidence *e, uint64_t now_ns,
			 struct evidence_item out[EVIDENCE_KEPT])
{
	size_t n = 0;

	advance(e, now_ns);
	for (size_t i = 0; i <= SLOTS; i++)
		for (size_t j = 0; j < e->slots[i].n; j++)
			insert(out, &n, &e->slots[i].items[j]);
	return n;
}
