/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * escalation.h - what is done next about a leak, and what is not, for there is no reason yet.
 *
 *	growth	      memory grows by more than it may (free, always)
 *	windows	      allocations are sampled, and survivors checked: who could it be?
 *	reachability  of the sites that could: is there still a pointer to their blocks?
 *	watchpoints   are their survivors touched?
 *	call sites    counted exactly, for good
 *
 * Each step is paid for only where the one before gave reason.  Pure: a clock and facts go in, the
 * work of one round comes out.
 */
#ifndef CHESHIRE_LEAKS_ESCALATION_H
#define CHESHIRE_LEAKS_ESCALATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "leaks/ledger.h"

struct escalation_options {
	uint64_t interval_ns; /* in each is a window, somewhere */
	uint64_t settle_ns;   /* age of a survivor */
	uint64_t watch_ns;    /* how long a survivor is watched */
	double share;	      /* of one CPU that windows may cost the target, 0.005 is 0.5 % */
	bool at_once;	      /* without waiting for growth */
};

struct escalation_facts {
	uint64_t now_ns;
	bool grows;		       /* by more than it may, surely */
	bool ceiling_near;	       /* nothing is added to what watching costs */
	bool python;		       /* an interpreter of Python: its types are counted */
	bool watching;		       /* watchpoints are set */
	const struct leak_site *sites; /* as leak_ledger__rank has them */
	size_t sites_n;
};

/* The work of one round; `check` always comes after `window`. */
struct escalation_round {
	bool window;	   /* on the allocator, */
	uint64_t delay_ns; /* so much later; below one second */
	bool check;	   /* the blocks that are followed */
	bool census;	   /* of types */
	bool reach;	   /* look for pointers to the survivors of `site` and the others */
	bool watch;	   /* set watchpoints on survivors */
	bool unwatch;	   /* take them off, and count */
	bool count;	   /* probe the call of the sites that are sure */
};

enum escalation_step {
	ESCALATION_REST = 0,
	ESCALATION_WINDOWS = 1,
	ESCALATION_REACH = 2,
	ESCALATION_WATCH = 3,
	ESCALATION_COUNT = 4,
};

/* All zero but for the options is a new one. */
struct escalation {
	struct escalation_options options;
	enum escalation_step step; /* the farthest that was reached in this hunt */
	bool hunting;
	uint64_t since_ns;		    /* the hunt's beginning */
	uint64_t grew_ns;		    /* when it was last seen to grow */
	uint64_t slot_ns;		    /* the interval that the next window is in begins */
	uint64_t window_ns, next_window_ns; /* the last one's beginning */
	uint64_t next_census_ns;
	uint64_t next_reach_ns;
	uint64_t watch_end_ns; /* 0: nothing is watched */
	uint32_t windows_n;    /* of this hunt */
};

void escalation_init(struct escalation *e, const struct escalation_options *options);
/* What is to be done now; called about once a second while no round is under way. */
void escalation_next(struct escalation *e, const struct escalation_facts *facts,
		     struct escalation_round *round);
/* The window of the last round that had one has cost the target so much. */
void escalation_paid(struct escalation *e, uint64_t cost_ns);
const char *escalation_step_name(enum escalation_step step);

#endif /* CHESHIRE_LEAKS_ESCALATION_H */
