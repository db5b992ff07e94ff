/* SPDX-License-Identifier: GPL-2.0-only */
/* Sites with known fates, simulated: which of them are taken for leaks, and at what rate. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "leaks/ledger.h"

#define S	   1000000000ULL
#define MS	   1000000ULL
#define SITES_MAX  8
#define BLOCKS_MAX 400000

/* How blocks of a site end. */
struct fate {
	double per_s; /* allocations */
	uint64_t size_bytes;
	double part_kept; /* never freed */
	double life_s;	  /* mean of the others, exponential */
	double stops_s;	  /* no more from then on; 0: never */
	bool is_leak;
};

struct world {
	struct leak_ledger *ledger;
	uint64_t seed;
	/* When each sampled block is freed, by address / 64. */
	uint64_t *dies_ns;
	uint64_t blocks_n;
};

static double draw(struct world *w)
{
	w->seed ^= w->seed << 13;
	w->seed ^= w->seed >> 7;
	w->seed ^= w->seed << 17;
	return ((double)(w->seed >> 11) + 0.5) / 9007199254740992.0;
}

static unsigned int draw_poisson(struct world *w, double mean)
{
	double left = exp(-fmin(mean, 500));
	unsigned int n = 0;

	for (double p = draw(w); p > left; p *= draw(w))
		n++;
	return n;
}

static void check_due(struct world *w, uint64_t now_ns)
{
	static struct block_check checks[16384];
	size_t n = leak_ledger__due(w->ledger, now_ns, checks, 16384);

	for (size_t i = 0; i < n; i++) {
		bool dead = w->dies_ns[checks[i].ptr / 64] <= now_ns;

		checks[i].state = dead ? BLOCK_FREED : BLOCK_LIVE;
		checks[i].evidence = dead ? BLOCK_EVIDENCE_CACHED : BLOCK_EVIDENCE_NONE;
		checks[i].fingerprint = 1;
	}
	leak_ledger__judged(w->ledger, checks, n, now_ns);
}

static size_t sample(struct world *w, const struct fate *fate, uint64_t site, uint64_t from_ns,
		     double window_s, struct leak_sample *out, size_t max)
{
	double stops_ns = fate->stops_s > 0 ? fate->stops_s * 1e9 : INFINITY;
	unsigned int n = (double)from_ns < stops_ns ? draw_poisson(w, fate->per_s * window_s) : 0;

	for (unsigned int i = 0; i < n && i < max; i++) {
		uint64_t time_ns = from_ns + (uint64_t)(draw(w) * window_s * 1e9);
		bool kept = draw(w) < fate->part_kept;

		assert_true(++w->blocks_n < BLOCKS_MAX);
		w->dies_ns[w->blocks_n] =
			kept ? UINT64_MAX : time_ns - (uint64_t)(log(draw(w)) * fate->life_s * 1e9);
		out[i] = (struct leak_sample){.site = site,
					      .ptr = w->blocks_n * 64,
					      .size_bytes = fate->size_bytes,
					      .time_ns = time_ns};
	}
	return n < max ? n : max;
}

/* The look before the probes come off. */
static void look(const struct world *w, struct leak_sample *samples, size_t n, uint64_t now_ns)
{
	for (size_t i = 0; i < n; i++) {
		if (w->dies_ns[samples[i].ptr / 64] <= now_ns)
			samples[i].ended = BLOCK_EVIDENCE_CACHED;
		samples[i].looked_ns = now_ns;
		samples[i].fingerprint = 1;
	}
}

/* A window of 10 ms every second. */
static void run(struct world *w, const struct fate *fates, size_t n, unsigned int seconds)
{
	static struct leak_sample samples[8192];

	for (unsigned int s = 0; s < seconds; s++) {
		uint64_t from_ns = (s + 1) * S;
		struct leak_window window = {.opened_ns = from_ns, .closed_ns = from_ns + 10 * MS};
		size_t taken = 0;

		for (size_t i = 0; i < n; i++)
			taken += sample(w, &fates[i], i + 1, from_ns, 0.01, samples + taken,
					8192 - taken);
		look(w, samples, taken, from_ns + 11 * MS);
		window.hits = window.sampled = taken;
		assert_int_equal(leak_ledger__window(w->ledger, &window), 0);
		for (size_t i = 0; i < taken; i++)
			assert_int_equal(leak_ledger__add(w->ledger, &samples[i]), 0);
		check_due(w, from_ns + 20 * MS);
	}
	check_due(w, (seconds + 1) * S);
}

static void begin(struct world *w, uint64_t seed)
{
	memset(w, 0, sizeof(*w));
	w->seed = seed * 0x9e3779b97f4a7c15ULL + 1;
	w->ledger = leak_ledger__new(NULL);
	w->dies_ns = calloc(BLOCKS_MAX, sizeof(*w->dies_ns));
	assert_non_null(w->ledger);
	assert_non_null(w->dies_ns);
}

static void end(struct world *w)
{
	leak_ledger__free(w->ledger);
	free(w->dies_ns);
}

/* A leak of 10 KB/s beside churn, caches that replace at random, and what is kept from the start.
 */
static const struct fate program[] = {
	{.per_s = 100, .size_bytes = 100, .part_kept = 1, .is_leak = true},
	{.per_s = 20000, .size_bytes = 64, .life_s = 0.01},
	{.per_s = 300, .size_bytes = 500, .life_s = 20},
	{.per_s = 100, .size_bytes = 300, .life_s = 120},
	{.per_s = 3000, .size_bytes = 50, .part_kept = 1, .stops_s = 4},
	{.per_s = 500, .size_bytes = 80, .life_s = 3},
};
#define PROGRAM_N (sizeof(program) / sizeof(program[0]))

static const struct leak_growth steady = {true, 10500, 9000, 12000};

static void test_leak_is_first(void **state)
{
	int first = 0, false_probable = 0, covered = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct leak_site sites[SITES_MAX];
		struct world w;
		size_t n;

		begin(&w, seed);
		run(&w, program, PROGRAM_N, 120);
		n = leak_ledger__rank(w.ledger, &steady, true, 121 * S, sites, SITES_MAX);
		assert_int_equal(n, PROGRAM_N);
		first += sites[0].site == 1 && sites[0].verdict == LEAK_PROBABLE;
		covered += sites[0].rate_ungated_low <= 10000 &&
			   (sites[0].rate_high >= 10000 || sites[0].gated);
		for (size_t i = 0; i < n; i++)
			false_probable += sites[i].verdict >= LEAK_PROBABLE && sites[i].site != 1;
		end(&w);
	}
	print_message("first %d of 40, covered %d, false %d\n", first, covered, false_probable);
	assert_true(first >= 39);
	assert_true(covered >= 34);
	assert_int_equal(false_probable, 0);
}

/* Not every leak is quick: with few survivors, as soon as others have been seen to die. */
static void test_soon(void **state)
{
	static const struct fate few[] = {
		{.per_s = 30, .size_bytes = 350, .part_kept = 1},
		{.per_s = 20000, .size_bytes = 64, .life_s = 0.01},
		{.per_s = 300, .size_bytes = 500, .life_s = 5},
	};
	int probable = 0, enough = 0, wrong = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 100; seed++) {
		struct leak_site sites[SITES_MAX];
		struct world w;
		size_t n;

		begin(&w, seed);
		run(&w, few, 3, 50);
		n = leak_ledger__rank(w.ledger, &steady, true, 51 * S, sites, SITES_MAX);
		for (size_t i = 0; i < n; i++) {
			wrong += sites[i].site != 1 && sites[i].verdict >= LEAK_PROBABLE;
			enough += sites[i].site == 1 && sites[i].survivors_n >= 8;
			probable += sites[i].site == 1 && sites[i].survivors_n >= 8 &&
				    sites[i].verdict == LEAK_PROBABLE;
		}
		end(&w);
	}
	print_message("probable %d of %d, false %d\n", probable, enough, wrong);
	assert_true(enough >= 70 && probable >= enough * 9 / 10);
	assert_true(wrong <= 1);
}

static struct leak_site rank_one(struct world *w, const struct leak_growth *growth, bool tells,
				 uint64_t site)
{
	struct leak_site sites[SITES_MAX];
	size_t n = leak_ledger__rank(w->ledger, growth, tells, 121 * S, sites, SITES_MAX);

	for (size_t i = 0; i < n; i++)
		if (sites[i].site == site)
			return sites[i];
	fail();
	return sites[0];
}

/* What each verdict needs: growth, an allocator that tells, a watch. */
static void test_verdicts(void **state)
{
	const struct leak_growth none = {true, 10, -100, 100}, unknown = {.known = false};
	const struct leak_growth large = {true, 1e6, 9e5, 1.1e6}, small = {true, 900, 800, 1000};
	struct leak_site site;
	struct world w;

	(void)state;
	begin(&w, 3);
	run(&w, program, PROGRAM_N, 120);
	assert_int_equal(rank_one(&w, &none, true, 1).verdict, LEAK_SUSPECT);
	assert_int_equal(rank_one(&w, &unknown, true, 1).verdict, LEAK_SUSPECT);
	assert_int_equal(rank_one(&w, &large, true, 1).verdict, LEAK_SUSPECT);
	site = rank_one(&w, &small, true, 1);
	assert_int_equal(site.verdict, LEAK_SUSPECT);
	assert_true(site.gated && site.rate <= 1000 && site.rate_ungated > 5000);
	assert_int_equal(rank_one(&w, &steady, true, 1).verdict, LEAK_PROBABLE);
	leak_ledger__watched(w.ledger, 1, 10 * S, 0);
	site = rank_one(&w, &steady, true, 1);
	assert_int_equal(site.verdict, LEAK_CONFIRMED);
	assert_true(site.confidence > 0.99);
	assert_int_equal(rank_one(&w, &steady, false, 1).verdict, LEAK_PROBABLE);
	/* Two of three that were watched are in use. */
	leak_ledger__watched(w.ledger, 1, 10 * S, 7);
	leak_ledger__watched(w.ledger, 1, 10 * S, 1);
	assert_int_equal(rank_one(&w, &steady, true, 1).verdict, LEAK_SUSPECT);
	end(&w);
}

/* A site that leaks one block in five: its rate is that of those that stay. */
static void test_leaks_a_part(void **state)
{
	static const struct fate mixed[] = {
		{.per_s = 500, .size_bytes = 100, .part_kept = 0.2, .life_s = 4},
		{.per_s = 300, .size_bytes = 500, .life_s = 20},
	};
	struct leak_site site;
	struct world w;

	(void)state;
	begin(&w, 5);
	run(&w, mixed, 2, 120);
	site = rank_one(&w, &steady, true, 1);
	assert_int_equal(site.verdict, LEAK_PROBABLE);
	assert_true(site.settled_s > 10);
	assert_true(site.rate_ungated_low < 10000 && site.rate_ungated > 7000 &&
		    site.rate_ungated < 13500);
	/* With all its calls counted, only the part that stays is estimated. */
	leak_ledger__counted(w.ledger, 1, 500 * 60, 500 * 60 * 100, 60 * S);
	site = rank_one(&w, &steady, true, 1);
	assert_true(site.counted);
	assert_true(site.rate_ungated_low < 10000 && site.rate_high > 9000);
	/* Sizes that are pointers: what was counted is no call of malloc. */
	leak_ledger__counted(w.ledger, 1, 500 * 60, 500 * 60 * 0x7f0000000000ULL, 60 * S);
	site = rank_one(&w, &steady, true, 1);
	assert_false(site.counted);
	assert_true(site.rate_ungated < 13500);
	end(&w);
}

/* What finds no room is counted, and does not make the rates wrong. */
static void test_no_room(void **state)
{
	const struct leak_options options = {.blocks_max = 64, .sites_max = 2};
	struct leak_ledger_counts counts;
	struct world w;

	(void)state;
	begin(&w, 7);
	leak_ledger__free(w.ledger);
	w.ledger = leak_ledger__new(&options);
	assert_non_null(w.ledger);
	run(&w, program, PROGRAM_N, 60);
	leak_ledger__counts(w.ledger, &counts);
	assert_int_equal(counts.sites_n, 2);
	assert_true(counts.blocks_dropped > 0 && counts.sites_dropped > 0);
	assert_true(counts.followed_n <= 64);
	end(&w);
}

/* An address that malloc hands out again ends the block that was there. */
static void test_handed_out_again(void **state)
{
	const struct leak_window window = {
		.opened_ns = S, .closed_ns = 2 * S, .hits = 2, .sampled = 2};
	struct leak_ledger *ledger = leak_ledger__new(NULL);
	struct leak_sample one = {.site = 5, .ptr = 4096, .size_bytes = 10, .time_ns = S};
	struct leak_ledger_counts counts;
	struct block_check check;

	(void)state;
	assert_non_null(ledger);
	assert_int_equal(leak_ledger__next_due_ns(ledger), UINT64_MAX);
	assert_int_equal(leak_ledger__window(ledger, &window), 0);
	leak_ledger__add(ledger, &one);
	assert_int_equal(leak_ledger__due(ledger, 2 * S, &check, 1), 1);
	one.time_ns += 5;
	leak_ledger__add(ledger, &one);
	leak_ledger__counts(ledger, &counts);
	assert_int_equal(counts.freed[BLOCK_EVIDENCE_REUSED], 1);
	assert_int_equal(counts.followed_n, 1);
	/* What was found of the old one is not said of the new one. */
	check.state = BLOCK_FREED;
	leak_ledger__judged(ledger, &check, 1, 2 * S);
	leak_ledger__counts(ledger, &counts);
	assert_int_equal(counts.followed_n, 1);
	assert_int_equal(leak_ledger__next_due_ns(ledger), 2 * S);
	leak_ledger__free(ledger);
}

static void all_live(struct leak_ledger *ledger, uint64_t now_ns)
{
	struct block_check checks[64];
	size_t n = leak_ledger__due(ledger, now_ns, checks, 64);

	for (size_t i = 0; i < n; i++)
		checks[i].state = BLOCK_LIVE;
	leak_ledger__judged(ledger, checks, n, now_ns);
}

/* Windows that see nothing but mappings say nothing of how often others are allocated. */
static void test_windows_for_mappings(void **state)
{
	struct leak_ledger *ledger = leak_ledger__new(NULL);
	const struct leak_growth growth = {true, 11000, 10000, 12000};
	struct leak_site sites[2];

	(void)state;
	assert_non_null(ledger);
	for (uint64_t i = 1; i <= 20; i++) {
		bool only = i % 2;
		struct leak_window window = {.opened_ns = 2 * i * S,
					     .closed_ns = 2 * i * S + (only ? 990 : 10) * MS,
					     .hits = 1,
					     .sampled = 1,
					     .mappings_only = only};
		struct leak_sample one = {.site = only ? 1 : 2,
					  .ptr = i << 20,
					  .size_bytes = only ? 1000 : 100,
					  .time_ns = window.opened_ns + MS,
					  .mapping = only};

		assert_int_equal(leak_ledger__window(ledger, &window), 0);
		assert_int_equal(leak_ledger__add(ledger, &one), 0);
		all_live(ledger, window.closed_ns);
	}
	all_live(ledger, 60 * S);
	assert_int_equal(leak_ledger__rank(ledger, &growth, true, 61 * S, sites, 2), 2);
	assert_int_equal(sites[0].site, 2);
	assert_float_equal(sites[0].rate, 100 / 0.01, 1);
	assert_int_equal(sites[1].site, 1);
	/* All windows see mappings. */
	assert_float_equal(sites[1].rate, 1000 * 10 / (10 * 0.99 + 10 * 0.01), 1);
	leak_ledger__free(ledger);
}

/* How what was sampled in a window is known when the window is over. */
static void test_fates(void **state)
{
	const struct leak_window window = {
		.opened_ns = S, .closed_ns = 2 * S, .hits = 4, .sampled = 4};
	struct leak_ledger *ledger = leak_ledger__new(NULL);
	struct leak_sample ended = {.site = 5, .ptr = 64, .size_bytes = 10, .time_ns = S},
			   unseen = ended, there = ended;
	struct leak_ledger_counts counts;
	struct block_check check;

	(void)state;
	assert_non_null(ledger);
	ended.ended = BLOCK_EVIDENCE_REUSED;
	unseen.unseen = true;
	unseen.ptr = 128;
	there.ptr = 192;
	there.looked_ns = 2 * S;
	there.fingerprint = 77;
	assert_int_equal(leak_ledger__window(ledger, &window), 0);
	leak_ledger__add(ledger, &ended);
	leak_ledger__add(ledger, &unseen);
	leak_ledger__add(ledger, &there);
	leak_ledger__counts(ledger, &counts);
	assert_int_equal(counts.samples, 3);
	assert_int_equal(counts.freed[BLOCK_EVIDENCE_REUSED], 1);
	assert_int_equal(counts.blocks_dropped, 1);
	assert_int_equal(counts.followed_n, 1);
	/* It has been looked at: the next look is later, and compares. */
	assert_int_equal(leak_ledger__due(ledger, 2 * S, &check, 1), 0);
	assert_int_equal(leak_ledger__next_due_ns(ledger), 3 * S);
	assert_int_equal(leak_ledger__due(ledger, 3 * S, &check, 1), 1);
	assert_true(check.ptr == 192 && check.fingerprint == 77);
	leak_ledger__free(ledger);
}

#define TAKEN_WINDOWS 40
#define TAKEN_BLOCKS  25
#define TAKEN_SITE    1
#define CHURN_SITE    2

/* How the addresses of the blocks of a site go on. */
struct taken {
	double seen_again; /* share whose address is handed out again in the window */
	double freed_soon; /* of the others: freed before the second look */
	double taken;	   /* of these: handed out again to what stays, unseen */
	bool written;	   /* the others stay, but are written to while they are young */
};

static void answer_due(struct world *w, const struct taken *t, uint64_t now_ns)
{
	static struct block_check checks[16384];
	size_t n = leak_ledger__due(w->ledger, now_ns, checks, 16384);

	for (size_t i = 0; i < n; i++) {
		struct block_check *c = &checks[i];
		uint64_t fate = w->dies_ns[c->ptr / 64];
		bool dead = c->site == CHURN_SITE ? now_ns >= fate : fate == 1;
		bool changed = c->site == TAKEN_SITE && (fate == 2 || (fate == 0 && t->written));

		c->state = dead ? BLOCK_FREED : BLOCK_LIVE;
		c->evidence = dead ? BLOCK_EVIDENCE_CACHED : BLOCK_EVIDENCE_NONE;
		c->touched = changed && c->fingerprint == 1;
		c->fingerprint = changed ? 2 : c->fingerprint;
	}
	leak_ledger__judged(w->ledger, checks, n, now_ns);
}

/* dies_ns is 0: stays; 1: freed; 2: freed, and its address is that of a block that stays. */
static void add_taken(struct world *w, const struct taken *t, uint64_t from_ns)
{
	for (int i = 0; i < TAKEN_BLOCKS; i++) {
		struct leak_sample one = {.site = TAKEN_SITE,
					  .ptr = ++w->blocks_n * 64,
					  .size_bytes = 512,
					  .time_ns = from_ns + (uint64_t)i * 1000,
					  .looked_ns = from_ns + 11 * MS,
					  .fingerprint = 1};

		if (draw(w) < t->seen_again)
			one.ended = BLOCK_EVIDENCE_REUSED;
		else if (draw(w) < t->freed_soon)
			w->dies_ns[w->blocks_n] = draw(w) < t->taken ? 2 : 1;
		leak_ledger__add(w->ledger, &one);
	}
}

/* Blocks of a site that are freed late, so that what innocent ones live for is known. */
static void add_churn(struct world *w, uint64_t from_ns)
{
	for (int i = 0; i < 20; i++) {
		struct leak_sample one = {.site = CHURN_SITE,
					  .ptr = ++w->blocks_n * 64,
					  .size_bytes = 100,
					  .time_ns = from_ns,
					  .looked_ns = from_ns + 11 * MS,
					  .fingerprint = 1};

		w->dies_ns[w->blocks_n] = from_ns - (uint64_t)(log(draw(w)) * 20e9);
		leak_ledger__add(w->ledger, &one);
	}
}

/* The site after a search in which its survivors were watched and nobody touched them. */
static struct leak_site search_taken(const struct taken *t)
{
	const double per_s = TAKEN_BLOCKS / 0.01 * 512;
	const struct leak_growth growth = {true, per_s / 20, per_s / 100, per_s * 2};
	struct leak_site site;
	struct world w;

	begin(&w, 11);
	for (unsigned int s = 1; s <= TAKEN_WINDOWS; s++) {
		struct leak_window window = {.opened_ns = s * S,
					     .closed_ns = s * S + 10 * MS,
					     .hits = TAKEN_BLOCKS + 20,
					     .sampled = TAKEN_BLOCKS + 20};

		assert_int_equal(leak_ledger__window(w.ledger, &window), 0);
		add_taken(&w, t, s * S);
		add_churn(&w, s * S);
		answer_due(&w, t, s * S + 12 * MS);
	}
	for (unsigned int s = TAKEN_WINDOWS + 1; s <= 80; s++)
		answer_due(&w, t, s * S);
	leak_ledger__watched(w.ledger, TAKEN_SITE, 20 * S, 0);
	site = rank_one(&w, &growth, true, TAKEN_SITE);
	end(&w);
	return site;
}

/*
 * A site that frees all it allocates, beside a cache that fills: the cache's entries get the
 * addresses, and stay.  What is seen of that in the window ends the blocks; what comes between two
 * looks leaves content that is not the same.
 */
static void test_address_taken_by_a_cache(void **state)
{
	const struct taken in_window = {.seen_again = 0.97, .freed_soon = 1, .taken = 0.1};
	const struct taken between = {.seen_again = 0.5, .freed_soon = 1, .taken = 0.5};
	const struct taken always = {.seen_again = 0, .freed_soon = 1, .taken = 1};
	struct leak_site site = search_taken(&in_window);

	(void)state;
	assert_true(site.survivors_n < 10 && site.verdict < LEAK_PROBABLE);
	site = search_taken(&between);
	assert_true(site.survivors_n > 100 && site.sure_n == 0);
	assert_int_equal(site.verdict, LEAK_SUSPECT);
	assert_non_null(strstr(site.reason, "freed soon"));
	/* Even where not one of them is ever seen free. */
	site = search_taken(&always);
	assert_true(site.survivors_n == TAKEN_WINDOWS * TAKEN_BLOCKS && site.sure_n == 0);
	assert_int_equal(site.verdict, LEAK_PROBABLE);
	assert_non_null(strstr(site.reason, "others may have got"));
}

/* A leak goes by its blocks that stay as they are; a few are enough. */
static void test_leak_among_those_freed(void **state)
{
	const struct taken leak = {0}, written = {.written = true};
	const struct taken part = {.seen_again = 0.5, .freed_soon = 0.5};
	struct leak_site site = search_taken(&leak);

	(void)state;
	assert_int_equal(site.sure_n, site.survivors_n);
	assert_int_equal(site.verdict, LEAK_CONFIRMED);
	assert_int_equal(search_taken(&part).verdict, LEAK_CONFIRMED);
	site = search_taken(&written);
	assert_int_equal(site.sure_n, 0);
	assert_int_equal(site.verdict, LEAK_PROBABLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_leak_is_first),
		cmocka_unit_test(test_soon),
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_leaks_a_part),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_handed_out_again),
		cmocka_unit_test(test_windows_for_mappings),
		cmocka_unit_test(test_fates),
		cmocka_unit_test(test_address_taken_by_a_cache),
		cmocka_unit_test(test_leak_among_those_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
