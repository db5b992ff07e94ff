/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rule_watch.h - rule files at work: cheshire's metrics put into a store once a second, the groups
 * evaluated over it, what changes told through the same bounds as the budgets' alerts.
 *
 * It outlives configurations: a reload gives it new files, new metrics, or both.  Rules that are
 * still there, in the same file and group with the same name and labels, keep their state.
 */
#ifndef CHESHIRE_WATCH_RULE_WATCH_H
#define CHESHIRE_WATCH_RULE_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "rules/notify.h"
#include "watch/rule_set.h"

struct metrics;
struct rulegroups;
struct rule_notice;
struct rule_watch;

/* NULL and errno. */
struct rule_watch *rule_watch__new(void);
void rule_watch__free(struct rule_watch *rw);

/*
 * Takes the set over, also on failure.  `config` and `metrics` are kept by reference until the next
 * call of this or of rule_watch__detach().  NULL: the set, or the metrics, stay as they are.
 * 0 or -ENOMEM, -E2BIG (more series than can be kept; without new metrics the old set stays).
 */
int rule_watch__use(struct rule_watch *rw, struct rule_set *set, const struct config *config,
		    struct metrics *metrics);
/* The metrics are about to go. */
void rule_watch__detach(struct rule_watch *rw);

struct rule_watch_listener {
	void (*alert)(void *ctx, const struct rule_notice *notice);
	/* A rule cannot be evaluated (why), or can be again (NULL). */
	void (*failure)(void *ctx, const char *group, const char *rule, const char *why);
	void *ctx;
};

/* Once a second, after the metrics' tick; due_ns: when it should have been, for the rules' clock.
 */
void rule_watch__tick(struct rule_watch *rw, uint64_t now_ns, uint64_t due_ns,
		      const struct rule_watch_listener *listener);
bool rule_watch__storm(struct rule_watch *rw, struct notify_storm *storm);

/* For summaries and --fail-on. */
size_t rule_watch__rules(const struct rule_watch *rw);	/* in force */
size_t rule_watch__firing(const struct rule_watch *rw); /* alerts, now */
/* One after the other; see rule_notices__firing(). */
const struct rule_notice *rule_watch__next_firing(const struct rule_watch *rw, size_t *at);
uint64_t rule_watch__fired(const struct rule_watch *rw);      /* since the start */
enum severity rule_watch__worst(const struct rule_watch *rw); /* since the start */
uint64_t rule_watch__held(const struct rule_watch *rw);	      /* changes not told one by one */
/* What had to be left out: samples given up, evaluations that came too late, alerts beyond those
   that can be told. */
struct rule_watch_losses {
	uint64_t samples_evicted;
	uint64_t evaluations_missed;
	uint64_t alerts_untold;
};
void rule_watch__losses(const struct rule_watch *rw, struct rule_watch_losses *out);

/* For a state file; NULL before the first use. */
struct rulegroups *rule_watch__groups(struct rule_watch *rw);
/* CLOCK_MONOTONIC as the time of rules: milliseconds since 1970, by the clock as at the start. */
int64_t rule_watch__ts_ms(const struct rule_watch *rw, uint64_t now_ns);

#endif
