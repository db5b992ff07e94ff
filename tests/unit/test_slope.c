/* SPDX-License-Identifier: GPL-2.0-only */
/* Theil-Sen against known lines; growth: a leak, a warm-up, a step, noise. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "metrics/slope.h"

#define S  1000000000ULL
#define MB 1048576.0

static uint64_t seed = 7;

/* -0.5 .. 0.5 */
static double noise(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (double)(seed >> 11) / 9007199254740992.0 - 0.5;
}

static void test_line(void **state)
{
	double t[50], v[50];
	struct slope slope;

	(void)state;
	for (int i = 0; i < 50; i++) {
		t[i] = i * 2.0;
		v[i] = 3.0 + 0.25 * t[i];
	}
	slope = slope_estimate(t, v, 50);
	assert_true(fabs(slope.value - 0.25) < 1e-12);
	assert_true(fabs(slope.low - 0.25) < 1e-12 && fabs(slope.high - 0.25) < 1e-12);
	/* A fifth of wild points moves nothing. */
	for (int i = 0; i < 50; i += 5)
		v[i] = 1e9 * noise();
	slope = slope_estimate(t, v, 50);
	assert_true(fabs(slope.value - 0.25) < 0.02);
	assert_true(isnan(slope_estimate(t, v, 2).value));
}

static void test_interval_covers_the_truth(void **state)
{
	double t[60], v[60];
	int covered = 0;

	(void)state;
	for (int round = 0; round < 200; round++) {
		struct slope slope;

		for (int i = 0; i < 60; i++) {
			t[i] = i;
			v[i] = 0.1 * i + 5.0 * noise();
		}
		slope = slope_estimate(t, v, 60);
		assert_true(slope.low <= slope.value && slope.value <= slope.high);
		covered += slope.low <= 0.1 && 0.1 <= slope.high;
	}
	/* 99 % of 200 is 198. */
	assert_true(covered >= 192);
}

typedef double (*shape_fn)(double t_s);

static double leak(double t_s)
{
	return 200 * MB + t_s * 50 * MB / 3600 + 0.2 * MB * noise();
}

static double flat(double t_s)
{
	(void)t_s;
	return 200 * MB + 2 * MB * noise();
}

/* 50 MB that fill like a cache. */
static double warm_up(double t_s)
{
	return 200 * MB + 50 * MB * (1 - exp(-t_s / 300)) + 0.2 * MB * noise();
}

static double step(double t_s)
{
	return (t_s > 400 ? 300 : 200) * MB + 0.2 * MB * noise();
}

static struct sample grow(shape_fn shape, int seconds, int window_s)
{
	struct growth *g = growth__new((uint64_t)window_s * S);
	struct sample sample;

	assert_non_null(g);
	for (int i = 0; i <= seconds; i++)
		growth__add(g, shape(i), 1000 * S + (uint64_t)i * S);
	sample = growth__read(g, 1000 * S + (uint64_t)seconds * S);
	growth__free(g);
	return sample;
}

static void test_leak(void **state)
{
	struct sample sample = grow(leak, 1000, 3600);

	(void)state;
	assert_int_equal(sample.quality, QUALITY_SAMPLED);
	assert_true(fabs(sample.value / MB - 50) < 1);
	assert_true(sample.low / MB > 45 && sample.high / MB < 55);
	/* Likewise in a window that has slid, and over the whole session. */
	sample = grow(leak, 2000, 600);
	assert_true(fabs(sample.value / MB - 50) < 3 && sample.low / MB > 40);
	sample = grow(leak, 20000, 0);
	assert_true(fabs(sample.value / MB - 50) < 1);
}

static void test_few_at_first(void **state)
{
	(void)state;
	assert_int_equal(grow(leak, 5, 3600).quality, QUALITY_FEW);
	assert_int_equal(grow(leak, 600, 3600).quality, QUALITY_FEW);
	assert_true(grow(leak, 0, 3600).idle);
}

static void test_noise_is_no_leak(void **state)
{
	(void)state;
	for (int round = 0; round < 20; round++) {
		struct sample sample = grow(flat, 1000, 3600);

		assert_true(sample.low / MB < 5);
	}
}

static void test_warm_up_is_no_leak(void **state)
{
	(void)state;
	for (int seconds = 900; seconds <= 3600; seconds += 300) {
		struct sample sample = grow(warm_up, seconds, 3600);

		assert_true(sample.quality == QUALITY_FEW || sample.low / MB < 10);
	}
}

static void test_one_step_is_no_leak(void **state)
{
	(void)state;
	for (int seconds = 900; seconds <= 2000; seconds += 100) {
		struct sample sample = grow(step, seconds, 3600);

		assert_true(sample.quality == QUALITY_FEW || sample.low / MB < 10);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_interval_covers_the_truth),
		cmocka_unit_test(test_leak),
		cmocka_unit_test(test_few_at_first),
		cmocka_unit_test(test_noise_is_no_leak),
		cmocka_unit_test(test_warm_up_is_no_leak),
		cmocka_unit_test(test_one_step_is_no_leak),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
