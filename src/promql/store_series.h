/* SPDX-License-Identifier: GPL-2.0-only */
/* store_series.h - one series and its samples; for store.c, store_select.c and series.c only. */
#ifndef CHESHIRE_PROMQL_STORE_SERIES_H
#define CHESHIRE_PROMQL_STORE_SERIES_H

#include "promql/store.h"

/*
 * The samples are contiguous, so that a range is read in place: they start at `first` of `cap` and
 * move down when the end is reached.
 */
struct store_series {
	const struct labels *labels;
	struct promql_sample *sample;
	uint32_t first, n, cap;
	uint32_t stale_n; /* markers among the n */
	int64_t keep_ms;  /* behind the newest; negative: nobody reads it */
	int64_t lost_ms;  /* newest sample that the bound cost, INT64_MIN: none */
	const char *why;
};

static inline const struct promql_sample *series_sample(const struct store_series *s, size_t i)
{
	return &s->sample[s->first + i];
}

/* Index of the first sample later than ts_ms (n: none). */
size_t series_after(const struct store_series *s, int64_t ts_ms);
/* Room for one more; 0 or -ENOMEM. */
int series_reserve(struct store_series *s);
void series_push(struct store_series *s, int64_t ts_ms, double value);
/* Drops the oldest `count`. */
void series_shift(struct store_series *s, size_t count);
/* How many of the oldest nobody reads once the newest is at newest_ms. */
size_t series_old(const struct store_series *s, int64_t newest_ms);
void series_clear(struct store_series *s);

#endif /* CHESHIRE_PROMQL_STORE_SERIES_H */
