/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rules.h - all budgets of a configuration, evaluated over its metrics once a tick.
 *
 * To the configuration's budgets are added, unless it has its own on these metrics:
 *	target.up, target.responsive: below 1 is critical, P0, at once.
 *
 * Budgets of a tier see samples only while it is in force (tier.h); changes are grouped by cause
 * (groups.h), told the most urgent first, and held back in a storm (notify.h).
 */
#ifndef CHESHIRE_RULES_RULES_H
#define CHESHIRE_RULES_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "metrics/evidence.h"
#include "rules/alert.h"
#include "rules/notify.h"

struct metrics;
struct rules;

/* `config` and `m` are kept by reference and must outlive the rules.  NULL and errno. */
struct rules *rules__new(const struct config *config, struct metrics *m);
void rules__free(struct rules *rules);

/*
 * Called for every change of state or severity that is to be told, for reminders, and at once for
 * pending and inactive (sinks leave these out).  `handle` is for metrics__slowest().  Nothing of it
 * outlives the call but `budget`.
 */
typedef void (*rules_event_fn)(void *ctx, const struct alert_event *event, int handle);
void rules__tick(struct rules *rules, uint64_t now_ns, rules_event_fn fn, void *ctx);
/* True once after a storm of alerts began or was over. */
bool rules__storm(struct rules *rules, struct notify_storm *storm);
uint64_t rules__held(const struct rules *rules);   /* changes not told one by one */
uint64_t rules__groups(const struct rules *rules); /* groups so far: the highest number */
/* The tier in force; NULL: there are none. */
const struct tier_config *rules__tier(const struct rules *rules);

/* One budget as it stands, for the summary. */
struct rules_status {
	const struct budget_config *budget;
	const struct alert *alert;
	struct sample sample;
	double over_percent;
	bool notice;	/* over the target, inside warning */
	int unmeasured; /* 0; -ENOENT: no such metric here; -EINVAL: not this statistic */
	int handle;	/* negative when unmeasured */
};
size_t rules__count(const struct rules *rules);
/* As of the last tick.  `i` below rules__count(). */
void rules__status(const struct rules *rules, size_t i, struct rules_status *out);

size_t rules__firing(const struct rules *rules);       /* now */
uint64_t rules__fired(const struct rules *rules);      /* since the start */
enum severity rules__worst(const struct rules *rules); /* since the start: for --fail-on */

#endif /* CHESHIRE_RULES_RULES_H */
