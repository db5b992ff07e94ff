/* SPDX-License-Identifier: GPL-2.0-only */
#include "python/memory.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "python/reader.h"

#define PAGE_BYTES   4096u
#define RUN_PAGES    8u	   /* asked for at once */
#define BLOCKS_MAX   512u  /* runs that are kept: 16 MiB */
#define SLOTS	     8192u /* of the hash table, twice as many as pages */
#define ADDRESS_BITS 47	   /* of user space; with five levels of tables none lies higher unasked */

/* A page, or that there is none. */
struct slot {
	uint64_t number; /* of the page; 0: empty, which no page has */
	uint8_t *bytes;	 /* NULL: cannot be read */
	bool forgotten;
};

struct python_memory {
	const struct python_reader *reader;
	struct slot slots[SLOTS];
	uint8_t *blocks[BLOCKS_MAX]; /* of RUN_PAGES pages; kept for the next look */
	size_t blocks_used, slots_used;
	uint64_t bytes, bytes_max;
};

struct python_memory *python_memory__new(const struct python_reader *reader)
{
	struct python_memory *m = calloc(1, sizeof(*m));

	if (m)
		m->reader = reader;
	return m;
}

void python_memory__forget_all(struct python_memory *m)
{
	memset(m->slots, 0, sizeof(m->slots));
	m->slots_used = 0;
	m->blocks_used = 0;
}

void python_memory__release(struct python_memory *m)
{
	python_memory__forget_all(m);
	for (size_t i = 0; i < BLOCKS_MAX; i++) {
		free(m->blocks[i]);
		m->blocks[i] = NULL;
	}
}

void python_memory__free(struct python_memory *m)
{
	if (m)
		python_memory__release(m);
	free(m);
}

/* The page's slot, or the empty one where it would be. */
static struct slot *slot_of(struct python_memory *m, uint64_t number)
{
	size_t at = (size_t)((number * 0x9e3779b97f4a7c15ull) >> 32) % SLOTS;

	while (m->slots[at].number && m->slots[at].number != number)
		at = (at + 1) % SLOTS;
	return &m->slots[at];
}

static uint8_t *take_block(struct python_memory *m)
{
	uint8_t **block;

	if (m->blocks_used == BLOCKS_MAX || m->slots_used + RUN_PAGES > SLOTS / 2)
		python_memory__forget_all(m);
	block = &m->blocks[m->blocks_used];
	if (!*block)
		*block = malloc((size_t)RUN_PAGES * PAGE_BYTES);
	m->blocks_used += *block != NULL;
	return *block;
}

/* Reads the pages of a run that are not kept yet. */
static int load_run(struct python_memory *m, uint64_t number)
{
	struct process_memory_part parts[RUN_PAGES];
	const uint64_t first = number - number % RUN_PAGES;
	uint8_t *block = take_block(m);
	size_t n = 0;
	int err;

	if (!block)
		return -ENOMEM;
	for (uint64_t page = first ? first : 1; page < first + RUN_PAGES; page++) {
		const struct slot *slot = slot_of(m, page);

		if (slot->number && !slot->forgotten)
			continue;
		parts[n] = (struct process_memory_part){.address = page * PAGE_BYTES,
							.buf = block + n * PAGE_BYTES,
							.length = PAGE_BYTES};
		n++;
	}
	if (m->bytes_max && m->bytes + n * PAGE_BYTES > m->bytes_max)
		return -EFBIG;
	m->bytes += n * PAGE_BYTES;
	err = m->reader->read_scatter(m->reader->ctx, parts, n);
	for (size_t i = 0; i < n && !err; i++) {
		struct slot *slot = slot_of(m, parts[i].address / PAGE_BYTES);

		m->slots_used += !slot->number;
		*slot = (struct slot){parts[i].address / PAGE_BYTES,
				      parts[i].err ? NULL : parts[i].buf, false};
	}
	return err;
}

static int page_at(struct python_memory *m, uint64_t number, const uint8_t **bytes)
{
	const struct slot *slot = slot_of(m, number);
	int err;

	if (!slot->number || slot->forgotten) {
		err = load_run(m, number);
		if (err)
			return err;
		slot = slot_of(m, number);
	}
	*bytes = slot->bytes;
	return slot->bytes ? 0 : -EFAULT;
}

int python_memory__read(struct python_memory *m, uint64_t address, void *buf, size_t len)
{
	uint8_t *to = buf;

	if (address < PAGE_BYTES || address >> ADDRESS_BITS || len > 1u << 30 ||
	    (address + len) >> ADDRESS_BITS)
		return -EFAULT;
	while (len) {
		size_t at = address % PAGE_BYTES;
		size_t n = PAGE_BYTES - at < len ? PAGE_BYTES - at : len;
		const uint8_t *page;
		int err = page_at(m, address / PAGE_BYTES, &page);

		if (err)
			return err;
		memcpy(to, page + at, n);
		to += n;
		address += n;
		len -= n;
	}
	return 0;
}

int python_memory__read_u64(struct python_memory *m, uint64_t address, uint64_t *value)
{
	return python_memory__read(m, address, value, sizeof(*value));
}

void python_memory__forget(struct python_memory *m, uint64_t address, size_t len)
{
	if (!len || address + len < address)
		return;
	for (uint64_t page = address / PAGE_BYTES; page <= (address + len - 1) / PAGE_BYTES;
	     page++) {
		struct slot *slot = slot_of(m, page);

		slot->forgotten = slot->number != 0;
	}
}

void python_memory__limit(struct python_memory *m, uint64_t bytes)
{
	m->bytes = 0;
	m->bytes_max = bytes;
}

uint64_t python_memory__bytes(const struct python_memory *m)
{
	return m->bytes;
}

uint64_t python_memory__now_ns(const struct python_memory *m)
{
	return m->reader->now_ns(m->reader->ctx);
}
