/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rule_notices.h - what is to be told of the alerts of rules, and when.
 *
 * Alerts of rules come and go with their labels.  Each that was ever pending gets a slot with a
 * copy of all that is told of it, so that "resolved" can be told when the alert itself is no more;
 * when it may be told is notify.h's decision.
 */
#ifndef CHESHIRE_RULEFILE_RULE_NOTICES_H
#define CHESHIRE_RULEFILE_RULE_NOTICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "rulefile/rulegroups.h"
#include "rules/notify.h"

#define RULE_NOTICES_MAX 1024 /* alerts with a slot at once; further ones are counted */

/* One alert as it is told. */
struct rule_notice {
	char *file, *group, *alert, *expr;
	enum alert_state state; /* firing, resolved, unknown */
	enum severity severity; /* by the label severity: critical, else warning */
	int priority;		/* by the label priority: P0 .. P3, else 2 or 3 by severity */
	bool reminder;
	double value;
	int64_t for_ms;
	int64_t fired_at_ms; /* RULEGROUPS_NEVER: it did not fire */
	char *reason;	     /* unknown: why; NULL */
	struct label *labels;
	size_t labels_n;
	struct label *annotations; /* expanded */
	size_t annotations_n;
};

struct rule_notices;

/* NULL and errno. */
struct rule_notices *rule_notices__new(const struct alerts_config *config);
void rule_notices__free(struct rule_notices *notices);
/* Other bounds from now on; what waits to be told still does. */
void rule_notices__configure(struct rule_notices *notices, const struct alerts_config *config);

/* A change of an alert.  0 or -ENOMEM (counted as untold). */
int rule_notices__change(struct rule_notices *notices, const struct rulegroups *groups,
			 const struct rule_event *event);
/* The next to be told: valid until the next call; NULL: nothing more for now. */
const struct rule_notice *rule_notices__next(struct rule_notices *notices, uint64_t now_ns);
/* After the last of a tick; see notify__settle(). */
bool rule_notices__settle(struct rule_notices *notices, uint64_t now_ns,
			  struct notify_storm *storm);

/* Those that fire or are unknown, as they stand: *at is 0 at first, NULL at the end.  Valid until
   the next change. */
const struct rule_notice *rule_notices__firing(const struct rule_notices *notices, size_t *at);

uint64_t rule_notices__fired(const struct rule_notices *notices);
enum severity rule_notices__worst(const struct rule_notices *notices);
uint64_t rule_notices__held(const struct rule_notices *notices);
uint64_t rule_notices__untold(const struct rule_notices *notices);

#endif /* CHESHIRE_RULEFILE_RULE_NOTICES_H */
