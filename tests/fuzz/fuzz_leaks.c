/* SPDX-License-Identifier: GPL-2.0-only */
/* A target's maps and memory, as hostile as they come, through everything that looks at them. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "leaks/census.h"
#include "leaks/mappings.h"
#include "leaks/reachability.h"
#include "leaks/survivor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BLOCKS 16

/* What is read is the input, again and again from a place that the address says; some is a hole. */
struct input {
	const uint8_t *data;
	size_t size;
	uint64_t reads;
};

static int read_input(void *ctx, struct memory_read *reads, size_t n)
{
	struct input *in = ctx;

	if (n > MEMORY_READS_MAX)
		abort();
	for (size_t i = 0; i < n; i++) {
		size_t at = reads[i].addr % in->size;

		/* It changes from one look to the next. */
		in->reads++;
		reads[i].ok = reads[i].addr >> 12 != 0x13 && reads[i].addr >> 47 == 0;
		if (reads[i].bytes > MEMORY_READ_BYTES)
			abort();
		at = (at + (in->reads & 64 ? 8 : 0)) % in->size;
		for (size_t done = 0, piece; reads[i].ok && done < reads[i].bytes; done += piece) {
			piece = in->size - at;
			if (piece > reads[i].bytes - done)
				piece = reads[i].bytes - done;
			memcpy((uint8_t *)reads[i].buf + done, in->data + at, piece);
			at = 0;
		}
	}
	return in->reads > 2000 ? -1 : 0;
}

static const struct mapping maps[] = {
	{.start = 0x10000, .end = 0x18000, .inode = 7, .kind = MAPPING_DATA, .writable = true},
	{.start = 0x20000, .end = 0x40000, .kind = MAPPING_HEAP, .writable = true},
	{.start = 0x7f0000000000, .end = 0x7f0000010000, .kind = MAPPING_ANON, .writable = true},
};

static const struct mappings mappings = {.all = (struct mapping *)(uintptr_t)maps, .n = 3};

static void judge(const struct target_memory *memory, enum allocator_kind kind, const uint8_t *data,
		  size_t size)
{
	const struct allocator allocator = {.kind = kind};
	struct survivor_judge *judge = survivor_judge__new(&allocator);
	struct block_check blocks[BLOCKS] = {{.ptr = 0x20010}};

	if (!judge)
		abort();
	for (size_t i = 1; i < BLOCKS && i * 8 + 8 <= size; i++) {
		memcpy(&blocks[i].ptr, data + i * 8, 8);
		blocks[i].ptr &= 0x7f00000fffff;
		blocks[i].size_bytes = data[i * 8] * (uint64_t)data[i * 8 + 1];
	}
	if (survivor_judge__prepare(judge, memory, &mappings, 7) == 0 &&
	    survivor_judge__check(judge, memory, blocks, BLOCKS) == 0)
		for (size_t i = 0; i < BLOCKS; i++)
			if ((blocks[i].state == BLOCK_FREED) != (blocks[i].evidence != 0))
				abort();
	survivor_judge__free(judge);
}

static void scan(const struct target_memory *memory)
{
	const struct reach_block blocks[2] = {{.ptr = 0x20010, .size_bytes = 100},
					      {.ptr = 0x7f0000000100, .size_bytes = UINT64_MAX}};
	struct reachability *scan = reachability__new(blocks, 2, &mappings);
	struct census *census = census__new();
	struct census_type types[8];
	double elapsed_s;

	if (!scan || !census)
		abort();
	while (reachability__step(scan, memory, 1 << 16) > 0)
		;
	for (int i = 0; i < 2; i++) {
		if (census__begin(census, &mappings, 1) != 0)
			abort();
		while (census__step(census, memory, 1 << 20) > 0)
			;
	}
	(void)census__growing(census, types, 8, &elapsed_s);
	reachability__free(scan);
	census__free(census);
}

static void parse(const uint8_t *data, size_t size)
{
	struct mappings parsed;
	char *text = malloc(size + 1);

	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	if (mappings_parse(&parsed, text) == 0) {
		for (size_t i = 0; i < parsed.n; i++)
			if (parsed.all[i].start >= parsed.all[i].end ||
			    mappings_at(&parsed, parsed.all[i].start) != &parsed.all[i])
				abort();
		mappings_free(&parsed);
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {.data = data, .size = size};
	const struct target_memory memory = {.ctx = &in, .read = read_input};

	if (!size)
		return 0;
	parse(data, size);
	judge(&memory, ALLOCATOR_GLIBC, data, size);
	in.reads = 0;
	judge(&memory, ALLOCATOR_MUSL, data, size);
	in.reads = 0;
	judge(&memory, ALLOCATOR_JEMALLOC, data, size);
	in.reads = 0;
	if (data[0] % 16 == 1)
		scan(&memory);
	return 0;
}
