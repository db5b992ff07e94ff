/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * exports.h - cheshire's metrics as Prometheus series, for rules to read.
 *
 * Only what some expression reads is there: exports__want() finds out which series a selector can
 * mean in this configuration (its stages; the windows of its budgets, five minutes, and those that
 * the selector names) and exports__feed() puts a sample into each once a tick.
 *
 * Idle is no sample: the series goes stale.  Unknown is the store's overlay: no sample, and why.
 */
#ifndef CHESHIRE_RULES_EXPORTS_H
#define CHESHIRE_RULES_EXPORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

struct metrics;
struct promql_expr;
struct promql_node;
struct store;
struct exports;

#define EXPORT_WINDOW_NS 300000000000ULL /* when nobody says which */
#define EXPORTS_MAX	 4096

/* All three are kept by reference and outlive the exports.  NULL and errno. */
struct exports *exports__new(const struct config *config, struct metrics *metrics,
			     struct store *store);
void exports__free(struct exports *exports);

/*
 * Makes the series that the selectors of an expression can mean; those that are there already
 * are not made again.  0, -E2BIG (more than EXPORTS_MAX), -ENOMEM.
 */
int exports__want(struct exports *exports, const struct promql_expr *expr);

/*
 * The metrics are about to go (a reload): feeding does nothing from now on.  Who comes after takes
 * over what the series said last; those that it does not ask for again end with its first feeding.
 * `old` may be NULL; it is to be freed afterwards.  Call it before exports__want().
 */
void exports__detach(struct exports *exports);
void exports__take_over(struct exports *exports, struct exports *old);

/* Reads every series' metric and puts it into the store. */
void exports__feed(struct exports *exports, uint64_t now_ns, int64_t ts_ms);

size_t exports__count(const struct exports *exports);

#endif /* CHESHIRE_RULES_EXPORTS_H */
