/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * estimate.c - from the survivors of a site to bytes per second.
 *
 * A window shows the allocations of its own duration; what survives of them, divided by the time
 * that windows were open, is the rate at which survivors come.  The interval is that of a Poisson
 * count, widened by what blocks differ in size and windows in what they caught (the variance of a
 * ratio): a site that leaks in bursts has fewer independent observations than survivors.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "leaks/ledger_state.h"

/* Two-sided 95 %. */
#define Z 1.96
/* Blocks that are taken to come at a time, at most. */
#define CLUSTER_MAX 4.0
/* Windows with survivors beside one that has most of them. */
#define BURST_OTHERS 3u

/* One window as far as this site is concerned. */
struct share {
	double bytes, blocks, squares; /* of blocks */
	uint64_t n;		       /* survivors, not weighted */
	/* It is too young, or has blocks that were not looked at since they came of age; or it
	 * could not see the site's. */
	bool open;
	bool burst; /* see set_burst_aside */
};

/* Bounds of a Poisson count's mean (Wilson and Hilferty); n need not be whole. */
static double poisson_low(double n)
{
	return n <= 0 ? 0 : n * pow(fmax(0, 1 - 1 / (9 * n) - Z / (3 * sqrt(n))), 3);
}

static double poisson_high(double n)
{
	double m = n + 1;

	return m * pow(1 - 1 / (9 * m) + Z / (3 * sqrt(m)), 3);
}

static unsigned int size_class(uint64_t bytes)
{
	unsigned int class = bytes ? 63 - (unsigned int)__builtin_clzll(bytes) : 0;

	return class < LEAK_SIZE_CLASSES ? class : LEAK_SIZE_CLASSES - 1;
}

/* What the block stands for, and what found no room in its window. */
static double weight_of(const struct leak_ledger *l, const struct block *block)
{
	const struct window *w = &l->windows[block->window];
	double room = w->sampled > w->dropped
			      ? (double)w->sampled / (double)(w->sampled - w->dropped)
			      : 1;

	return block->stands_for * room;
}

static void count_survivor(const struct leak_ledger *l, const struct block *block,
			   struct share *share, uint64_t now_ns, struct rate_estimate *out)
{
	double weight = weight_of(l, block);
	double age_s = now_ns > block->time_ns ? (double)(now_ns - block->time_ns) / NS_PER_S : 0;

	out->windows_n += !share->n;
	share->n++;
	share->bytes += (double)block->size_bytes * weight;
	share->blocks += weight;
	share->squares += weight * weight;
	out->survivors_n++;
	out->survivors_bytes += block->size_bytes;
	out->unknowable_n += block->unknowable;
	out->sure_n += ledger_block_is_sure(block);
	out->sizes[size_class(block->size_bytes)]++;
	if (age_s > out->oldest_s)
		out->oldest_s = age_s;
}

static void share_out(const struct leak_ledger *l, uint32_t site, uint64_t age_ns, uint64_t now_ns,
		      struct share *shares, struct rate_estimate *out)
{
	for (uint32_t i = 0; i < l->windows_n; i++)
		shares[i].open = now_ns < l->windows[i].closed_ns + age_ns ||
				 (l->windows[i].mappings_only && !l->sites[site].mapping);
	for (uint32_t i = 0; i < l->blocks_n; i++) {
		const struct block *block = &l->blocks[i];

		if (!block->used || block->site != site)
			continue;
		if (block->seen_ns >= block->time_ns + age_ns) {
			count_survivor(l, block, &shares[block->window], now_ns, out);
		} else {
			out->young_n++;
			shares[block->window].open = true;
		}
	}
}

/*
 * A program that stood still for long makes up for it at once: a window that saw that has most of
 * the survivors, and says nothing of whether they keep coming, if the others are enough for that.
 */
static void set_burst_aside(const struct leak_ledger *l, struct share *shares)
{
	struct share *most = &shares[0], sum = {};
	uint64_t windows_n = 0;

	for (uint32_t i = 0; i < l->windows_n; i++) {
		if (shares[i].open)
			continue;
		sum.n += shares[i].n;
		sum.blocks += shares[i].blocks;
		windows_n += shares[i].n > 0;
		if (most->open || shares[i].blocks > most->blocks)
			most = &shares[i];
	}
	if (!most->open && most->blocks > sum.blocks / 2 && windows_n > BURST_OTHERS &&
	    sum.n - most->n >= l->options.survivors_few)
		most->burst = true;
}

/* Of the windows that say whether survivors keep coming. */
static bool is_aside(const struct share *share)
{
	return share->open || share->burst;
}

static double duration_s(const struct window *w)
{
	return w->closed_ns > w->opened_ns ? (double)(w->closed_ns - w->opened_ns) / NS_PER_S : 0;
}

/* How many independent observations the variance between windows is worth. */
static double effective_n(const struct leak_ledger *l, const struct share *shares, double ratio,
			  double total)
{
	double squares = 0;
	uint32_t n = 0;

	for (uint32_t i = 0; i < l->windows_n; i++) {
		double rest = shares[i].bytes - ratio * duration_s(&l->windows[i]);

		if (shares[i].open)
			continue;
		n++;
		squares += rest * rest;
	}
	if (n < 3 || squares <= 0)
		return INFINITY;
	return total * total / (squares * n / (n - 1));
}

/* What comes from the first half of the time that windows were open, in allocations. */
static double first_half(const struct leak_ledger *l, const struct share *shares, double time_s)
{
	double before_s = 0, blocks = 0;

	for (uint32_t i = 0; i < l->windows_n && before_s < time_s / 2; i++) {
		double part, window_s = duration_s(&l->windows[i]);

		if (is_aside(&shares[i]))
			continue;
		/* The window that the middle lies in belongs to both halves. */
		part = window_s > 0 ? fmin(1, (time_s / 2 - before_s) / window_s) : 1;
		blocks += shares[i].blocks * part;
		before_s += window_s;
	}
	return blocks;
}

/*
 * Blocks that come several at a time are no more observations than those times: the variance
 * between windows, with a rate for each half, says how many they are worth.
 */
static double clustered_n(const struct leak_ledger *l, const struct share *shares, double blocks,
			  double first_half, double time_s)
{
	double before_s = 0, squares = 0;

	for (uint32_t i = 0; i < l->windows_n; i++) {
		double window_s = duration_s(&l->windows[i]), part, rest;

		if (is_aside(&shares[i]))
			continue;
		part = before_s + window_s / 2 < time_s / 2 ? first_half : 1 - first_half;
		rest = shares[i].blocks - blocks * part * window_s / (time_s / 2);
		squares += rest * rest;
		before_s += window_s;
	}
	return squares > 0 ? blocks * blocks / squares : INFINITY;
}

/* The sum of what each survivor stands for, squared. */
static double sum_of_squares(const struct leak_ledger *l, uint32_t site, const struct share *shares)
{
	double squares = 0;

	for (uint32_t i = 0; i < l->blocks_n; i++) {
		const struct block *b = &l->blocks[i];
		double part;

		if (!b->used || b->site != site || shares[b->window].open)
			continue;
		part = (double)b->size_bytes * weight_of(l, b);
		squares += part * part;
	}
	return squares;
}

/* Do they come in the second half as in the first? */
static void compare_halves(const struct leak_ledger *l, const struct share *shares,
			   struct rate_estimate *out)
{
	double blocks = 0, squares = 0, time_s = 0, most;

	for (uint32_t i = 0; i < l->windows_n; i++) {
		if (is_aside(&shares[i]))
			continue;
		blocks += shares[i].blocks;
		squares += shares[i].squares;
		time_s += duration_s(&l->windows[i]);
	}
	if (!(blocks > 0) || !(time_s > 0))
		return;
	out->first_half = first_half(l, shares, time_s) / blocks;
	most = blocks * blocks / squares;
	/* What is kept from the start comes in one piece, too. */
	out->independent_n =
		fmax(most / CLUSTER_MAX,
		     fmin(most, clustered_n(l, shares, blocks, out->first_half, time_s)));
}

static void estimate(const struct leak_ledger *l, uint32_t site, const struct share *shares,
		     struct rate_estimate *out)
{
	const struct site *s = &l->sites[site];
	double bytes = 0, blocks = 0, time_s = 0, n;

	for (uint32_t i = 0; i < l->windows_n; i++) {
		if (shares[i].open)
			continue;
		bytes += shares[i].bytes;
		blocks += shares[i].blocks;
		time_s += duration_s(&l->windows[i]);
	}
	out->rate = out->low = out->high = NAN;
	if (time_s <= 0)
		return;
	out->rate = bytes / time_s;
	out->blocks_per_s = blocks / time_s;
	out->low = 0;
	/* None: as many as could have been missed, of the site's usual size. */
	out->high = poisson_high(0) / time_s * (double)s->sampled_bytes /
		    (double)(s->sampled_n ? s->sampled_n : 1);
	if (bytes <= 0)
		return;
	n = fmin(bytes * bytes / sum_of_squares(l, site, shares),
		 effective_n(l, shares, out->rate, bytes));
	out->low = out->rate / n * poisson_low(n);
	out->high = out->rate / n * poisson_high(n);
}

int ledger_estimate(const struct leak_ledger *l, uint32_t site, uint64_t age_ns, uint64_t now_ns,
		    struct rate_estimate *out)
{
	struct share *shares = calloc(l->windows_n + 1, sizeof(*shares));

	*out = (struct rate_estimate){0};
	if (!shares)
		return -ENOMEM;
	share_out(l, site, age_ns, now_ns, shares, out);
	set_burst_aside(l, shares);
	compare_halves(l, shares, out);
	estimate(l, site, shares, out);
	free(shares);
	return 0;
}
