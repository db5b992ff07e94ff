/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * store.h - the samples that rules read: for each series no more than the ranges that were asked
 * for.
 *
 * Times are milliseconds, as in Prometheus.  A series ends by a stale marker (a NaN of its own bit
 * pattern), after which instant selectors do not see it.  Quality is an overlay: a series may be
 * marked unknown for now, or have lost samples to the bound; the evaluator hands that on and never
 * calculates with it.
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
#define STORE_LAG_MS	  5000 /* an evaluation may be so much older than a series' newest sample */

struct promql_sample {
	int64_t ts_ms;
	double value;
};

struct store;
struct store_series;

/* `samples_max`: of all series together; past it the oldest are given up and counted.  NULL and
   errno.  `table` is kept by reference. */
struct store *store__new(struct label_table *table, size_t samples_max);
void store__free(struct store *store);
struct label_table *store__labels(const struct store *store);

/*
 * Declares that an expression is going to be evaluated: what its selectors' ranges and offsets need
 * is kept from now on.  Series that no declared selector matches keep nothing.  `expr` is kept by
 * reference until store__forget().  Test runners, which append everything first, call
 * store__keep_all() instead.  0 or -ENOMEM.
 */
int store__declare(struct store *store, const struct promql_expr *expr);
/* No longer evaluated.  Unknown expressions are ignored. */
void store__forget(struct store *store, const struct promql_expr *expr);
/* Gives back what only expressions needed that were forgotten: once, behind the last of many. */
void store__trim(struct store *store);
void store__keep_all(struct store *store);

/* The series of these labels (of the store's table), made if need be; it stays valid until
   store__free().  NULL and errno: ENOMEM, E2BIG beyond STORE_SERIES_MAX. */
struct store_series *store__series(struct store *store, const struct labels *labels);
const struct labels *store_series_labels(const struct store_series *series);
/* Whether anybody reads it: else appending does nothing. */
bool store_series_wanted(const struct store_series *series);
/* Later than the last one; -EINVAL otherwise (out of order), -ENOMEM, -ENOSPC when the bound is
   reached and nothing older can be given up (then counted as evicted). */
int store__append(struct store *store, struct store_series *series, int64_t ts_ms, double value);
/* From now on, until the next call: what the series says cannot be trusted, and why (static; NULL:
   it can). */
void store_series_unknown(struct store_series *series, const char *reason);
const char *store_series_why(const struct store_series *series);
/* Gives back the samples of series that ended, and that no evaluation from now on can see.
   store__append() does so once a minute, for the time that it is given. */
void store__expire(struct store *store, int64_t now_ms);

double store_stale_value(void);
bool store_is_stale(double value);

/*
 * Series that satisfy all matchers, in the order in which they were made; the list is the store's
 * until the next call that is not a read.  Remembered by what the matchers say, not by the node.
 * *n gets their number.  0 or -ENOMEM.
 */
int store__select(struct store *store, const struct promql_node *selector,
		  struct store_series *const **out, size_t *n);
/* The newest sample not after ts_ms and not older than the lookback, not stale; false: none. */
bool store_at(const struct store_series *series, int64_t ts_ms, struct promql_sample *out);
/*
 * Samples with from_ms <= ts <= to_ms (Prometheus 2.x: closed at both ends), stale markers among
 * them; *out is the store's until the next append.  Returns how many.
 */
size_t store_range(const struct store_series *series, int64_t from_ms, int64_t to_ms,
		   const struct promql_sample **out);
/* Whether stale markers can be among them. */
bool store_series_has_stale(const struct store_series *series);
/* Whether a sample at or after from_ms was given up for the sake of the bound. */
bool store_series_lost(const struct store_series *series, int64_t from_ms);

/* Given up for the sake of the bound since the start; samples and bytes held now. */
uint64_t store__evicted(const struct store *store);
size_t store__samples(const struct store *store);
size_t store__bytes(const struct store *store);
size_t store__series_n(const struct store *store);

#endif /* CHESHIRE_PROMQL_STORE_H */
