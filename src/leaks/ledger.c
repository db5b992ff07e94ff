/* SPDX-License-Identifier: GPL-2.0-only */
#include "leaks/ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "leaks/ledger_state.h"

#define S_NS 1000000000ULL

#define WINDOWS_MAX 16384u
/* Of a site whose blocks are seen to die more need not be followed. */
#define DEATHS_ENOUGH	32u
#define FOLLOWED_ENOUGH 256u

static void set_defaults(struct leak_options *o)
{
	if (!o->settle_ns)
		o->settle_ns = 10 * S_NS;
	if (!o->check_first_ns)
		o->check_first_ns = S_NS;
	if (!o->check_max_ns)
		o->check_max_ns = 60 * S_NS;
	if (!o->blocks_max)
		o->blocks_max = 16384;
	if (!o->sites_max)
		o->sites_max = 4096;
	if (!o->survivors_few)
		o->survivors_few = 5;
	if (o->chance_max <= 0)
		o->chance_max = 0.01;
	if (!o->watch_ns)
		o->watch_ns = 10 * S_NS;
}

struct leak_ledger *leak_ledger__new(const struct leak_options *options)
{
	struct leak_ledger *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	if (options)
		l->options = *options;
	set_defaults(&l->options);
	for (l->heads_n = 64; l->heads_n < l->options.blocks_max && l->heads_n < 1u << 24;)
		l->heads_n *= 2;
	l->blocks = calloc(l->options.blocks_max, sizeof(*l->blocks));
	l->block_heads = malloc(l->heads_n * sizeof(*l->block_heads));
	l->sites = calloc(l->options.sites_max, sizeof(*l->sites));
	l->site_heads = malloc(l->heads_n * sizeof(*l->site_heads));
	if (!l->blocks || !l->block_heads || !l->sites || !l->site_heads) {
		leak_ledger__free(l);
		errno = ENOMEM;
		return NULL;
	}
	memset(l->block_heads, 0xff, l->heads_n * sizeof(*l->block_heads));
	memset(l->site_heads, 0xff, l->heads_n * sizeof(*l->site_heads));
	l->free_block = NONE;
	return l;
}

void leak_ledger__free(struct leak_ledger *l)
{
	if (!l)
		return;
	free(l->blocks);
	free(l->block_heads);
	free(l->sites);
	free(l->site_heads);
	free(l->windows);
	free(l);
}

static uint32_t *chain_of(const struct leak_ledger *l, uint64_t ptr)
{
	return &l->block_heads[(ptr >> 4) * 0x9e3779b97f4a7c15ULL >> 32 & (l->heads_n - 1)];
}

static struct block *find_block(const struct leak_ledger *l, uint64_t ptr)
{
	for (uint32_t i = *chain_of(l, ptr); i != NONE; i = l->blocks[i].next)
		if (l->blocks[i].ptr == ptr)
			return &l->blocks[i];
	return NULL;
}

static void forget(struct leak_ledger *l, struct block *block)
{
	uint32_t index = (uint32_t)(block - l->blocks), *at = chain_of(l, block->ptr);

	while (*at != index)
		at = &l->blocks[*at].next;
	*at = block->next;
	block->next = l->free_block;
	l->free_block = index;
	block->used = false;
	block->generation++;
	l->sites[block->site].followed_n--;
	l->counts.followed_n--;
}

/* The blocks of the older half of the windows go with them: a hunt that lasts long looks at now. */
static void forget_windows(struct leak_ledger *l)
{
	uint32_t half = l->windows_n / 2;

	for (uint32_t i = 0; i < l->blocks_n; i++) {
		struct block *block = &l->blocks[i];

		if (block->used && block->window < half)
			forget(l, block);
		else if (block->used)
			block->window -= half;
	}
	l->windows_n -= half;
	memmove(l->windows, l->windows + half, l->windows_n * sizeof(*l->windows));
}

int leak_ledger__window(struct leak_ledger *l, const struct leak_window *window)
{
	uint64_t length_ns = 0;

	if (l->windows_n == WINDOWS_MAX)
		forget_windows(l);
	if (l->windows_n == l->windows_room) {
		uint32_t room = l->windows_room ? l->windows_room * 2 : 64;
		struct window *grown = realloc(l->windows, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		l->windows = grown;
		l->windows_room = room;
	}
	l->windows[l->windows_n++] = (struct window){.opened_ns = window->opened_ns,
						     .closed_ns = window->closed_ns,
						     .hits = window->hits,
						     .sampled = window->sampled,
						     .mappings_only = window->mappings_only};
	l->counts.windows_n++;
	l->counts.hits += window->hits;
	if (window->closed_ns > window->opened_ns)
		length_ns = window->closed_ns - window->opened_ns;
	l->counts.probed_ns += length_ns;
	l->mappings_only_ns += window->mappings_only ? length_ns : 0;
	return 0;
}

static bool deaths_enough(const struct site *site)
{
	uint64_t deaths = 0;

	for (unsigned int i = 0; i < AGE_CLASSES; i++)
		deaths += site->deaths[i] + site->touches[i];
	return deaths >= DEATHS_ENOUGH && site->followed_n >= FOLLOWED_ENOUGH;
}

static double stands_for(const struct window *window, const struct leak_sample *sample)
{
	if (sample->stands_for >= 1)
		return sample->stands_for;
	return window->hits > window->sampled && window->sampled
		       ? (double)window->hits / (double)window->sampled
		       : 1;
}

/* The next look; one is just when the block comes of age, and into each further class of ages. */
static void schedule(const struct leak_ledger *l, struct block *block, uint64_t now_ns)
{
	uint64_t age_ns = l->options.settle_ns;

	for (int i = 1; i < AGE_CLASSES && block->time_ns + age_ns <= now_ns; i++)
		age_ns *= 2;
	block->due_ns = now_ns + block->interval_ns;
	if (block->time_ns + age_ns > now_ns && block->due_ns > block->time_ns + age_ns)
		block->due_ns = block->time_ns + age_ns;
	block->interval_ns *= 2;
	if (block->interval_ns > l->options.check_max_ns)
		block->interval_ns = l->options.check_max_ns;
}

static uint32_t take_place(struct leak_ledger *l)
{
	uint32_t index = l->free_block;

	if (index != NONE)
		l->free_block = l->blocks[index].next;
	else if (l->blocks_n < l->options.blocks_max)
		index = l->blocks_n++;
	return index;
}

static void follow(struct leak_ledger *l, uint32_t site, const struct leak_sample *sample)
{
	struct window *window = &l->windows[l->windows_n - 1];
	uint32_t index = take_place(l), *head = chain_of(l, sample->ptr);
	struct block *block;

	if (index == NONE) {
		window->dropped++;
		l->counts.blocks_dropped++;
		return;
	}
	block = &l->blocks[index];
	*block = (struct block){.ptr = sample->ptr,
				.size_bytes = sample->size_bytes,
				.time_ns = sample->time_ns,
				.due_ns = window->closed_ns,
				.interval_ns = l->options.check_first_ns,
				.stands_for = stands_for(window, sample),
				.site = site,
				.window = l->windows_n - 1,
				.generation = block->generation,
				.next = *head,
				.used = true,
				.unknowable = sample->unknowable,
				.unchanged = true};
	*head = index;
	l->sites[site].followed_n++;
	l->counts.followed_n++;
	if (sample->looked_ns < sample->time_ns)
		return;
	block->looked = true;
	block->seen_ns = sample->looked_ns;
	block->fingerprint = sample->fingerprint;
	schedule(l, block, sample->looked_ns);
}

static void take_fate(struct leak_ledger *l, uint32_t site, const struct leak_sample *sample)
{
	if (sample->ended && sample->ended < BLOCK_EVIDENCES) {
		l->counts.freed[sample->ended]++;
		l->sites[site].early_deaths++;
	} else if (sample->unseen) {
		l->windows[l->windows_n - 1].dropped++;
		l->counts.blocks_dropped++;
	} else if (!deaths_enough(&l->sites[site])) {
		follow(l, site, sample);
	}
}

int leak_ledger__add(struct leak_ledger *l, const struct leak_sample *sample)
{
	struct block *old = find_block(l, sample->ptr);
	uint32_t site;

	if (!l->windows_n || !sample->ptr)
		return 0;
	l->counts.samples++;
	if (old) {
		l->counts.freed[BLOCK_EVIDENCE_REUSED]++;
		ledger_site_died(l, &l->sites[old->site], old, sample->time_ns, false);
		forget(l, old);
	}
	site = ledger_site(l, sample->site, sample->time_ns);
	if (site == NONE) {
		l->windows[l->windows_n - 1].dropped++;
		return 0;
	}
	l->sites[site].mapping |= sample->mapping;
	l->sites[site].sampled_n++;
	l->sites[site].sampled_bytes += sample->size_bytes;
	l->sites[site].stands_for += stands_for(&l->windows[l->windows_n - 1], sample);
	take_fate(l, site, sample);
	return 0;
}

size_t leak_ledger__due(struct leak_ledger *l, uint64_t now_ns, struct block_check *out, size_t max)
{
	size_t n = 0;

	for (uint32_t i = 0; i < l->blocks_n && n < max; i++) {
		const struct block *block = &l->blocks[i];

		if (!block->used || block->due_ns > now_ns)
			continue;
		out[n++] = (struct block_check){.ptr = block->ptr,
						.size_bytes = block->size_bytes,
						.fingerprint = block->fingerprint,
						.id = (uint64_t)block->generation << 32 | i,
						.site = l->sites[block->site].hash};
	}
	return n;
}

uint64_t leak_ledger__next_due_ns(const struct leak_ledger *l)
{
	uint64_t due_ns = UINT64_MAX;

	for (uint32_t i = 0; i < l->blocks_n; i++)
		if (l->blocks[i].used && l->blocks[i].due_ns < due_ns)
			due_ns = l->blocks[i].due_ns;
	return due_ns;
}

static void judged(struct leak_ledger *l, struct block *block, const struct block_check *check,
		   uint64_t now_ns)
{
	struct site *site = &l->sites[block->site];
	/* Content that changes while a block is young is its owner's, who fills it. */
	bool settled = block->seen_ns >= block->time_ns + l->options.settle_ns;

	if (check->state == BLOCK_FREED || (check->touched && settled)) {
		if (check->state == BLOCK_FREED && check->evidence < BLOCK_EVIDENCES)
			l->counts.freed[check->evidence]++;
		ledger_site_died(l, site, block, now_ns, check->state != BLOCK_FREED);
		forget(l, block);
		return;
	}
	ledger_site_follow(l, site, block, now_ns);
	site->lasted_n += now_ns >= block->time_ns + l->options.check_first_ns;
	if (check->touched)
		block->unchanged = false;
	block->fingerprint = check->fingerprint;
	block->unknowable = check->state == BLOCK_UNKNOWABLE;
	block->seen_ns = now_ns;
	schedule(l, block, now_ns);
}

void leak_ledger__judged(struct leak_ledger *l, const struct block_check *checks, size_t n,
			 uint64_t now_ns)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t index = (uint32_t)checks[i].id;
		struct block *block = index < l->blocks_n ? &l->blocks[index] : NULL;

		if (!block || !block->used || block->generation != checks[i].id >> 32 ||
		    now_ns < block->time_ns || now_ns < block->seen_ns)
			continue;
		judged(l, block, &checks[i], now_ns);
	}
}

static int compare_survivors(const void *a, const void *b)
{
	const struct block *x = *(const struct block *const *)a;
	const struct block *y = *(const struct block *const *)b;

	if (ledger_block_is_sure(x) != ledger_block_is_sure(y))
		return ledger_block_is_sure(x) ? -1 : 1;
	return (x->time_ns > y->time_ns) - (x->time_ns < y->time_ns);
}

size_t leak_ledger__survivors(const struct leak_ledger *l, uint64_t site, struct reach_block *out,
			      size_t max)
{
	const struct block **found = malloc((l->blocks_n + 1) * sizeof(*found));
	size_t n = 0;

	for (uint32_t i = 0; found && i < l->blocks_n; i++) {
		const struct block *block = &l->blocks[i];

		if (block->used && block->seen_ns >= block->time_ns + l->options.settle_ns &&
		    (!site || l->sites[block->site].hash == site))
			found[n++] = block;
	}
	if (n)
		qsort(found, n, sizeof(*found), compare_survivors);
	if (n > max)
		n = max;
	for (size_t i = 0; i < n; i++)
		out[i] = (struct reach_block){.ptr = found[i]->ptr,
					      .size_bytes = found[i]->size_bytes,
					      .id = l->sites[found[i]->site].hash};
	free(found);
	return n;
}

void leak_ledger__counts(const struct leak_ledger *l, struct leak_ledger_counts *counts)
{
	*counts = l->counts;
	counts->sites_n = l->sites_n;
}
