/* SPDX-License-Identifier: GPL-2.0-only */
#include "metrics/window.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_S	 1000000000ULL
#define SLOTS_PER_WINDOW 60
#define SLOTS_PER_GAUGE	 512

struct slot {
	uint64_t index; /* absolute: time / slot_ns */
	bool used;
	enum quality quality;
	const char *reason;
	struct acc acc;
	struct hist *hist; /* WINDOW_HIST: NULL while nothing happened in it */
};

struct window {
	enum window_kind kind;
	uint64_t window_ns;
	uint64_t slot_ns;
	uint64_t slots_n;
	uint64_t now_index;
	struct hist *sum; /* WINDOW_HIST: of all slots; its max_ns is not kept */
	struct slot slots[];
};

struct window *window__new(enum window_kind kind, uint64_t window_ns)
{
	uint64_t slot_ns = window_ns / (kind == WINDOW_GAUGE ? SLOTS_PER_GAUGE : SLOTS_PER_WINDOW);
	uint64_t slots_n;
	struct window *w;

	if (slot_ns < NS_PER_S)
		slot_ns = NS_PER_S;
	/* One more: the slot that is being filled, and the one that the window cuts. */
	slots_n = (window_ns + slot_ns - 1) / slot_ns + 1;
	w = calloc(1, sizeof(*w) + slots_n * sizeof(w->slots[0]));
	if (!w)
		return NULL;
	w->kind = kind;
	w->window_ns = window_ns;
	w->slot_ns = slot_ns;
	w->slots_n = slots_n;
	if (kind == WINDOW_HIST) {
		w->sum = calloc(1, sizeof(*w->sum));
		if (!w->sum) {
			free(w);
			return NULL;
		}
	}
	return w;
}

void window__free(struct window *w)
{
	if (!w)
		return;
	for (uint64_t i = 0; i < w->slots_n; i++)
		free(w->slots[i].hist);
	free(w->sum);
	free(w);
}

static void slot_clear(struct window *w, struct slot *slot)
{
	if (slot->hist) {
		hist_subtract(w->sum, slot->hist);
		free(slot->hist);
	}
	memset(slot, 0, sizeof(*slot));
}

/* Forgets the slots that have left the window.  Time that runs backwards is taken to stand. */
static void advance(struct window *w, uint64_t now_ns)
{
	uint64_t index = now_ns / w->slot_ns;

	if (index <= w->now_index)
		return;
	for (uint64_t i = 0; i < w->slots_n; i++)
		if (w->slots[i].used && w->slots[i].index + w->slots_n <= index)
			slot_clear(w, &w->slots[i]);
	w->now_index = index;
}

/* The slot of the present. */
static struct slot *slot_now(struct window *w, uint64_t now_ns)
{
	struct slot *slot;

	advance(w, now_ns);
	slot = &w->slots[w->now_index % w->slots_n];
	slot->used = true;
	slot->index = w->now_index;
	return slot;
}

int window__add_hist(struct window *w, const struct hist *delta, uint64_t now_ns)
{
	struct slot *slot = slot_now(w, now_ns);

	if (!delta->count)
		return 0;
	if (!slot->hist) {
		slot->hist = calloc(1, sizeof(*slot->hist));
		if (!slot->hist) {
			slot->quality = QUALITY_PARTIAL;
			return -ENOMEM;
		}
	}
	hist_merge(slot->hist, delta);
	hist_merge(w->sum, delta);
	return 0;
}

int window__add_duration(struct window *w, uint64_t value_ns, uint64_t now_ns)
{
	struct slot *slot = slot_now(w, now_ns);

	if (!slot->hist) {
		slot->hist = calloc(1, sizeof(*slot->hist));
		if (!slot->hist) {
			slot->quality = QUALITY_PARTIAL;
			return -ENOMEM;
		}
	}
	hist_add(slot->hist, value_ns, 1);
	hist_add(w->sum, value_ns, 1);
	return 0;
}

void window__add_gauge(struct window *w, double value, bool exact, uint64_t now_ns)
{
	struct slot *slot = slot_now(w, now_ns);
	bool highest = !slot->acc.values || value >= slot->acc.max;

	acc_add(&slot->acc, value, 1.0, 1);
	if (highest)
		slot->acc.max_exact = exact;
}

void window__add_ratio(struct window *w, double num, double den, uint64_t n, uint64_t now_ns)
{
	acc_add(&slot_now(w, now_ns)->acc, num, den, n);
}

void window__mark(struct window *w, enum quality quality, const char *reason, uint64_t now_ns)
{
	struct slot *slot = slot_now(w, now_ns);

	if (quality > slot->quality) {
		slot->quality = quality;
		slot->reason = reason;
	}
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Of the slots' means: of single values wherever a slot is a second long. */
static double median(const struct window *w)
{
	double values[SLOTS_PER_GAUGE + 2];
	size_t n = 0;

	for (uint64_t i = 0; i < w->slots_n; i++)
		if (w->slots[i].used && w->slots[i].acc.values && n < SLOTS_PER_GAUGE + 2)
			values[n++] = w->slots[i].acc.num / w->slots[i].acc.den;
	if (!n)
		return NAN;
	qsort(values, n, sizeof(values[0]), compare_doubles);
	return n & 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2.0;
}

static double read_hist(struct window *w, enum statistic stat, uint64_t *n)
{
	w->sum->max_ns = 0;
	for (uint64_t i = 0; i < w->slots_n; i++)
		if (w->slots[i].hist && w->slots[i].hist->max_ns > w->sum->max_ns)
			w->sum->max_ns = w->slots[i].hist->max_ns;
	return hist_stat(w->sum, stat, w->window_ns, n);
}

struct sample window__read(struct window *w, enum statistic stat, uint64_t now_ns)
{
	struct sample sample = {.value = NAN, .low = NAN, .high = NAN};
	struct acc total = {0};

	advance(w, now_ns);
	/* Oldest first, so that the last value is the newest. */
	for (uint64_t i = 1; i <= w->slots_n; i++) {
		const struct slot *slot = &w->slots[(w->now_index + i) % w->slots_n];

		if (!slot->used)
			continue;
		acc_merge(&total, &slot->acc);
		if (slot->quality > sample.quality) {
			sample.quality = slot->quality;
			sample.reason = slot->reason;
		}
	}
	if (w->kind == WINDOW_HIST)
		sample.value = read_hist(w, stat, &sample.n);
	else
		sample.value = acc_stat(&total, w->kind, stat, &sample.n);
	if (w->kind != WINDOW_HIST && stat == STAT_MEDIAN)
		sample.value = median(w);
	if (w->kind == WINDOW_SUM && stat == STAT_RATE)
		sample.value = sample.value * (double)NS_PER_S / (double)w->window_ns;
	if (w->kind == WINDOW_GAUGE && !(stat == STAT_MAX && total.max_exact) &&
	    sample.quality < QUALITY_SAMPLED)
		sample.quality = QUALITY_SAMPLED;
	sample.idle = isnan(sample.value);
	if (sample.quality == QUALITY_UNKNOWN) {
		sample.value = NAN;
		sample.idle = false;
	}
	return sample;
}
