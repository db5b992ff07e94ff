/* SPDX-License-Identifier: GPL-2.0-only */
/* feed_cache.c - the kernel's running totals of a cache to its ratio, its rates and its size. */
#include "metrics/state.h"

/* One reading and the one before it. */
struct cache_diff {
	const struct wire_stage_stats *now, *before;
	uint64_t now_ns;
};

#define DIFF(d, field)                                                                             \
	((d)->now->field > (d)->before->field ? (d)->now->field - (d)->before->field : 0)

static const char *const since_began =
	"counted since watching began: what was in it before is not known";

static void add_sum(struct series *series, uint64_t num, uint64_t now_ns)
{
	if (num)
		series_add_ratio(series, (double)num, 0.0, num, now_ns);
}

/* A look-up that was left by an exception or longjmp has found nothing. */
static uint64_t lookups(const struct cache_diff *d)
{
	return DIFF(d, hits) + DIFF(d, cache_misses) + DIFF(d, abnormal_exception) +
	       DIFF(d, abnormal_unwound);
}

static void add_counts(struct series *s, const struct cache_diff *d, double elapsed_s)
{
	uint64_t all = lookups(d), hits = DIFF(d, hits), evictions = DIFF(d, cache_evictions);

	if (all)
		series_add_ratio(&s[CACHE_HIT_RATIO], (double)hits, (double)all, all, d->now_ns);
	add_sum(&s[CACHE_LOOKUPS], all, d->now_ns);
	add_sum(&s[CACHE_HITS], hits, d->now_ns);
	add_sum(&s[CACHE_ERRORS], DIFF(d, errors), d->now_ns);
	add_sum(&s[CACHE_INSERTS], DIFF(d, cache_inserts), d->now_ns);
	add_sum(&s[CACHE_EVICTIONS], evictions, d->now_ns);
	if (elapsed_s <= 0.0)
		return;
	series_add_ratio(&s[CACHE_RATE], (double)all, elapsed_s, all, d->now_ns);
	series_add_ratio(&s[CACHE_EVICTION_RATE], (double)evictions, elapsed_s, evictions,
			 d->now_ns);
}

/*
 * Where nothing tells the size it is what was put in less what was thrown out.  When more was
 * thrown out than put in, that much at least had been in it before.
 */
static void add_balance(struct stage_state *stage, const struct cache_diff *d)
{
	struct cache_state *cache = &stage->cache;
	int64_t balance = (int64_t)(d->now->cache_inserted_bytes - cache->inserted0_bytes) -
			  (int64_t)(d->now->cache_evicted_bytes - cache->evicted0_bytes);

	if (balance < cache->lowest_bytes)
		cache->lowest_bytes = balance;
	series_add_gauge(&stage->series[CACHE_SIZE], (double)(balance - cache->lowest_bytes), false,
			 d->now_ns);
	series_mark(&stage->series[CACHE_SIZE], QUALITY_PARTIAL, since_began, d->now_ns);
}

static void add_size(struct stage_state *stage, const struct cache_diff *d)
{
	struct cache_state *cache = &stage->cache;

	if (!cache->based) {
		*cache = (struct cache_state){
			.based = true,
			.inserted0_bytes = d->before->cache_inserted_bytes,
			.evicted0_bytes = d->before->cache_evicted_bytes,
			.sizes0 = d->before->cache_sizes,
		};
	}
	if (!stage->series[CACHE_SIZE].def)
		return;
	if (!cache_tells_size(stage->config))
		add_balance(stage, d);
	else if (d->now->cache_sizes != cache->sizes0)
		series_add_gauge(&stage->series[CACHE_SIZE], (double)d->now->cache_size_bytes,
				 false, d->now_ns);
}

void cache_feed(struct stage_state *stage, const struct wire_stage_stats *now,
		const struct wire_stage_stats *before, double elapsed_s, uint64_t now_ns)
{
	const struct cache_diff d = {now, before, now_ns};

	add_counts(stage->series, &d, elapsed_s);
	add_size(stage, &d);
	if (DIFF(&d, read_failures) + DIFF(&d, frames_overflow) + DIFF(&d, learning))
		for (int i = 0; i < STAGE_SERIES; i++)
			series_mark(&stage->series[i], QUALITY_PARTIAL, NULL, now_ns);
}

static bool any_size(const struct probe_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->item[i].size.base != WIRE_BASE_NONE)
			return true;
	return false;
}

bool cache_tells_size(const struct stage_config *cache)
{
	return any_size(&cache->call) || any_size(&cache->insert) || any_size(&cache->evict);
}

static bool all_bytes(const struct probe_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->item[i].work.base == WIRE_BASE_NONE)
			return false;
	return list->n;
}

bool cache_has_size(const struct stage_config *cache)
{
	return cache_tells_size(cache) || (all_bytes(&cache->insert) && all_bytes(&cache->evict));
}
