/* SPDX-License-Identifier: GPL-2.0-only */
#include "python/address_set.h"

#include <stdlib.h>
#include <string.h>

#define ROOM_MIN 1024

static struct address_item *place_of(const struct address_set *set, uint64_t address)
{
	size_t at = (size_t)((address * 0x9e3779b97f4a7c15ull) >> 20) & (set->room - 1);

	while (set->items[at].address && set->items[at].address != address)
		at = (at + 1) & (set->room - 1);
	return &set->items[at];
}

static bool grow(struct address_set *set)
{
	struct address_set bigger = {.room = set->room ? set->room * 2 : ROOM_MIN, .n = set->n};

	bigger.items = calloc(bigger.room, sizeof(*bigger.items));
	if (!bigger.items)
		return false;
	for (size_t i = 0; i < set->room; i++)
		if (set->items[i].address)
			*place_of(&bigger, set->items[i].address) = set->items[i];
	free(set->items);
	*set = bigger;
	return true;
}

uint64_t *address_set_add(struct address_set *set, uint64_t address, bool *fresh)
{
	struct address_item *item;

	if (set->n * 2 >= set->room && !grow(set))
		return NULL;
	item = place_of(set, address);
	*fresh = !item->address;
	if (*fresh) {
		item->address = address;
		set->n++;
	}
	return &item->value;
}

void address_set_free(struct address_set *set)
{
	free(set->items);
	memset(set, 0, sizeof(*set));
}
