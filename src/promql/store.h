/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * store.h - the samples that rules read: a ring of (time, value) for each series, no longer than
 * the ranges that were asked for.
 *
 * Times are milliseconds, as in Prometheus.  A series ends by a stale marker (a NaN of its own bit
 * pattern), after which instant selectors do not see it.  Quality is an overlay: a series may be
 * marked unknown for now, which the evaluator hands on and never calculates with.
 */
#ifndef CHESHIRE_PROMQL_STORE_H
#define CHESHIRE_PROMQL_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "promql/ast.h"
#include "promql/labels.h"

#define STORE_SERIES_MAX  20000
#define STORE_LOOKBACK_MS (5 * 60 * 1000) /* staleness without a marker, as in Prometheus */

struct promql_sample {
	int64_t ts_ms;
	double value;
};

struct store;
struct store_series;

/* `samples_max`: of all series together; past it the oldest are given up and counted. */
struct store *store__new(struct label_table *table, size_t samples_max);
void store__free(struct store *store);
struct label_table *store__labels(const struct store *store);

/*
 * Declares that an expression is going to be evaluated: its selectors' ranges (and the lookback,
 * and offsets) are kept from now on.  Series that no declared selector matches keep nothing.
 * Test runners, which append everything first, call store__keep_all instead.
 */
int store__declare(struct store *store, const struct promql_expr *expr);
void store__keep_all(struct store *store);

/* The series of these labels, made if need be; NULL and errno. */
struct store_series *store__series(struct store *store, const struct labels *labels);
const struct labels *store_series_labels(const struct store_series *series);
/* Whether anybody reads it: else appending does nothing. */
bool store_series_wanted(const struct store_series *series);
/* Later than the last one; -EINVAL otherwise (out of order), -ENOMEM. */
int store__append(struct store *store, struct store_series *series, int64_t ts_ms, double value);
/* From now on, until the next call: what the series says cannot be trusted, and why (static). */
void store_series_unknown(struct store_series *series, const char *reason);
const char *store_series_why(const struct store_series *series);

double store_stale_value(void);
bool store_is_stale(double value);

/* Series that satisfy all matchers, in no order; the list is the store's until the next change. */
size_t store__select(struct store *store, const struct promql_node *selector,
		     struct store_series *const **out);
/* The newest sample not after ts_ms and not older than the lookback, not stale; false: none. */
bool store_at(const struct store_series *series, int64_t ts_ms, struct promql_sample *out);
/*
 * Samples with from_ms <= ts <= to_ms without stale markers (Prometheus 2.x: closed at both ends),
 * copied to a buffer that is the caller's; returns how many there are (may be more than `max`).
 */
size_t store_range(const struct store_series *series, int64_t from_ms, int64_t to_ms,
		   struct promql_sample *out, size_t max);

/* Given up for the sake of the bound; bytes held now. */
uint64_t store__evicted(const struct store *store);
size_t store__bytes(const struct store *store);

#endif /* CHESHIRE_PROMQL_STORE_H */
