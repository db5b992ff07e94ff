/* SPDX-License-Identifier: GPL-2.0-only */
/* Do more blocks of a site keep coming?  They may come in bursts, or all of them at the start. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "leaks/ledger.h"

#define S  1000000000ULL
#define MS 1000000ULL

static void all_live(struct leak_ledger *ledger, uint64_t now_ns)
{
	static struct block_check checks[1024];
	size_t n = leak_ledger__due(ledger, now_ns, checks, 1024);

	for (size_t i = 0; i < n; i++)
		checks[i].state = BLOCK_LIVE;
	leak_ledger__judged(ledger, checks, n, now_ns);
}

/* So many blocks of the site are lost in a window of 10 ms. */
static void lose(struct leak_ledger *ledger, uint64_t window, unsigned int n)
{
	const struct leak_window w = {.opened_ns = window * S,
				      .closed_ns = window * S + 10 * MS,
				      .hits = n + 1,
				      .sampled = n + 1};

	assert_int_equal(leak_ledger__window(ledger, &w), 0);
	for (unsigned int i = 0; i < n; i++) {
		struct leak_sample one = {.site = 1,
					  .ptr = (window << 20) + i * 256,
					  .size_bytes = 100,
					  .time_ns = w.opened_ns + MS,
					  .looked_ns = w.closed_ns,
					  .fingerprint = 1};

		assert_int_equal(leak_ledger__add(ledger, &one), 0);
	}
	all_live(ledger, w.closed_ns);
}

static struct leak_site after_losing(const unsigned int *blocks, size_t windows)
{
	struct leak_ledger *ledger = leak_ledger__new(NULL);
	struct leak_growth growth = {.known = true};
	struct leak_site site;
	unsigned int sum = 0;

	assert_non_null(ledger);
	for (size_t i = 0; i < windows; i++) {
		lose(ledger, i + 1, blocks[i]);
		sum += blocks[i];
	}
	all_live(ledger, (windows + 20) * S);
	growth.rate = sum * 100 / (0.01 * (double)windows);
	growth.low = growth.rate * 0.8;
	growth.high = growth.rate * 1.2;
	assert_int_equal(leak_ledger__rank(ledger, &growth, true, (windows + 21) * S, &site, 1), 1);
	leak_ledger__free(ledger);
	return site;
}

/*
 * A program that was kept from its work makes up for it: its blocks come in bursts, and there may
 * well be more of them in one half.  What is kept from the start also comes at once, but then no
 * more.
 */
static void test_bursts(void **state)
{
	const unsigned int bursts[120] = {
		[9] = 5, [20] = 6, [31] = 1, [43] = 5, [55] = 3, [90] = 1, [101] = 1};
	const unsigned int start[120] = {[0] = 30, [1] = 40, [2] = 20, [100] = 1};
	const unsigned int stall[120] = {
		[12] = 1, [20] = 110, [31] = 2, [60] = 1, [75] = 1, [90] = 1, [110] = 2};
	unsigned int less[120];
	struct leak_site site = after_losing(bursts, 120);

	(void)state;
	assert_int_equal(site.survivors_n, 22);
	assert_int_equal(site.verdict, LEAK_PROBABLE);
	site = after_losing(stall, 120);
	assert_int_equal(site.verdict, LEAK_PROBABLE);
	site = after_losing(start, 120);
	assert_int_equal(site.verdict, LEAK_SUSPECT);
	assert_non_null(strstr(site.reason, "fewer and fewer"));
	for (size_t i = 0; i < 120; i++)
		less[i] = i < 40 ? 2 : i % 20 == 0;
	site = after_losing(less, 120);
	assert_int_equal(site.verdict, LEAK_SUSPECT);
	assert_non_null(strstr(site.reason, "fewer and fewer"));
}

/* A busy machine slows what leaks; a cache that fills slows down by more than that. */
static void test_slower(void **state)
{
	unsigned int blocks[30];
	struct leak_site site;

	(void)state;
	for (size_t i = 0; i < 30; i++)
		blocks[i] = i < 15 ? 14 : 11;
	site = after_losing(blocks, 30);
	assert_int_equal(site.verdict, LEAK_PROBABLE);
	for (size_t i = 0; i < 30; i++)
		blocks[i] = i < 15 ? 22 - (unsigned int)i / 2 : 15 - (unsigned int)i / 2;
	site = after_losing(blocks, 30);
	assert_int_equal(site.verdict, LEAK_SUSPECT);
	assert_non_null(strstr(site.reason, "fewer and fewer"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bursts),
		cmocka_unit_test(test_slower),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
