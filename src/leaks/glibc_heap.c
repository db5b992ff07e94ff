/* SPDX-License-Identifier: GPL-2.0-only */
#include "leaks/glibc_heap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PREV_IN_USE    1u
#define IS_MAPPED      2u
#define NOT_MAIN       4u
#define FLAGS	       7u
#define CHUNK_MIN      32u
#define HEADER_BYTES   16u
#define PAGE_BYTES     4096u
#define DATA_BYTES_MAX (4u << 20)
/* A random key is hardly ever an address, or a small number. */
#define KEY_MIN	  (1ULL << 48)
#define KEY_VOTES 3
/* Chunks up to this size may be in a thread's cache. */
#define CACHED_MAX 0x420

#define BATCH 256

/* What is read of a block at once. */
struct head {
	uint64_t prev_size, size, first, second;
};

/* The blocks of one batch, and how far they have come. */
struct batch {
	struct block_check *blocks;
	size_t n;
	struct head heads[BATCH];
	struct memory_read reads[BATCH * 3];
	struct head more[BATCH * 3];
	uint16_t of[BATCH * 3]; /* which block a read of `more` belongs to */
	struct fast_candidate fast[BATCH];
	size_t fast_n;
};

void glibc_heap_free(struct glibc_heap *heap)
{
	mappings_free(&heap->mappings);
	free(heap->words);
	memset(heap, 0, sizeof(*heap));
}

static int compare_words(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static bool is_word(const struct glibc_heap *heap, uint64_t word)
{
	return heap->words_n &&
	       bsearch(&word, heap->words, heap->words_n, sizeof(word), compare_words) != NULL;
}

static int keep_words(struct glibc_heap *heap, const uint64_t *data, size_t n)
{
	uint64_t *grown = realloc(heap->words, (heap->words_n + n + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	heap->words = grown;
	for (size_t i = 0; i < n; i++)
		if (data[i] >= KEY_MIN)
			heap->words[heap->words_n++] = data[i];
	return 0;
}

/* One mapping of libc's data, or as much of it as there is. */
static int look_at_data(struct glibc_heap *heap, const struct target_memory *memory,
			const struct mapping *m, size_t bytes)
{
	uint64_t *data = calloc(1, bytes);
	int err = data ? 0 : -ENOMEM;

	for (size_t at = 0; !err && at < bytes; at += PAGE_BYTES * 8) {
		size_t piece = bytes - at < PAGE_BYTES * 8 ? bytes - at : PAGE_BYTES * 8;

		err = target_memory_read(memory, m->start + at, (char *)data + at, piece);
		if (err == -EFAULT)
			err = 0;
	}
	if (!err) {
		err = keep_words(heap, data, bytes / 8);
		heap->data_seen = true;
	}
	if (!err && !heap->arenas_n)
		err = glibc_heap_find_arenas(heap, memory, data, bytes / 8, m->start);
	free(data);
	return err;
}

static int copy_mappings(struct glibc_heap *heap, const struct mappings *mappings)
{
	struct mapping *all = malloc((mappings->n + 1) * sizeof(*all));

	if (!all)
		return -ENOMEM;
	if (mappings->n)
		memcpy(all, mappings->all, mappings->n * sizeof(*all));
	free(heap->mappings.all);
	heap->mappings.all = all;
	heap->mappings.n = mappings->n;
	heap->mappings.partial = mappings->partial;
	return 0;
}

int glibc_heap_prepare(struct glibc_heap *heap, const struct target_memory *memory,
		       const struct mappings *mappings, uint64_t data_inode)
{
	size_t left = DATA_BYTES_MAX;
	int err = copy_mappings(heap, mappings);

	heap->words_n = 0;
	heap->arenas_n = 0;
	heap->arenas_partial = false;
	for (size_t i = 0; !err && i < heap->mappings.n && left; i++) {
		const struct mapping *m = &heap->mappings.all[i];
		uint64_t bytes = m->end - m->start;

		if (m->kind != MAPPING_DATA || (data_inode && m->inode != data_inode))
			continue;
		/* Read together with what follows: the arena lies across no border that matters. */
		if (bytes > left)
			bytes = left;
		left -= bytes;
		err = look_at_data(heap, memory, m, bytes);
	}
	if (heap->words_n)
		qsort(heap->words, heap->words_n, sizeof(heap->words[0]), compare_words);
	return err;
}

bool glibc_heap_link(const struct glibc_heap *heap, uint64_t block, uint64_t word, uint64_t *next)
{
	*next = (block >> 12) ^ word;
	return !*next || (!(*next & 15) && mappings_writable(&heap->mappings, *next, 8));
}

static void freed(struct block_check *block, enum block_evidence evidence)
{
	block->state = BLOCK_FREED;
	block->evidence = evidence;
}

/* The second word is the key of the process: a value of libc's data that links agree with. */
static bool is_cached(struct glibc_heap *heap, uint64_t ptr, const struct head *head)
{
	uint64_t next;

	if (heap->key)
		return head->second == heap->key;
	if (head->second < KEY_MIN || !is_word(heap, head->second) ||
	    !glibc_heap_link(heap, ptr, head->first, &next))
		return false;
	if (head->second != heap->key_candidate)
		heap->key_votes = 0;
	heap->key_candidate = head->second;
	if (++heap->key_votes >= KEY_VOTES)
		heap->key = head->second;
	return true;
}

/* glibc 2.29 to 2.33: the second word is the address of the thread's cache; its list is walked. */
static int is_in_cache_struct(struct glibc_heap *heap, const struct target_memory *memory,
			      uint64_t ptr, const struct head *head, bool *cached)
{
	uint64_t cache = head->second, entry = 0, size = 0, word = 0, next = 0;
	uint64_t bin = ((head->size & ~(uint64_t)FLAGS) - CHUNK_MIN) / 16;
	int err;

	*cached = false;
	if ((cache & 15) || bin >= 64 || !mappings_writable(&heap->mappings, cache - 16, 0x250))
		return 0;
	err = target_memory_read(memory, cache - 8, &size, 8);
	size &= ~(uint64_t)FLAGS;
	if (err || (size != 0x290 && size != 0x250))
		return err == -EFAULT ? 0 : err;
	/* Counts of 64 lists, of two bytes or of one, then their heads. */
	err = target_memory_read(memory, cache + (size == 0x290 ? 128 : 64) + bin * 8, &entry, 8);
	for (int steps = 0; !err && entry && steps < 128; steps++) {
		if (entry == ptr) {
			*cached = heap->structs = true;
			return 0;
		}
		err = target_memory_read(memory, entry, &word, 8);
		if (err)
			break;
		if (!glibc_heap_link(heap, entry, word, &next))
			next = word;
		entry = next;
	}
	return err == -EFAULT ? 0 : err;
}

static uint64_t chunk_bytes_for(uint64_t size_bytes)
{
	uint64_t need = (size_bytes + 8 + 15) & ~15ULL;

	return need < CHUNK_MIN ? CHUNK_MIN : need;
}

/* What the block's own header says.  False: it is judged. */
static bool judge_head(struct glibc_heap *heap, struct block_check *block, const struct head *head)
{
	uint64_t size = head->size & ~(uint64_t)FLAGS, need = chunk_bytes_for(block->size_bytes);

	block->state = BLOCK_LIVE;
	block->evidence = BLOCK_EVIDENCE_NONE;
	if (head->size & IS_MAPPED) {
		if (size < need || (head->prev_size + size) % PAGE_BYTES || size + 16 < size ||
		    !mappings_writable(&heap->mappings, block->ptr, block->size_bytes))
			freed(block, BLOCK_EVIDENCE_MERGED);
		return false;
	}
	/* A chunk is cut to size, except for a rest too small to be one. */
	if ((size != need && size != need + 16) || (head->size & 8)) {
		freed(block, BLOCK_EVIDENCE_MERGED);
		return false;
	}
	if (is_cached(heap, block->ptr, head)) {
		freed(block, BLOCK_EVIDENCE_CACHED);
		return false;
	}
	return true;
}

static int read_heads(struct batch *batch, const struct target_memory *memory)
{
	for (size_t i = 0; i < batch->n; i++)
		batch->reads[i] = (struct memory_read){.addr = batch->blocks[i].ptr - HEADER_BYTES,
						       .buf = &batch->heads[i],
						       .bytes = sizeof(struct head)};
	return target_memory_read_all(memory, batch->reads, batch->n);
}

static void add_read(struct batch *batch, size_t *n, size_t block, uint64_t chunk)
{
	batch->of[*n] = (uint16_t)block;
	batch->reads[*n] =
		(struct memory_read){.addr = chunk, .buf = &batch->more[*n], .bytes = HEADER_BYTES};
	(*n)++;
}

/*
 * The chunk before is free, as this one's header says: then that one's header must say the same
 * size.  Else this header is a remainder within a larger free chunk.  The block's header is read
 * again after it, since the target goes on meanwhile.
 */
static int judge_before(struct batch *batch, const struct target_memory *memory)
{
	size_t n = 0;
	int err;

	for (size_t i = 0; i < batch->n; i++) {
		const struct head *head = &batch->heads[i];
		uint64_t chunk = batch->blocks[i].ptr - HEADER_BYTES;

		if (batch->blocks[i].state != BLOCK_LIVE ||
		    (head->size & (IS_MAPPED | PREV_IN_USE)))
			continue;
		add_read(batch, &n, i, chunk);
		add_read(batch, &n, i, chunk - head->prev_size);
		add_read(batch, &n, i, chunk);
	}
	err = target_memory_read_all(memory, batch->reads, n);
	for (size_t i = 0; !err && i + 2 < n; i += 3) {
		const struct head *first = &batch->more[i], *again = &batch->more[i + 2];
		bool fits = batch->reads[i + 1].ok && (first->prev_size & 15) == 0 &&
			    (batch->more[i + 1].size & ~(uint64_t)FLAGS) == first->prev_size;

		if (!batch->reads[i].ok || !batch->reads[i + 2].ok)
			freed(&batch->blocks[batch->of[i]], BLOCK_EVIDENCE_UNMAPPED);
		else if (!fits && !(first->size & PREV_IN_USE) && first->size == again->size &&
			 first->prev_size == again->prev_size &&
			 first->prev_size == batch->heads[batch->of[i]].prev_size)
			freed(&batch->blocks[batch->of[i]], BLOCK_EVIDENCE_MERGED);
	}
	return err;
}

/* The next chunk knows whether this one is in use. */
static int judge_after(struct batch *batch, const struct target_memory *memory)
{
	size_t n = 0;
	int err;

	for (size_t i = 0; i < batch->n; i++)
		if (batch->blocks[i].state == BLOCK_LIVE && !(batch->heads[i].size & IS_MAPPED))
			add_read(batch, &n, i,
				 batch->blocks[i].ptr - HEADER_BYTES +
					 (batch->heads[i].size & ~(uint64_t)FLAGS));
	err = target_memory_read_all(memory, batch->reads, n);
	for (size_t i = 0; !err && i < n; i++) {
		struct block_check *block = &batch->blocks[batch->of[i]];
		uint64_t size = batch->more[i].size;

		if (!batch->reads[i].ok || (size & 8) || size < 16)
			freed(block, BLOCK_EVIDENCE_MERGED);
		else if (!(size & PREV_IN_USE))
			freed(block, BLOCK_EVIDENCE_NEXT_SAYS);
	}
	return err;
}

static void add_fast(const struct glibc_heap *heap, struct batch *batch, size_t i)
{
	const struct head *head = &batch->heads[i];
	uint64_t size = head->size & ~(uint64_t)FLAGS, next;

	if (batch->blocks[i].state != BLOCK_LIVE || (head->size & IS_MAPPED) ||
	    size > GLIBC_FAST_MAX)
		return;
	/* Where the key is random, links are disguised as well: most blocks hold none. */
	if (heap->key && !glibc_heap_link(heap, batch->blocks[i].ptr, head->first, &next))
		return;
	batch->fast[batch->fast_n++] =
		(struct fast_candidate){.chunk = batch->blocks[i].ptr - HEADER_BYTES,
					.size = size,
					.main_arena = !(head->size & NOT_MAIN),
					.block = (uint32_t)i};
}

static int judge_fast(const struct glibc_heap *heap, struct batch *batch,
		      const struct target_memory *memory)
{
	int err;

	batch->fast_n = 0;
	for (size_t i = 0; i < batch->n; i++)
		add_fast(heap, batch, i);
	err = glibc_heap_fast_bins(heap, memory, batch->fast, batch->fast_n);
	for (size_t i = 0; !err && i < batch->fast_n; i++) {
		struct block_check *block = &batch->blocks[batch->fast[i].block];

		if (batch->fast[i].found)
			freed(block, BLOCK_EVIDENCE_FAST_BIN);
		else if (batch->fast[i].unknown)
			block->state = BLOCK_UNKNOWABLE;
	}
	return err;
}

/* The heads; afterwards `reads` is free for other use. */
static int judge_heads(struct glibc_heap *heap, const struct target_memory *memory,
		       struct batch *batch)
{
	int err = read_heads(batch, memory);

	for (size_t i = 0; !err && i < batch->n; i++) {
		struct block_check *block = &batch->blocks[i];
		bool cached = false;

		if (!batch->reads[i].ok) {
			freed(block, BLOCK_EVIDENCE_UNMAPPED);
			continue;
		}
		if (!judge_head(heap, block, &batch->heads[i]) || heap->key)
			continue;
		err = is_in_cache_struct(heap, memory, block->ptr, &batch->heads[i], &cached);
		if (cached)
			freed(block, BLOCK_EVIDENCE_CACHED);
	}
	return err;
}

static int check_batch(struct glibc_heap *heap, const struct target_memory *memory,
		       struct batch *batch)
{
	int err = judge_heads(heap, memory, batch);

	if (!err)
		err = judge_before(batch, memory);
	if (!err)
		err = judge_after(batch, memory);
	if (!err)
		err = judge_fast(heap, batch, memory);
	/* Without libc's data the key is not known: any small one may be in a cache. */
	for (size_t i = 0; !err && i < batch->n && !heap->data_seen; i++)
		if (batch->blocks[i].state == BLOCK_LIVE && !(batch->heads[i].size & IS_MAPPED) &&
		    batch->heads[i].size < CACHED_MAX)
			batch->blocks[i].state = BLOCK_UNKNOWABLE;
	return err;
}

int glibc_heap_check(struct glibc_heap *heap, const struct target_memory *memory,
		     struct block_check *blocks, size_t n)
{
	struct batch *batch = malloc(sizeof(*batch));
	int err = batch ? 0 : -ENOMEM;

	for (size_t at = 0; !err && at < n; at += batch->n) {
		batch->blocks = blocks + at;
		batch->n = n - at < BATCH ? n - at : BATCH;
		err = check_batch(heap, memory, batch);
	}
	free(batch);
	return err;
}
