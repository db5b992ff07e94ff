/* SPDX-License-Identifier: GPL-2.0-only */
#include "leaks/survivor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "leaks/glibc_heap.h"
#include "leaks/musl_heap.h"

/* Of a block's content: its first bytes, some in the middle, its last ones. */
#define PRINT_PIECE  64u
#define PRINT_PIECES 3u
#define BATCH	     128u

struct survivor_judge {
	enum allocator_kind kind;
	struct glibc_heap glibc;
	struct musl_heap musl;
};

struct survivor_judge *survivor_judge__new(const struct allocator *allocator)
{
	struct survivor_judge *judge = calloc(1, sizeof(*judge));

	if (judge)
		judge->kind = allocator->kind;
	return judge;
}

void survivor_judge__free(struct survivor_judge *judge)
{
	if (!judge)
		return;
	glibc_heap_free(&judge->glibc);
	free(judge);
}

int survivor_judge__prepare(struct survivor_judge *judge, const struct target_memory *memory,
			    const struct mappings *mappings, uint64_t data_inode)
{
	if (judge->kind != ALLOCATOR_GLIBC)
		return 0;
	return glibc_heap_prepare(&judge->glibc, memory, mappings, data_inode);
}

/* Which pieces of the block the fingerprint is of. */
static size_t pieces_of(const struct block_check *block, struct memory_read *reads,
			uint8_t (*bytes)[PRINT_PIECE])
{
	uint64_t size = block->size_bytes ? block->size_bytes : 1;
	uint64_t at[PRINT_PIECES] = {0, size / 2, size - PRINT_PIECE};
	size_t n = size <= PRINT_PIECE ? 1 : PRINT_PIECES;

	for (size_t i = 0; i < n; i++) {
		uint64_t left = size - at[i];

		reads[i] = (struct memory_read){
			.addr = block->ptr + at[i],
			.buf = bytes[i],
			.bytes = left < PRINT_PIECE ? (uint32_t)left : PRINT_PIECE,
		};
	}
	return n;
}

static uint64_t hash_bytes(uint64_t hash, const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		hash = (hash ^ bytes[i]) * 1099511628211ULL;
	return hash;
}

struct print_batch {
	struct memory_read reads[BATCH * PRINT_PIECES];
	uint8_t bytes[BATCH * PRINT_PIECES][PRINT_PIECE];
	struct block_check *of[BATCH];
	uint8_t pieces[BATCH];
	size_t n, reads_n;
};

static void take_print(struct block_check *block, const struct memory_read *reads, size_t n)
{
	uint64_t hash = 14695981039346656037ULL;

	for (size_t i = 0; i < n; i++) {
		if (!reads[i].ok) {
			block->state = BLOCK_FREED;
			block->evidence = BLOCK_EVIDENCE_UNMAPPED;
			return;
		}
		hash = hash_bytes(hash, reads[i].buf, reads[i].bytes);
	}
	hash += !hash;
	block->touched = block->fingerprint && block->fingerprint != hash;
	block->fingerprint = hash;
}

static int take_prints(struct print_batch *batch, const struct target_memory *memory)
{
	size_t at = 0;
	int err = target_memory_read_all(memory, batch->reads, batch->reads_n);

	for (size_t i = 0; !err && i < batch->n; i++) {
		take_print(batch->of[i], batch->reads + at, batch->pieces[i]);
		at += batch->pieces[i];
	}
	batch->n = batch->reads_n = 0;
	return err;
}

static int fingerprints(const struct target_memory *memory, struct block_check *blocks, size_t n)
{
	struct print_batch *batch = calloc(1, sizeof(*batch));
	int err = batch ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < n; i++) {
		if (blocks[i].state == BLOCK_FREED)
			continue;
		batch->of[batch->n] = &blocks[i];
		batch->pieces[batch->n] = (uint8_t)pieces_of(
			&blocks[i], batch->reads + batch->reads_n, batch->bytes + batch->reads_n);
		batch->reads_n += batch->pieces[batch->n++];
		if (batch->n == BATCH)
			err = take_prints(batch, memory);
	}
	if (!err && batch->n)
		err = take_prints(batch, memory);
	free(batch);
	return err;
}

int survivor_judge__check(struct survivor_judge *judge, const struct target_memory *memory,
			  struct block_check *blocks, size_t n)
{
	int err = 0;

	for (size_t i = 0; i < n; i++) {
		blocks[i].state = BLOCK_UNKNOWABLE;
		blocks[i].evidence = BLOCK_EVIDENCE_NONE;
		blocks[i].touched = false;
	}
	if (judge->kind == ALLOCATOR_GLIBC)
		err = glibc_heap_check(&judge->glibc, memory, blocks, n);
	else if (judge->kind == ALLOCATOR_MUSL)
		err = musl_heap_check(&judge->musl, memory, blocks, n);
	return err ? err : fingerprints(memory, blocks, n);
}

void survivor_judge__follow_at_most(struct survivor_judge *judge, uint32_t chunks)
{
	judge->glibc.walk_max = chunks;
}

void survivor_judge__facts(const struct survivor_judge *judge, struct survivor_judge_facts *facts)
{
	const struct glibc_heap *glibc = &judge->glibc;

	memset(facts, 0, sizeof(*facts));
	if (judge->kind == ALLOCATOR_MUSL && !judge->musl.verified)
		snprintf(facts->why, sizeof(facts->why),
			 "no block was found to be as musl's malloc (1.2.1 on) keeps them");
	else if (judge->kind != ALLOCATOR_GLIBC && judge->kind != ALLOCATOR_MUSL)
		snprintf(facts->why, sizeof(facts->why), "%s", allocator_limits(judge->kind));
	if (judge->kind != ALLOCATOR_GLIBC)
		return;
	facts->cache_key = glibc->key != 0;
	facts->cache_structs = glibc->structs;
	facts->fast_bins = glibc->arenas_n && !glibc->arenas_partial;
	facts->arenas_n = glibc->arenas_n;
	if (!glibc->data_seen)
		snprintf(facts->why, sizeof(facts->why),
			 "libc's data was not found: what lies in a thread's cache is not known");
	else if (!facts->fast_bins)
		snprintf(facts->why, sizeof(facts->why),
			 "libc's arenas were not found: free chunks of up to %d bytes in their "
			 "lists are not known",
			 GLIBC_FAST_MAX);
}

const char *block_evidence_name(enum block_evidence evidence)
{
	static const char *const names[BLOCK_EVIDENCES] = {
		[BLOCK_EVIDENCE_NONE] = "none",
		[BLOCK_EVIDENCE_UNMAPPED] = "unmapped",
		[BLOCK_EVIDENCE_CACHED] = "in a thread's cache",
		[BLOCK_EVIDENCE_FAST_BIN] = "in a fast bin",
		[BLOCK_EVIDENCE_NEXT_SAYS] = "free, says the next chunk",
		[BLOCK_EVIDENCE_MERGED] = "merged or split",
		[BLOCK_EVIDENCE_SLOT] = "slot is free",
		[BLOCK_EVIDENCE_REUSED] = "handed out again",
	};

	return evidence < BLOCK_EVIDENCES ? names[evidence] : "?";
}
