/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * export_rules.h - the budgets of a configuration as a standard Prometheus rule file.
 *
 * A budget becomes one alert for each of its limits, labelled severity="warning" or "critical".
 * Its expression has the same hysteresis as cheshire's own alerts: over the limit, or firing and
 * neither below 95 % of the limit nor at the target; `for` and `keep_firing_for` are the budget's
 * `for`.  Where the two must differ (docs/rules.md) the file says so in a comment.
 */
#ifndef CHESHIRE_RULES_EXPORT_RULES_H
#define CHESHIRE_RULES_EXPORT_RULES_H

#include <stdio.h>

#include "config/config.h"

/* Writes the file; returns how many budgets have no series and were left out (said in comments). */
size_t export_rules(const struct config *config, FILE *out);

#endif /* CHESHIRE_RULES_EXPORT_RULES_H */
