/* SPDX-License-Identifier: GPL-2.0-only */
/* ledger_site.c - the sites of a ledger: what is added up of the blocks that come from them. */
#include <string.h>

#include "leaks/ledger_state.h"

/* So many blocks were freed soon for each that was not: the site's are brief. */
#define BRIEF_DEATHS 24u

uint64_t leak_site_hash(const struct leak_frame *frames, size_t n)
{
	uint64_t hash = 14695981039346656037ULL;

	for (size_t i = 0; i < n; i++) {
		hash = (hash ^ frames[i].object) * 1099511628211ULL;
		hash = (hash ^ (frames[i].offset & UINT32_MAX)) * 1099511628211ULL;
		hash = (hash ^ (frames[i].offset >> 32)) * 1099511628211ULL;
		hash ^= hash >> 29;
	}
	return hash + !hash;
}

static uint32_t *chain_of(const struct leak_ledger *l, uint64_t hash)
{
	return &l->site_heads[hash & (l->heads_n - 1)];
}

struct site *ledger_site_find(const struct leak_ledger *l, uint64_t hash)
{
	for (uint32_t i = *chain_of(l, hash); i != NONE; i = l->sites[i].next)
		if (l->sites[i].hash == hash)
			return &l->sites[i];
	return NULL;
}

uint32_t ledger_site(struct leak_ledger *l, uint64_t hash, uint64_t now_ns)
{
	struct site *site = ledger_site_find(l, hash);
	uint32_t *head = chain_of(l, hash);

	if (site)
		return (uint32_t)(site - l->sites);
	if (l->sites_n == l->options.sites_max) {
		l->counts.sites_dropped++;
		return NONE;
	}
	site = &l->sites[l->sites_n];
	site->hash = hash;
	site->first_seen_ns = now_ns;
	site->next = *head;
	*head = l->sites_n;
	return l->sites_n++;
}

unsigned int ledger_age_class(const struct leak_ledger *l, uint64_t age_ns)
{
	unsigned int class = 0;

	for (uint64_t end_ns = l->options.settle_ns * 2;
	     class < AGE_CLASSES - 1 && age_ns >= end_ns; end_ns *= 2)
		class ++;
	return class;
}

void ledger_site_follow(const struct leak_ledger *l, struct site *site, const struct block *block,
			uint64_t end_ns)
{
	uint64_t of_age_ns = block->time_ns + l->options.settle_ns;
	uint64_t from_ns = block->seen_ns > of_age_ns ? block->seen_ns : of_age_ns;

	/* The time between two looks is split where it passes into the next class. */
	while (from_ns < end_ns) {
		unsigned int class = ledger_age_class(l, from_ns - block->time_ns);
		uint64_t to_ns = block->time_ns + (l->options.settle_ns << (class + 1));

		if (class == AGE_CLASSES - 1 || to_ns > end_ns)
			to_ns = end_ns;
		site->exposure_s[class] += (double)(to_ns - from_ns) / NS_PER_S;
		from_ns = to_ns;
	}
}

void ledger_site_died(const struct leak_ledger *l, struct site *site, const struct block *block,
		      uint64_t now_ns, bool touched)
{
	uint64_t middle_ns;
	unsigned int class;

	/* It is late only if it was seen to be of age: so one that nobody looked at is not. */
	if (block->seen_ns < block->time_ns + l->options.settle_ns) {
		site->early_deaths += !touched;
		site->young_deaths += !touched && block->looked;
		site->early_touches += touched;
		return;
	}
	middle_ns = block->seen_ns + (now_ns > block->seen_ns ? now_ns - block->seen_ns : 0) / 2;
	ledger_site_follow(l, site, block, middle_ns);
	class = ledger_age_class(l, middle_ns - block->time_ns);
	if (touched)
		site->touches[class]++;
	else
		site->deaths[class]++;
}

bool leak_ledger__brief(const struct leak_ledger *l, uint64_t hash)
{
	const struct site *site = ledger_site_find(l, hash);

	return site && site->early_deaths >= BRIEF_DEATHS &&
	       site->lasted_n * BRIEF_DEATHS <= site->early_deaths;
}

void leak_ledger__reached(struct leak_ledger *l, const struct reach_block *blocks, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct site *site = ledger_site_find(l, blocks[i].id);

		if (!site)
			continue;
		site->lost_n = site->referenced_n = 0;
		memset(site->referenced_from, 0, sizeof(site->referenced_from));
	}
	for (size_t i = 0; i < n; i++) {
		struct site *site = ledger_site_find(l, blocks[i].id);

		if (!site)
			continue;
		if (reach_block_lost(&blocks[i]))
			site->lost_n++;
		else
			site->referenced_n++;
		for (unsigned int kind = 0; kind < MAPPING_KINDS; kind++)
			site->referenced_from[kind] += blocks[i].pointers[kind] > 0;
	}
}

void leak_ledger__watched(struct leak_ledger *l, uint64_t hash, uint64_t watched_ns,
			  uint64_t touches)
{
	struct site *site = ledger_site_find(l, hash);

	if (!site)
		return;
	site->watched_n++;
	site->watched_used_n += touches > 0;
	site->watch_touches += touches;
	if (watched_ns > site->watched_ns)
		site->watched_ns = watched_ns;
}

void leak_ledger__counted(struct leak_ledger *l, uint64_t hash, uint64_t calls, uint64_t bytes,
			  uint64_t span_ns)
{
	struct site *site = ledger_site_find(l, hash);

	if (!site)
		return;
	site->counted_calls = calls;
	site->counted_bytes = bytes;
	site->counted_ns = span_ns;
}
