/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cache.bpf.h - caches: look-ups that hit or miss, what is put in and thrown out, their size.
 *
 * Counted, not timed.  Example: a look-up that returns NULL where `hit: "ret != 0"` adds one to
 * cache_misses.  A look-up whose outcome cannot be read, or which failed (`error`), is
 * none: it is counted apart.
 */
#ifndef CHESHIRE_CACHE_BPF_H
#define CHESHIRE_CACHE_BPF_H

#include "hit.bpf.h"

/* No cache has more bytes: what says so is an error code, or no number at all. */
#define CACHE_BYTES_MAX (1ULL << 48)
/* Readings of a size that changes meanwhile. */
#define CACHE_SIZE_TRIES 4

static __always_inline void cache_lookup(struct hit *hit, const struct value_ctx *at)
{
	struct wire_stage_stats *stats = hit->stage.stats;
	long found;

	found = value_holds(&hit->bind->when, at);
	/* No answer at all; else what `error` cannot read, `hit` most likely cannot either. */
	if (found == VALUE_NULL ||
	    (hit->bind->error.base != WIRE_BASE_NONE && value_holds(&hit->bind->error, at) > 0)) {
		shared_add(&stats->errors, 1);
		return;
	}
	if (found < 0) {
		shared_add(&stats->read_failures, 1);
		return;
	}
	shared_add(found ? &stats->hits : &stats->cache_misses, 1);
}

/* How much was put in or thrown out; 0 where that is not known. */
static __always_inline __u64 cache_bytes(struct hit *hit, const struct value_ctx *at)
{
	__u64 bytes = value_of(hit, &hit->bind->work, at);

	if (bytes < CACHE_BYTES_MAX)
		return bytes;
	shared_add(&hit->stage.stats->read_failures, 1);
	return 0;
}

/*
 * Several threads read the size and store what they read: the last to store must not be the first
 * to have read, so each looks again after it has stored.
 */
static __always_inline void cache_size(struct hit *hit, const struct value_ctx *at)
{
	struct wire_stage_stats *stats = hit->stage.stats;
	__u64 bytes = 0, stored = CACHE_BYTES_MAX;

	for (int i = 0; i < CACHE_SIZE_TRIES; i++) {
		if (value_eval(&hit->bind->size, at, &bytes) || bytes >= CACHE_BYTES_MAX) {
			shared_add(&stats->read_failures, 1);
			return;
		}
		if (bytes == stored)
			break;
		/* An exchange, for its order: the next reading comes after it. */
		__sync_lock_test_and_set(&stats->cache_size_bytes, bytes);
		stored = bytes;
	}
	shared_add(&stats->cache_sizes, 1);
}

/* What a call of a cache's function means; at its entry or its return, as configured. */
static __noinline int cache_act(struct hit *hit, const struct value_ctx *at)
{
	struct wire_stage_stats *stats = hit->stage.stats;
	__u64 bytes;

	if (hit->bind->role == WIRE_ROLE_LOOKUP) {
		cache_lookup(hit, at);
	} else if (hit->bind->role == WIRE_ROLE_INSERT) {
		bytes = cache_bytes(hit, at);
		shared_add(&stats->cache_inserted_bytes, bytes);
		shared_add(&stats->cache_inserts, 1);
	} else {
		bytes = cache_bytes(hit, at);
		shared_add(&stats->cache_evicted_bytes, bytes);
		shared_add(&stats->cache_evictions, 1);
	}
	if (hit->bind->size.base != WIRE_BASE_NONE)
		cache_size(hit, at);
	return 0;
}

#endif
