/* SPDX-License-Identifier: GPL-2.0-only */
#include "promql/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "promql/store_select.h"

/* Past the bound so much is given up at once, so that looking for the oldest is rare. */
#define EVICT_PART 64
/* So often it looks for series that ended, by the times of what is appended. */
#define EXPIRE_MS 60000

struct store {
	struct label_table *table;
	struct series_index index;
	struct store_series **by_labels; /* indexed by labels->id */
	size_t by_labels_n;
	const struct promql_expr **declared;
	size_t declared_n, declared_cap;
	bool keep_all;
	bool forgot; /* an expression, and what only it needed is still there */
	size_t samples_n, samples_max;
	size_t sample_bytes;
	uint64_t evicted;
	int64_t expire_at_ms;
};

struct store *store__new(struct label_table *table, size_t samples_max)
{
	struct store *store = calloc(1, sizeof(*store));

	if (!store)
		return NULL;
	store->table = table;
	store->samples_max = samples_max;
	return store;
}

void store__free(struct store *store)
{
	if (!store)
		return;
	series_index__free(&store->index);
	free(store->by_labels);
	free(store->declared);
	free(store);
}

struct label_table *store__labels(const struct store *store)
{
	return store->table;
}

/* What a selector needs of the past, behind a series' newest sample. */
static int64_t selector_reach_ms(const struct promql_node *selector)
{
	int64_t offset_ms = selector->offset_ms > 0 ? selector->offset_ms : 0;

	return selector->range_ms + offset_ms + STORE_LAG_MS;
}

static void want(struct store_series *series, int64_t keep_ms)
{
	if (series->keep_ms < keep_ms)
		series->keep_ms = keep_ms;
}

static int want_selected(struct store *store, const struct promql_node *selector)
{
	struct series_list list;
	int err = series_index__select(&store->index, selector, &list);

	for (size_t i = 0; !err && i < list.n; i++)
		want(list.series[i], selector_reach_ms(selector));
	return err;
}

static int want_expr(struct store *store, const struct promql_expr *expr)
{
	int err = 0;

	for (size_t i = 0; !err && i < expr->selectors_n; i++)
		err = want_selected(store, expr->selectors[i]);
	return err;
}

int store__declare(struct store *store, const struct promql_expr *expr)
{
	if (store->declared_n == store->declared_cap) {
		size_t cap = store->declared_cap ? store->declared_cap * 2 : 16;
		void *bigger = realloc(store->declared, cap * sizeof(store->declared[0]));

		if (!bigger)
			return -ENOMEM;
		store->declared = bigger;
		store->declared_cap = cap;
	}
	store->declared[store->declared_n++] = expr;
	return want_expr(store, expr);
}

static void drop_old(struct store *store, struct store_series *series)
{
	size_t old;

	if (!series->n)
		return;
	old = series_old(series, series_sample(series, series->n - 1)->ts_ms);
	series_shift(series, old);
	store->samples_n -= old;
}

static void drop_all(struct store *store, struct store_series *series)
{
	store->samples_n -= series->n;
	store->sample_bytes -= series->cap * sizeof(series->sample[0]);
	series_clear(series);
}

void store__forget(struct store *store, const struct promql_expr *expr)
{
	size_t i = 0;

	while (i < store->declared_n && store->declared[i] != expr)
		i++;
	if (i == store->declared_n)
		return;
	store->declared[i] = store->declared[--store->declared_n];
	store->forgot = true;
}

/* Without memory for the lists of what is selected: the slow way. */
static void want_one_by_one(struct store *store, const struct promql_expr *expr)
{
	for (size_t j = 0; j < expr->selectors_n; j++)
		for (size_t k = 0; k < store->index.all.n; k++)
			if (selector_matches(expr->selectors[j],
					     store->index.all.series[k]->labels))
				want(store->index.all.series[k],
				     selector_reach_ms(expr->selectors[j]));
}

void store__trim(struct store *store)
{
	size_t i;

	if (!store->forgot)
		return;
	store->forgot = false;
	series_index__forget_selections(&store->index);
	if (store->keep_all)
		return;
	for (i = 0; i < store->index.all.n; i++)
		store->index.all.series[i]->keep_ms = -1;
	for (i = 0; i < store->declared_n; i++)
		if (want_expr(store, store->declared[i]))
			want_one_by_one(store, store->declared[i]);
	for (i = 0; i < store->index.all.n; i++) {
		if (store->index.all.series[i]->keep_ms < 0)
			drop_all(store, store->index.all.series[i]);
		else
			drop_old(store, store->index.all.series[i]);
	}
}

void store__keep_all(struct store *store)
{
	store->keep_all = true;
	for (size_t i = 0; i < store->index.all.n; i++)
		want(store->index.all.series[i], INT64_MAX);
}

static int index_labels(struct store *store, const struct labels *labels)
{
	size_t n = store->by_labels_n;
	struct store_series **bigger;

	if (labels->id < n)
		return 0;
	n = labels->id + labels->id / 2 + 64;
	bigger = realloc(store->by_labels, n * sizeof(bigger[0]));
	if (!bigger)
		return -ENOMEM;
	memset(bigger + store->by_labels_n, 0, (n - store->by_labels_n) * sizeof(bigger[0]));
	store->by_labels = bigger;
	store->by_labels_n = n;
	return 0;
}

static void want_declared(struct store *store, struct store_series *series)
{
	if (store->keep_all)
		want(series, INT64_MAX);
	for (size_t i = 0; i < store->declared_n; i++)
		for (size_t j = 0; j < store->declared[i]->selectors_n; j++) {
			const struct promql_node *selector = store->declared[i]->selectors[j];

			if (series->keep_ms < selector_reach_ms(selector) &&
			    selector_matches(selector, series->labels))
				want(series, selector_reach_ms(selector));
		}
}

struct store_series *store__series(struct store *store, const struct labels *labels)
{
	struct store_series *series;

	if (labels->id < store->by_labels_n && store->by_labels[labels->id])
		return store->by_labels[labels->id];
	if (store->index.all.n >= STORE_SERIES_MAX) {
		errno = E2BIG;
		return NULL;
	}
	series = calloc(1, sizeof(*series));
	if (!series || index_labels(store, labels))
		goto no_memory;
	series->labels = labels;
	series->keep_ms = -1;
	series->lost_ms = INT64_MIN;
	if (series_index__add(&store->index, series))
		goto no_memory;
	store->by_labels[labels->id] = series;
	want_declared(store, series);
	return series;

no_memory:
	free(series);
	errno = ENOMEM;
	return NULL;
}

/* Of the samples not after cut_ms those that are not the newest of their series. */
static size_t count_until(const struct store *store, int64_t cut_ms)
{
	size_t count = 0;

	for (size_t i = 0; i < store->index.all.n; i++) {
		const struct store_series *s = store->index.all.series[i];
		size_t n = s->n ? series_after(s, cut_ms) : 0;

		count += n && n == s->n ? n - 1 : n;
	}
	return count;
}

static void give_up_until(struct store *store, int64_t cut_ms)
{
	for (size_t i = 0; i < store->index.all.n; i++) {
		struct store_series *s = store->index.all.series[i];
		size_t n = s->n ? series_after(s, cut_ms) : 0;

		n = n && n == s->n ? n - 1 : n;
		if (!n)
			continue;
		s->lost_ms = series_sample(s, n - 1)->ts_ms;
		series_shift(s, n);
		store->samples_n -= n;
		store->evicted += n;
	}
}

/* Gives up the oldest samples of all series but never the newest of one; false: there is none. */
static bool make_room(struct store *store)
{
	size_t wanted = store->samples_max / EVICT_PART + 1;
	int64_t low_ms = INT64_MAX, high_ms = INT64_MIN;

	for (size_t i = 0; i < store->index.all.n; i++) {
		const struct store_series *s = store->index.all.series[i];

		if (s->n < 2)
			continue;
		if (series_sample(s, 0)->ts_ms < low_ms)
			low_ms = series_sample(s, 0)->ts_ms;
		if (series_sample(s, s->n - 2)->ts_ms > high_ms)
			high_ms = series_sample(s, s->n - 2)->ts_ms;
	}
	if (low_ms > high_ms)
		return false;
	/* The earliest cut that gives enough, or everything that can be given. */
	while (low_ms < high_ms) {
		int64_t mid_ms = low_ms + (high_ms - low_ms) / 2;

		if (count_until(store, mid_ms) >= wanted)
			high_ms = mid_ms;
		else
			low_ms = mid_ms + 1;
	}
	give_up_until(store, high_ms);
	return true;
}

/* The series alone: its own newest sample makes room for the next. */
static bool give_up_own(struct store *store, struct store_series *series)
{
	if (!series->n)
		return false;
	series->lost_ms = series_sample(series, 0)->ts_ms;
	series_shift(series, 1);
	store->samples_n--;
	store->evicted++;
	return true;
}

int store__append(struct store *store, struct store_series *series, int64_t ts_ms, double value)
{
	uint32_t cap;

	if (series->keep_ms < 0)
		return 0;
	if (ts_ms >= store->expire_at_ms) {
		store__expire(store, ts_ms);
		store->expire_at_ms = ts_ms < INT64_MAX - EXPIRE_MS ? ts_ms + EXPIRE_MS : INT64_MAX;
	}
	cap = series->cap;
	if (series->n && series_sample(series, series->n - 1)->ts_ms >= ts_ms)
		return -EINVAL;
	if (store->samples_n >= store->samples_max && !make_room(store) &&
	    !give_up_own(store, series)) {
		series->lost_ms = ts_ms;
		store->evicted++;
		return -ENOSPC;
	}
	if (series_reserve(series))
		return -ENOMEM;
	store->sample_bytes += (series->cap - cap) * sizeof(series->sample[0]);
	series_push(series, ts_ms, value);
	store->samples_n++;
	drop_old(store, series);
	return 0;
}

void store__expire(struct store *store, int64_t now_ms)
{
	for (size_t i = 0; i < store->index.all.n; i++) {
		struct store_series *s = store->index.all.series[i];

		if (!s->n || s->keep_ms < 0 || s->keep_ms == INT64_MAX)
			continue;
		if (series_sample(s, s->n - 1)->ts_ms < now_ms - s->keep_ms - STORE_LOOKBACK_MS)
			drop_all(store, s);
	}
}

int store__select(struct store *store, const struct promql_node *selector,
		  struct store_series *const **out, size_t *n)
{
	struct series_list list;
	int err = series_index__select(&store->index, selector, &list);

	if (err)
		return err;
	*out = list.series;
	*n = list.n;
	return 0;
}

uint64_t store__evicted(const struct store *store)
{
	return store->evicted;
}

size_t store__samples(const struct store *store)
{
	return store->samples_n;
}

size_t store__bytes(const struct store *store)
{
	return sizeof(*store) + store->index.bytes + store->sample_bytes +
	       store->by_labels_n * sizeof(store->by_labels[0]) +
	       store->declared_cap * sizeof(store->declared[0]);
}

size_t store__series_n(const struct store *store)
{
	return store->index.all.n;
}
