/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * notify.h - which changes of alerts are told at once, and which have to wait.
 *
 * A token bucket: `rate` at once, and `rate` a minute from then on.  P0 never waits.  What waits is
 * not told one by one: once there is room, each alert whose state is not the one told last is told
 * as it stands then, the most urgent first.  An alert that fires on is told again every `remind`.
 *
 * A tick: notify__change() for every change, notify__next() until it gives nothing, then
 * notify__settle().
 */
#ifndef CHESHIRE_RULES_NOTIFY_H
#define CHESHIRE_RULES_NOTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "rules/alert.h"

struct notify;

/* For alerts 0 .. alerts_n - 1; a rate of 0 is no limit.  NULL and errno. */
struct notify *notify__new(size_t alerts_n, const struct alerts_config *config);
void notify__free(struct notify *notify);
/* Another rate and time of reminders from now on. */
void notify__configure(struct notify *notify, const struct alerts_config *config);

/* Alert `i` is in this state now; priority as of alert_event. */
void notify__change(struct notify *notify, size_t i, enum alert_state state, enum severity severity,
		    int priority);

struct notify_due {
	size_t i;
	bool reminder;		/* nothing changed: it fires on */
	bool over;		/* what was told as firing or unknown is over */
	enum severity severity; /* over: the one that was told */
};

/* The next to be told; false: nothing more for now. */
bool notify__next(struct notify *notify, uint64_t now_ns, struct notify_due *due);

/* Alert `i` is over, and that has been told where it had to be: the index may be used for another.
 */
bool notify__quiet(const struct notify *notify, size_t i);

/* Something to say about a storm itself. */
struct notify_storm {
	bool began;	  /* else it is over */
	uint64_t per_min; /* changes in the last minute */
	uint64_t held;	  /* over: changes that were not told one by one */
};

/* Counts what has to wait; true when a storm began or is over. */
bool notify__settle(struct notify *notify, uint64_t now_ns, struct notify_storm *storm);

uint64_t
notify__held(const struct notify *notify); /* changes not told one by one, since the start */

#endif /* CHESHIRE_RULES_NOTIFY_H */
