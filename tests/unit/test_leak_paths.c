/* SPDX-License-Identifier: GPL-2.0-only */
/* Paths whose blocks do not last are sampled less: which ones, and what that does to rates. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cheshire/wire_alloc.h"
#include "leaks/call_paths.h"
#include "leaks/ledger.h"

#define S	  1000000000ULL
#define MS	  1000000ULL
#define SITES_MAX 8

/* Site and path alike unless said otherwise. */
enum { CHURN = 1, CACHE = 2, LEAK = 3 };

struct fixture {
	struct leak_ledger *ledger;
	struct call_paths *paths;
	uint64_t windows_n, blocks_n, seed;
};

static double draw(struct fixture *f)
{
	f->seed = f->seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return ((double)(f->seed >> 11) + 0.5) / 9007199254740992.0;
}

static int begin(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->ledger = leak_ledger__new(NULL);
	f->paths = call_paths__new();
	f->seed = 17;
	assert_non_null(f->ledger);
	assert_non_null(f->paths);
	*state = f;
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;

	leak_ledger__free(f->ledger);
	call_paths__free(f->paths);
	free(f);
	return 0;
}

static uint64_t opened_ns(const struct fixture *f)
{
	return f->windows_n * S;
}

static void open_window(struct fixture *f)
{
	struct leak_window window = {.hits = 100, .sampled = 100};

	f->windows_n++;
	window.opened_ns = opened_ns(f);
	window.closed_ns = opened_ns(f) + 10 * MS;
	assert_int_equal(leak_ledger__window(f->ledger, &window), 0);
}

/* A block of the last window; freed before its probes came off, or else there. */
static void add(struct fixture *f, uint64_t path, uint64_t site, bool freed, double stands_for)
{
	struct leak_sample one = {.site = site,
				  .ptr = ++f->blocks_n * 64,
				  .size_bytes = 100,
				  .time_ns = opened_ns(f) + MS,
				  .looked_ns = opened_ns(f) + 11 * MS,
				  .fingerprint = 1,
				  .stands_for = stands_for};

	if (freed)
		one.ended = BLOCK_EVIDENCE_REUSED;
	call_paths__saw(f->paths, path, site);
	assert_int_equal(leak_ledger__add(f->ledger, &one), 0);
}

static void add_many(struct fixture *f, uint64_t path, uint64_t site, bool freed, int n)
{
	for (int i = 0; i < n; i++)
		add(f, path, site, freed, 1);
}

/* All that are followed are there still; those of the cache for a mean of twenty seconds. */
static void look(struct fixture *f, uint64_t now_ns)
{
	static struct block_check checks[16384];
	size_t n = leak_ledger__due(f->ledger, now_ns, checks, 16384);

	for (size_t i = 0; i < n; i++) {
		bool freed = checks[i].site == CACHE && draw(f) < 0.1;

		checks[i].state = freed ? BLOCK_FREED : BLOCK_LIVE;
		checks[i].fingerprint = 1;
	}
	leak_ledger__judged(f->ledger, checks, n, now_ns);
}

static bool is_brief(const struct fixture *f, uint64_t path)
{
	uint64_t brief[CALL_PATHS_MAX];
	size_t n = call_paths__brief(f->paths, f->ledger, brief, CALL_PATHS_MAX);

	for (size_t i = 0; i < n; i++)
		if (brief[i] == path)
			return true;
	return false;
}

static void only_what_is_known_is_brief(void **state)
{
	struct fixture *f = *state;

	open_window(f);
	assert_false(is_brief(f, CHURN));
	add_many(f, CHURN, CHURN, true, 10);
	assert_false(is_brief(f, CHURN));
	add_many(f, CHURN, CHURN, true, 40);
	assert_true(is_brief(f, CHURN));
	assert_false(is_brief(f, CACHE));
	assert_false(leak_ledger__brief(f->ledger, 99));
}

/* A few of many are found there a second later: it is looked at more again. */
static void what_lasts_is_not(void **state)
{
	struct fixture *f = *state;

	open_window(f);
	add_many(f, CHURN, CHURN, true, 50);
	add_many(f, CHURN, CHURN, false, 3);
	assert_true(is_brief(f, CHURN));
	look(f, opened_ns(f) + 2 * S);
	assert_false(is_brief(f, CHURN));
	/* One of a hundred may be the scheduler's doing. */
	add_many(f, CHURN, CHURN, true, 100);
	assert_true(is_brief(f, CHURN));
}

/* Another site on the same path is not to be overlooked. */
static void all_sites_of_a_path_must_be(void **state)
{
	struct fixture *f = *state;

	open_window(f);
	add_many(f, 7, CHURN, true, 50);
	assert_true(is_brief(f, 7));
	add_many(f, 7, LEAK, false, 1);
	assert_false(is_brief(f, 7));
	for (uint64_t site = 10; site < 16; site++)
		add_many(f, 8, site, true, 50);
	assert_false(is_brief(f, 8));
	/* Neither is a call of which nothing is known. */
	call_paths__saw(f->paths, 0, CHURN);
	call_paths__saw(f->paths, 9, 0);
	assert_false(is_brief(f, 0));
	assert_false(is_brief(f, 9));
}

/* Threads and coroutines that come and go bring new ones all the time. */
static void without_room_it_begins_anew(void **state)
{
	struct fixture *f = *state;

	open_window(f);
	add_many(f, CHURN, CHURN, true, 50);
	for (uint64_t path = 1; path < 3 * CALL_PATHS_MAX; path++)
		call_paths__saw(f->paths, wire_alloc_path(path, 0, 0), CHURN);
	assert_false(is_brief(f, CHURN));
	call_paths__saw(f->paths, CHURN, CHURN);
	assert_true(is_brief(f, CHURN));
}

static void sample(struct fixture *f, uint64_t site, int calls, bool freed)
{
	/* One in eight of those that do not last, as the programs do it. */
	double part = is_brief(f, site) ? 0.125 : 1;

	for (int i = 0; i < calls; i++)
		if (draw(f) < part)
			add(f, site, site, freed, 1 / part);
}

/*
 * A block in ten thousand is lost where others are freed at once, at a site of its own and on the
 * churn's own path: both have their rates, whatever part of them was sampled when.
 */
static void rates_stay_right(void **state)
{
	struct fixture *f = *state;
	const struct leak_growth growth = {true, 14000, 9000, 22000};
	struct leak_site sites[SITES_MAX];
	double surplus[LEAK + 1] = {};
	size_t n;

	for (int i = 0; i < 300; i++) {
		open_window(f);
		sample(f, CHURN, 400, true);
		sample(f, CHURN, draw(f) < 0.5, false);
		sample(f, CACHE, 10, false);
		sample(f, LEAK, draw(f) < 0.5, false);
		look(f, opened_ns(f) + 20 * MS);
	}
	look(f, opened_ns(f) + 20 * S);
	assert_true(is_brief(f, CHURN));
	assert_false(is_brief(f, LEAK));
	n = leak_ledger__rank(f->ledger, &growth, true, opened_ns(f) + 21 * S, sites, SITES_MAX);
	assert_int_equal(n, 3);
	for (size_t i = 0; i < n; i++) {
		if (sites[i].site == CACHE)
			continue;
		assert_int_equal(sites[i].verdict, LEAK_PROBABLE);
		surplus[sites[i].site] = sites[i].rate_high / sites[i].rate_ungated;
		/* 100 bytes in every second window of 10 ms. */
		assert_true(sites[i].rate_ungated_low < 5000 && sites[i].rate_ungated > 2500 &&
			    sites[i].rate_ungated < 10000);
		assert_true(sites[i].rate_high > 5000);
	}
	/* With few of its blocks seen the interval is as much wider. */
	assert_true(surplus[CHURN] > surplus[LEAK]);
}

/* One chain of calls has one path, in whichever thread it is; others have others. */
static void paths_differ(void **state)
{
	const uint64_t top = 0x7f1234567740;

	(void)state;
	assert_int_equal(wire_alloc_path(0x401000, top - 0x900, top),
			 wire_alloc_path(0x401000, top - 0x800900, top - 0x800000));
	for (uint64_t depth = 0; depth < 4096; depth += 16)
		for (uint64_t from = 0x401000; from < 0x401040; from++)
			assert_true((depth == 0x900 && from == 0x401000) ||
				    wire_alloc_path(from, top - depth, top) !=
					    wire_alloc_path(0x401000, top - 0x900, top));
}

#define paths_test(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		paths_test(only_what_is_known_is_brief),
		paths_test(what_lasts_is_not),
		paths_test(all_sites_of_a_path_must_be),
		paths_test(without_room_it_begins_anew),
		paths_test(rates_stay_right),
		cmocka_unit_test(paths_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
