/* SPDX-License-Identifier: GPL-2.0-only */
/* Buckets, merging and percentiles against a plain sorted array. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "metrics/hist.h"

static uint64_t seed = 42;

static uint64_t next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* Any magnitude is as likely as any other. */
static uint64_t random_value(void)
{
	return next_random() >> (64 - WIRE_HIST_MAX_BITS + next_random() % WIRE_HIST_MAX_BITS);
}

/* The definition of wire.h, written down the slow way. */
static uint32_t slow_bucket(uint64_t v)
{
	uint32_t exponent = 0;

	if (v < 64)
		return (uint32_t)v;
	while (exponent < 63 && v >> (exponent + 1))
		exponent++;
	if (exponent >= WIRE_HIST_MAX_BITS)
		return WIRE_HIST_BUCKETS - 1;
	return 64 * (exponent - 5) + (uint32_t)((v >> (exponent - 6)) % 64);
}

static void test_log2(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 63; i++) {
		assert_int_equal(hist_log2(1ULL << i), i);
		assert_int_equal(hist_log2((2ULL << i) - 1), i);
	}
}

static void test_bucket_is_the_definition(void **state)
{
	(void)state;
	for (uint64_t v = 0; v < 100000; v++)
		assert_int_equal(hist_bucket(v), slow_bucket(v));
	for (int i = 0; i < 100000; i++) {
		uint64_t v = next_random() >> (next_random() % 64);

		assert_int_equal(hist_bucket(v), slow_bucket(v));
	}
	assert_int_equal(hist_bucket(UINT64_MAX), WIRE_HIST_BUCKETS - 1);
}

static void test_buckets_tile_the_line(void **state)
{
	(void)state;
	assert_int_equal(hist_bucket_low(0), 0);
	for (uint32_t i = 0; i < WIRE_HIST_BUCKETS; i++) {
		uint64_t low = hist_bucket_low(i), high = hist_bucket_high(i);
		double middle = (double)hist_bucket_middle(i);

		assert_int_equal(hist_bucket(low), i);
		assert_int_equal(hist_bucket(high), i);
		if (i + 1 < WIRE_HIST_BUCKETS)
			assert_int_equal(high + 1, hist_bucket_low(i + 1));
		/* 1 / 64 on either side. */
		if (low) {
			assert_true((middle - (double)low) / (double)low <= 1.0 / 64);
			assert_true(((double)high - middle) / (double)high <= 1.0 / 64);
		}
	}
	assert_int_equal(hist_bucket_high(WIRE_HIST_BUCKETS - 1), (1ULL << WIRE_HIST_MAX_BITS) - 1);
}

static void fill(struct hist *hist, int n)
{
	memset(hist, 0, sizeof(*hist));
	for (int i = 0; i < n; i++)
		hist_add(hist, random_value(), 1 + (uint32_t)(next_random() % 3));
}

static void test_merge_is_associative_and_commutative(void **state)
{
	static struct hist a, b, c, ab_c, a_bc, ba;

	(void)state;
	fill(&a, 100);
	fill(&b, 1000);
	fill(&c, 10);
	ab_c = a;
	hist_merge(&ab_c, &b);
	ba = b;
	hist_merge(&ba, &a);
	assert_memory_equal(&ab_c, &ba, sizeof(ba));
	hist_merge(&ab_c, &c);
	a_bc = b;
	hist_merge(&a_bc, &c);
	hist_merge(&a_bc, &a);
	assert_memory_equal(&ab_c, &a_bc, sizeof(a_bc));
	hist_subtract(&ab_c, &c);
	assert_memory_equal(ab_c.bucket, ba.bucket, sizeof(ba.bucket));
	assert_int_equal(ab_c.count, ba.count);
	assert_int_equal(ab_c.sum_ns, ba.sum_ns);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void check_percentiles(size_t n)
{
	static const double ps[] = {1, 50, 90, 95, 99, 99.9, 100};
	uint64_t *values = calloc(n, sizeof(*values));
	struct hist *hist = calloc(1, sizeof(*hist));

	assert_non_null(values);
	assert_non_null(hist);
	for (size_t i = 0; i < n; i++) {
		values[i] = random_value();
		hist_add(hist, values[i], 1);
	}
	qsort(values, n, sizeof(values[0]), compare);
	for (size_t i = 0; i < sizeof(ps) / sizeof(ps[0]); i++) {
		double truth = (double)values[(size_t)ceil(ps[i] / 100 * (double)n) - 1];
		double got = hist_percentile_ns(hist, ps[i]);

		assert_true(fabs(got - truth) <= truth * 0.016);
	}
	assert_int_equal(hist->max_ns, values[n - 1]);
	free(hist);
	free(values);
}

static void test_percentiles_are_nearest_rank(void **state)
{
	(void)state;
	for (size_t n = 1; n < 60; n++)
		check_percentiles(n);
	check_percentiles(1000);
	check_percentiles(20011);
}

static void test_empty(void **state)
{
	static struct hist hist;

	(void)state;
	assert_true(isnan(hist_percentile_ns(&hist, 50)));
	assert_true(isnan(hist_mean_ns(&hist)));
}

static void test_diff_of_kernel_histograms_wraps(void **state)
{
	static struct wire_histogram before, now;
	static struct hist delta;

	(void)state;
	before.bucket[100] = UINT32_MAX - 1;
	now.bucket[100] = 3; /* 5 more */
	now.bucket[7] = 2;
	assert_int_equal(hist_add_diff(&delta, &now, &before), 7);
	assert_int_equal(delta.count, 7);
	assert_int_equal(delta.bucket[100], 5);
	assert_int_equal(delta.bucket[7], 2);
	assert_int_equal(delta.sum_ns, 5 * hist_bucket_middle(100) + 2 * 7);
	assert_int_equal(delta.max_ns, hist_bucket_middle(100));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_log2),
		cmocka_unit_test(test_bucket_is_the_definition),
		cmocka_unit_test(test_buckets_tile_the_line),
		cmocka_unit_test(test_merge_is_associative_and_commutative),
		cmocka_unit_test(test_percentiles_are_nearest_rank),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_diff_of_kernel_histograms_wraps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
