/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * growth.c - is it a leak, a warm-up, or noise?
 *
 * A leak grows at a steady rate; a cache that fills grows slower and slower; a model that is
 * loaded grows once.  So the slope over the whole window counts only as far as its second half
 * confirms it.  Known error: a cache that fills linearly for longer than the window is taken
 * for a leak; its slope is right all the same.
 */
#include "metrics/slope.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_S    1e9
#define S_PER_H	    3600.0
#define POINTS_FEW  12
#define SPAN_FEW_NS (60ULL * 1000000000ULL)
/* The estimate costs about a millisecond: not every second. */
#define FRESH_MAX_NS (10ULL * 1000000000ULL)

struct growth {
	uint64_t window_ns;
	uint64_t step_ns; /* time that one point stands for */
	size_t n;
	double t_s[SLOPE_POINTS_MAX];
	double value[SLOPE_POINTS_MAX];
	double weight[SLOPE_POINTS_MAX];
	uint64_t origin_ns; /* time zero of t_s */
	uint64_t open_ns;   /* when the newest point began */
	struct sample cached;
	uint64_t cached_ns;
	bool cached_valid;
};

struct growth *growth__new(uint64_t window_ns)
{
	struct growth *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->window_ns = window_ns;
	g->step_ns = window_ns / (SLOPE_POINTS_MAX / 2);
	if (g->step_ns < (uint64_t)NS_PER_S)
		g->step_ns = (uint64_t)NS_PER_S;
	return g;
}

void growth__free(struct growth *g)
{
	free(g);
}

static void drop_oldest(struct growth *g, size_t drop)
{
	g->n -= drop;
	memmove(g->t_s, g->t_s + drop, g->n * sizeof(g->t_s[0]));
	memmove(g->value, g->value + drop, g->n * sizeof(g->value[0]));
	memmove(g->weight, g->weight + drop, g->n * sizeof(g->weight[0]));
}

/* Point `from` becomes part of point `to`, each in its own weight. */
static void join(struct growth *g, size_t to, double t_s, double value, double weight)
{
	double sum = g->weight[to] + weight;

	g->t_s[to] = (g->t_s[to] * g->weight[to] + t_s * weight) / sum;
	g->value[to] = (g->value[to] * g->weight[to] + value * weight) / sum;
	g->weight[to] = sum;
}

static void halve(struct growth *g)
{
	size_t n = g->n / 2;

	for (size_t i = 0; i < n; i++) {
		g->t_s[i] = g->t_s[2 * i];
		g->value[i] = g->value[2 * i];
		g->weight[i] = g->weight[2 * i];
		join(g, i, g->t_s[2 * i + 1], g->value[2 * i + 1], g->weight[2 * i + 1]);
	}
	g->n = n;
	g->step_ns *= 2;
}

static void expire(struct growth *g, uint64_t now_ns)
{
	double oldest_s;
	size_t drop = 0;

	if (!g->window_ns || now_ns - g->origin_ns < g->window_ns)
		return;
	oldest_s = (double)(now_ns - g->origin_ns - g->window_ns) / NS_PER_S;
	while (drop < g->n && g->t_s[drop] < oldest_s)
		drop++;
	if (drop)
		drop_oldest(g, drop);
}

void growth__add(struct growth *g, double value, uint64_t now_ns)
{
	double t_s;

	if (!g->n && !g->origin_ns)
		g->origin_ns = now_ns;
	if (now_ns < g->origin_ns)
		return;
	t_s = (double)(now_ns - g->origin_ns) / NS_PER_S;
	expire(g, now_ns);
	if (g->n && now_ns - g->open_ns < g->step_ns) {
		join(g, g->n - 1, t_s, value, 1.0);
		return;
	}
	if (g->n == SLOPE_POINTS_MAX)
		halve(g);
	g->t_s[g->n] = t_s;
	g->value[g->n] = value;
	g->weight[g->n] = 1.0;
	g->n++;
	g->open_ns = now_ns;
}

static bool enough(const struct growth *g)
{
	uint64_t needed_ns = g->window_ns / 4;
	double span_s;

	if (needed_ns < SPAN_FEW_NS)
		needed_ns = SPAN_FEW_NS;
	/* Nine tenths: means of steps lie inside the window, not at its ends. */
	if (g->window_ns && needed_ns > g->window_ns / 10 * 9)
		needed_ns = g->window_ns / 10 * 9;
	if (g->n < POINTS_FEW)
		return false;
	span_s = g->t_s[g->n - 1] - g->t_s[0];
	return span_s * NS_PER_S >= (double)needed_ns;
}

static struct sample estimate(const struct growth *g)
{
	struct sample sample = {.value = NAN, .low = NAN, .high = NAN, .n = g->n};
	struct slope whole, early, late;
	size_t half = g->n / 2;

	sample.quality = enough(g) ? QUALITY_SAMPLED : QUALITY_FEW;
	whole = slope_estimate(g->t_s, g->value, g->n);
	if (isnan(whole.value)) {
		sample.idle = true;
		return sample;
	}
	early = slope_estimate_independent(g->t_s, g->value, half);
	late = slope_estimate_independent(g->t_s + half, g->value + half, g->n - half);
	if (late.high < early.low)
		sample.quality = QUALITY_FEW;
	sample.value = whole.value * S_PER_H;
	sample.low = fmin(whole.low, late.low) * S_PER_H;
	sample.high = whole.high * S_PER_H;
	return sample;
}

struct sample growth__read(struct growth *g, uint64_t now_ns)
{
	uint64_t fresh_ns = g->window_ns / 60;

	if (fresh_ns > FRESH_MAX_NS || !g->window_ns)
		fresh_ns = FRESH_MAX_NS;
	expire(g, now_ns);
	if (!g->cached_valid || !g->n || now_ns - g->cached_ns >= fresh_ns) {
		g->cached = estimate(g);
		g->cached_ns = now_ns;
		g->cached_valid = true;
	}
	return g->cached;
}
