/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * groups.h - alerts of one cause belong together.
 *
 * Alerts of a cause share a number while any of them fires, and for a while after the last change
 * of one.  An alert keeps its group until it is over.  Nothing waits for a group to be complete:
 * who hears the first alert hears by the number which later ones are the same matter.
 */
#ifndef CHESHIRE_RULES_GROUPS_H
#define CHESHIRE_RULES_GROUPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct groups;

/* For alerts 0 .. alerts_n - 1; group_ns: how long after the last change.  NULL and errno. */
struct groups *groups__new(size_t alerts_n, uint64_t group_ns);
void groups__free(struct groups *groups);

/* Alert `i` changed.  `firing`: it fires from now on (or is unknown, and fired before). */
void groups__change(struct groups *groups, size_t i, const char *cause, bool firing,
		    uint64_t now_ns);

struct group_ref {
	uint64_t id;	   /* from 1; 0: it has never changed */
	const char *cause; /* until the next change of this alert; NULL with id 0 */
	bool also;	   /* another alert of the group was told first */
};

/* Alert `i` is told now: the first of its group is remembered as such. */
struct group_ref groups__tell(struct groups *groups, size_t i);

uint64_t groups__last(const struct groups *groups); /* highest id given */

#endif /* CHESHIRE_RULES_GROUPS_H */
