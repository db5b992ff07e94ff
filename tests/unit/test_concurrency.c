/* SPDX-License-Identifier: GPL-2.0-only */
/* Intervals that are known late, and how many of them were open at once. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdlib.h>

#include "metrics/concurrency.h"

static struct concurrency c;
static bool whole;

static void begin(void)
{
	memset(&c, 0, sizeof(c));
}

static void interval(size_t slot, uint64_t start, uint64_t end)
{
	concurrency_begin(&c, slot, start);
	concurrency_end(&c, slot, end);
}

static void test_overlap_however_short(void **state)
{
	(void)state;
	begin();
	interval(0, 100, 200);
	interval(1, 199, 300);
	interval(2, 300, 400); /* its begin is the end of the one before */
	assert_int_equal(concurrency_most(&c, 1000, &whole), 2);
	assert_true(whole);
	assert_int_equal(concurrency_most(&c, 2000, &whole), 0);
}

static void test_open_ones_stay(void **state)
{
	(void)state;
	begin();
	concurrency_begin(&c, 0, 100);
	concurrency_begin(&c, 1, 150);
	assert_int_equal(concurrency_most(&c, 1000, &whole), 2);
	concurrency_end(&c, 0, 1500);
	assert_int_equal(concurrency_most(&c, 2000, &whole), 2);
	assert_int_equal(concurrency_most(&c, 3000, &whole), 1);
	concurrency_end(&c, 1, 2500);
	concurrency_end(&c, 1, 9999); /* again: nothing */
	assert_int_equal(concurrency_most(&c, 4000, &whole), 0);
}

/* A long first stage is known at its end only: what overlapped it has been over for long. */
static void test_late_begin(void **state)
{
	(void)state;
	begin();
	interval(0, 100, 200);
	interval(1, 150, 400);
	assert_int_equal(concurrency_most(&c, 1000, &whole), 2);
	concurrency_begin(&c, 2, 120);
	assert_int_equal(concurrency_most(&c, 2000, &whole), 3);
	assert_int_equal(concurrency_most(&c, 3000, &whole), 1);
}

/* Ends may still be unknown after that time. */
static void test_not_beyond_until(void **state)
{
	(void)state;
	begin();
	concurrency_begin(&c, 0, 100);
	concurrency_begin(&c, 1, 1100);
	assert_int_equal(concurrency_most(&c, 1000, &whole), 1);
	concurrency_end(&c, 0, 1050);
	assert_int_equal(concurrency_most(&c, 2000, &whole), 1);
}

static void test_forgotten(void **state)
{
	(void)state;
	begin();
	for (uint64_t i = 0; i < CONCURRENCY_CLOSED_MAX + 10; i++)
		interval(0, 1000 + i * 10, 1005 + i * 10);
	concurrency_most(&c, 100000, &whole);
	assert_int_equal(concurrency_most(&c, 200000, &whole), 0);
	assert_true(whole);
	concurrency_begin(&c, 0, 1001);
	concurrency_most(&c, 300000, &whole);
	assert_false(whole);
}

/* Random intervals, all known: against counting at every instant. */
static void test_against_counting(void **state)
{
	unsigned int seed = 7;
	uint8_t at[2000];

	(void)state;
	for (int round = 0; round < 50; round++) {
		size_t most = 0;

		begin();
		memset(at, 0, sizeof(at));
		for (size_t i = 0; i < 30; i++) {
			uint64_t start = 1 + (uint64_t)rand_r(&seed) % 1500;
			uint64_t end = start + 1 + (uint64_t)rand_r(&seed) % 300;

			interval(i, start, end);
			for (uint64_t t = start; t < end; t++)
				at[t]++;
		}
		for (size_t t = 0; t < sizeof(at); t++)
			most = at[t] > most ? at[t] : most;
		assert_int_equal(concurrency_most(&c, 5000, &whole), most);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_overlap_however_short),
		cmocka_unit_test(test_open_ones_stay),
		cmocka_unit_test(test_late_begin),
		cmocka_unit_test(test_not_beyond_until),
		cmocka_unit_test(test_forgotten),
		cmocka_unit_test(test_against_counting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
