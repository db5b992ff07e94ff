/* SPDX-License-Identifier: GPL-2.0-only */
#include "promql/store_series.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STALE_BITS 0x7ff0000000000002ULL /* Prometheus's StaleNaN */

double store_stale_value(void)
{
	uint64_t bits = STALE_BITS;
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

bool store_is_stale(double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits == STALE_BITS;
}

size_t series_after(const struct store_series *s, int64_t ts_ms)
{
	size_t low = 0, high = s->n;

	/* Mostly it is the end. */
	if (!high || series_sample(s, high - 1)->ts_ms <= ts_ms)
		return high;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (series_sample(s, mid)->ts_ms <= ts_ms)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

int series_reserve(struct store_series *s)
{
	struct promql_sample *bigger;
	uint32_t cap;

	if (s->first + s->n < s->cap)
		return 0;
	/* Moving costs n; it pays when an eighth of n appends go by until the next time. */
	if (s->first > s->n / 8) {
		memmove(s->sample, s->sample + s->first, s->n * sizeof(s->sample[0]));
		s->first = 0;
		return 0;
	}
	if (s->n > UINT32_MAX / 2)
		return -ENOMEM;
	cap = s->n + s->n / 4 + 4;
	bigger = malloc(cap * sizeof(bigger[0]));
	if (!bigger)
		return -ENOMEM;
	if (s->n)
		memcpy(bigger, s->sample + s->first, s->n * sizeof(bigger[0]));
	free(s->sample);
	s->sample = bigger;
	s->first = 0;
	s->cap = cap;
	return 0;
}

void series_push(struct store_series *s, int64_t ts_ms, double value)
{
	s->sample[s->first + s->n++] = (struct promql_sample){ts_ms, value};
	s->stale_n += store_is_stale(value);
}

void series_shift(struct store_series *s, size_t count)
{
	for (size_t i = 0; s->stale_n && i < count; i++)
		s->stale_n -= store_is_stale(series_sample(s, i)->value);
	s->first += (uint32_t)count;
	s->n -= (uint32_t)count;
	if (!s->n)
		s->first = 0;
}

size_t series_old(const struct store_series *s, int64_t newest_ms)
{
	size_t count = 0;

	if (s->keep_ms == INT64_MAX)
		return 0;
	/* The one before the range stays: an instant selector at the range's start sees it. */
	while (count + 1 < s->n && series_sample(s, count + 1)->ts_ms <= newest_ms - s->keep_ms)
		count++;
	return count;
}

void series_clear(struct store_series *s)
{
	free(s->sample);
	s->sample = NULL;
	s->first = s->n = s->cap = s->stale_n = 0;
}

bool store_at(const struct store_series *series, int64_t ts_ms, struct promql_sample *out)
{
	size_t after = series_after(series, ts_ms);

	if (!after)
		return false;
	*out = *series_sample(series, after - 1);
	return out->ts_ms >= ts_ms - STORE_LOOKBACK_MS && !store_is_stale(out->value);
}

size_t store_range(const struct store_series *series, int64_t from_ms, int64_t to_ms,
		   const struct promql_sample **out)
{
	size_t end = series_after(series, to_ms);
	size_t start = from_ms > INT64_MIN ? series_after(series, from_ms - 1) : 0;

	if (start >= end)
		return 0;
	*out = series_sample(series, start);
	return end - start;
}

bool store_series_has_stale(const struct store_series *series)
{
	return series->stale_n > 0;
}

bool store_series_lost(const struct store_series *series, int64_t from_ms)
{
	return series->lost_ms >= from_ms;
}

const struct labels *store_series_labels(const struct store_series *series)
{
	return series->labels;
}

bool store_series_wanted(const struct store_series *series)
{
	return series->keep_ms >= 0;
}

void store_series_unknown(struct store_series *series, const char *reason)
{
	series->why = reason;
}

const char *store_series_why(const struct store_series *series)
{
	return series->why;
}
