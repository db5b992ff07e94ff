/* SPDX-License-Identifier: GPL-2.0-only */
#include "leaks/reachability.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A word is a candidate if its page is one of a block's: a bit for each page, by its low bits. */
#define PAGE_SHIFT   12
#define FILTER_BITS  (1u << 21)
#define FILTER_WORDS (FILTER_BITS / 64)

struct reachability {
	struct reach_block *blocks; /* by address */
	size_t n;
	struct mapping *maps; /* the writable ones */
	size_t maps_n;
	size_t map;	    /* where the scan is */
	uint64_t map_at;    /* bytes into it */
	uint64_t low, high; /* of all blocks */
	uint64_t read_bytes, unread_bytes;
	uint64_t filter[FILTER_WORDS];
	uint64_t buf[MEMORY_READ_BYTES / 8];
};

static int compare_blocks(const void *a, const void *b)
{
	const struct reach_block *x = a, *y = b;

	return (x->ptr > y->ptr) - (x->ptr < y->ptr);
}

static uint64_t end_of(const struct reach_block *block)
{
	uint64_t bytes = block->size_bytes ? block->size_bytes : 1;

	return block->ptr + bytes < block->ptr ? UINT64_MAX : block->ptr + bytes;
}

static void filter_block(struct reachability *scan, const struct reach_block *block)
{
	uint64_t last = (end_of(block) - 1) >> PAGE_SHIFT, page = block->ptr >> PAGE_SHIFT;

	/* More pages than bits: every bit. */
	if (last - page >= FILTER_BITS)
		last = page + FILTER_BITS - 1;
	for (; page <= last; page++)
		scan->filter[page % FILTER_BITS / 64] |= 1ULL << page % 64;
}

static int take_mappings(struct reachability *scan, const struct mappings *mappings)
{
	scan->maps = calloc(mappings->n + 1, sizeof(*scan->maps));
	if (!scan->maps)
		return -ENOMEM;
	for (size_t i = 0; i < mappings->n; i++)
		if (mappings->all[i].writable)
			scan->maps[scan->maps_n++] = mappings->all[i];
	return 0;
}

struct reachability *reachability__new(const struct reach_block *blocks, size_t n,
				       const struct mappings *mappings)
{
	struct reachability *scan;

	if (n > REACHABILITY_BLOCKS_MAX) {
		errno = E2BIG;
		return NULL;
	}
	scan = calloc(1, sizeof(*scan));
	if (!scan)
		return NULL;
	scan->blocks = calloc(n + 1, sizeof(*blocks));
	if (!scan->blocks || take_mappings(scan, mappings) != 0) {
		reachability__free(scan);
		errno = ENOMEM;
		return NULL;
	}
	scan->n = n;
	scan->low = UINT64_MAX;
	if (n)
		memcpy(scan->blocks, blocks, n * sizeof(*blocks));
	for (size_t i = 0; i < n; i++) {
		struct reach_block *b = &scan->blocks[i];

		memset(b->pointers, 0, sizeof(b->pointers));
		b->interior = 0;
		filter_block(scan, b);
		if (b->ptr < scan->low)
			scan->low = b->ptr;
		if (end_of(b) > scan->high)
			scan->high = end_of(b);
	}
	if (n)
		qsort(scan->blocks, n, sizeof(*scan->blocks), compare_blocks);
	return scan;
}

void reachability__free(struct reachability *scan)
{
	if (!scan)
		return;
	free(scan->blocks);
	free(scan->maps);
	free(scan);
}

/* The last block that begins at or before the address, if it reaches that far. */
static struct reach_block *block_at(const struct reachability *scan, uint64_t addr)
{
	size_t low = 0, high = scan->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (scan->blocks[mid].ptr <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low && addr < end_of(&scan->blocks[low - 1]) ? &scan->blocks[low - 1] : NULL;
}

static void found(const struct reachability *scan, uint64_t word, uint64_t at,
		  enum mapping_kind kind)
{
	struct reach_block *block = block_at(scan, word);

	if (!block || (at >= block->ptr && at < end_of(block)))
		return;
	if (block->pointers[kind] < UINT32_MAX)
		block->pointers[kind]++;
	if (word != block->ptr && block->interior < UINT32_MAX)
		block->interior++;
}

static void scan_words(const struct reachability *scan, const uint64_t *words, size_t n,
		       uint64_t addr, enum mapping_kind kind)
{
	const uint64_t low = scan->low, span = scan->high - scan->low;

	for (size_t i = 0; i < n; i++) {
		uint64_t page;

		if (words[i] - low >= span)
			continue;
		page = words[i] >> PAGE_SHIFT;
		if (scan->filter[page % FILTER_BITS / 64] >> page % 64 & 1)
			found(scan, words[i], addr + i * 8, kind);
	}
}

static uint64_t piece_bytes(const struct reachability *scan)
{
	const struct mapping *m = &scan->maps[scan->map];
	uint64_t left = m->end - m->start - scan->map_at;

	return left < MEMORY_READ_BYTES ? left : MEMORY_READ_BYTES;
}

/* A piece that cannot be read as a whole (a hole, the end of a file) is read by pages. */
static int scan_pages(struct reachability *scan, const struct target_memory *memory, uint64_t addr,
		      uint64_t bytes, enum mapping_kind kind)
{
	const uint64_t page_bytes = 1u << PAGE_SHIFT;

	for (uint64_t at = 0; at < bytes; at += page_bytes) {
		size_t piece = bytes - at < page_bytes ? bytes - at : page_bytes;
		int err = target_memory_read(memory, addr + at, scan->buf, piece);

		if (err == -EFAULT) {
			scan->unread_bytes += piece;
			continue;
		}
		if (err)
			return err;
		scan_words(scan, scan->buf, piece / 8, addr + at, kind);
		scan->read_bytes += piece;
	}
	return 0;
}

static int scan_piece(struct reachability *scan, const struct target_memory *memory)
{
	const struct mapping *m = &scan->maps[scan->map];
	uint64_t bytes = piece_bytes(scan), addr = m->start + scan->map_at;
	int err = target_memory_read(memory, addr, scan->buf, bytes);

	if (err == -EFAULT) {
		err = scan_pages(scan, memory, addr, bytes, m->kind);
	} else if (!err) {
		scan_words(scan, scan->buf, bytes / 8, addr, m->kind);
		scan->read_bytes += bytes;
	}
	scan->map_at += bytes;
	if (scan->map_at >= m->end - m->start) {
		scan->map++;
		scan->map_at = 0;
	}
	return err;
}

int reachability__step(struct reachability *scan, const struct target_memory *memory,
		       uint64_t budget_bytes)
{
	uint64_t begin = scan->read_bytes + scan->unread_bytes;

	if (!scan->n)
		return 0;
	while (scan->map < scan->maps_n) {
		int err;

		if (scan->read_bytes + scan->unread_bytes - begin >= budget_bytes)
			return 1;
		err = scan_piece(scan, memory);
		if (err)
			return err;
	}
	return 0;
}

const struct reach_block *reachability__blocks(const struct reachability *scan, size_t *n)
{
	*n = scan->n;
	return scan->blocks;
}

uint64_t reachability__read_bytes(const struct reachability *scan)
{
	return scan->read_bytes;
}

uint64_t reachability__unread_bytes(const struct reachability *scan)
{
	return scan->unread_bytes;
}

bool reach_block_lost(const struct reach_block *block)
{
	for (unsigned int kind = 0; kind < MAPPING_KINDS; kind++)
		if (block->pointers[kind])
			return false;
	return true;
}
