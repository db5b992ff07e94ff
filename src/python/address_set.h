/* SPDX-License-Identifier: GPL-2.0-only */
/* address_set.h - addresses, each with a number; open addressing. */
#ifndef CHESHIRE_PYTHON_ADDRESS_SET_H
#define CHESHIRE_PYTHON_ADDRESS_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed is empty. */
struct address_set {
	struct address_item {
		uint64_t address; /* 0: free */
		uint64_t value;
	} * items;
	size_t n, room;
};

/* The address's value, which may be set; *fresh: it was not there, and its value is 0.  NULL: no
 * memory.  The pointer is good until the next call.  Addresses are not 0. */
uint64_t *address_set_add(struct address_set *set, uint64_t address, bool *fresh);
void address_set_free(struct address_set *set);

#endif
