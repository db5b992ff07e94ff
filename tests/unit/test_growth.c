/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How often memory that does not leak is taken for a leak, and how often a leak is noticed: series
 * with a known truth, a thousand of each kind.  A window of 600 s stands for one of any length:
 * only the ratio of the noise to what grows in the window matters.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "metrics/slope.h"

#define S      1000000000ULL
#define MB     1048576.0
#define SEEDS  1000
#define WINDOW 600
/* The smallest budget of the built-in configuration. */
#define BUDGET_MB 5.0

struct generator {
	uint64_t seed;
	double phi, sd_mb; /* noise: first-order autoregression, a step a second */
	double noise_mb;
	double a, b; /* drawn once */
};

static double draw(struct generator *g)
{
	g->seed ^= g->seed << 13;
	g->seed ^= g->seed >> 7;
	g->seed ^= g->seed << 17;
	return ((double)(g->seed >> 11) + 0.5) / 9007199254740992.0;
}

static double normal(struct generator *g)
{
	return sqrt(-2 * log(draw(g))) * cos(2 * M_PI * draw(g));
}

static double between(double x, double low, double high)
{
	return low + x * (high - low);
}

typedef double (*shape_fn)(const struct generator *g, double t_s);

static double flat(const struct generator *g, double t_s)
{
	(void)g;
	(void)t_s;
	return 0;
}

/* 50 MB that fill as a cache does, at any point of it. */
static double filling(const struct generator *g, double t_s)
{
	return 50 * (1 - exp(-(t_s + between(g->a, 0, 600)) / between(g->b, 60, 400)));
}

/* Fragmentation: by less and less, but always a little. */
static double creep(const struct generator *g, double t_s)
{
	return between(g->a, 0.1, 0.3) * log(1 + (t_s + between(g->b, 60, 600)) / 30);
}

/* A collector that lets 10 MB gather. */
static double sawtooth(const struct generator *g, double t_s)
{
	double period_s = between(g->a, 20, 150), x = t_s / period_s + g->b * 9;

	return 10 * (x - floor(x));
}

/* Load that comes and goes, at least once within the window. */
static double waves(const struct generator *g, double t_s)
{
	return 5 * sin(2 * M_PI * (t_s / between(g->a, 60, 600) + g->b));
}

static double step(const struct generator *g, double t_s)
{
	return t_s > g->a * WINDOW ? 30 : 0;
}

static double leak(const struct generator *g, double t_s)
{
	(void)g;
	return t_s * 20 / 3600;
}

/* As much as an assistant that keeps its audio. */
static double leak_50(const struct generator *g, double t_s)
{
	(void)g;
	return t_s * 50 / 3600;
}

static double leak_and_sawtooth(const struct generator *g, double t_s)
{
	return leak_50(g, t_s) + sawtooth(g, t_s) / 10;
}

/* Large blocks, one every 40 s. */
static double leak_by_steps(const struct generator *g, double t_s)
{
	return floor((t_s / 40 + g->a)) * 0.5;
}

/* Is more than the budget certain at the end of the window? */
static bool alarms(struct generator *g, shape_fn shape)
{
	struct growth *growth = growth__new(WINDOW * S);
	struct sample sample;

	assert_non_null(growth);
	g->a = draw(g);
	g->b = draw(g);
	g->noise_mb = g->sd_mb * normal(g);
	for (int t_s = 0; t_s <= WINDOW; t_s++) {
		g->noise_mb =
			g->phi * g->noise_mb + g->sd_mb * sqrt(1 - g->phi * g->phi) * normal(g);
		growth__add(growth, (200 + shape(g, t_s) + g->noise_mb) * MB,
			    1000 * S + (uint64_t)t_s * S);
	}
	sample = growth__read(growth, (1000 + WINDOW) * S);
	growth__free(growth);
	return sample.quality == QUALITY_SAMPLED && sample.low / MB > BUDGET_MB;
}

static int count(const char *name, shape_fn shape, double phi, double sd_mb)
{
	int n = 0;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct generator g = {
			.seed = seed * 0x9e3779b97f4a7c15ULL, .phi = phi, .sd_mb = sd_mb};

		n += alarms(&g, shape);
	}
	print_message("%s: %d of %d\n", name, n, SEEDS);
	return n;
}

static void test_no_leak(void **state)
{
	(void)state;
	assert_true(count("white noise", flat, 0, 1) <= 5);
	assert_true(count("noise that lasts 20 s", flat, 0.95, 1) <= 5);
	assert_true(count("noise that lasts 100 s", flat, 0.99, 1) <= 10);
	assert_true(count("filling cache", filling, 0.9, 0.2) <= 5);
	assert_true(count("fragmentation creep", creep, 0.9, 0.2) <= 5);
	assert_true(count("sawtooth", sawtooth, 0.9, 0.2) <= 5);
	assert_true(count("waves", waves, 0.9, 0.2) <= 5);
	assert_true(count("one step", step, 0.9, 0.2) <= 5);
}

static void test_leak(void **state)
{
	(void)state;
	assert_true(count("leak of 20 MB/h", leak, 0.9, 0.1) >= 900);
	assert_true(count("leak of 50 MB/h", leak_50, 0.95, 0.3) >= 900);
	assert_true(count("leak of 45 MB/h by steps", leak_by_steps, 0.9, 0.1) >= 900);
	assert_true(count("leak and sawtooth", leak_and_sawtooth, 0.9, 0.1) >= 900);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_leak),
		cmocka_unit_test(test_leak),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
