/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * leak_search.h - the search for leaks in one process: windows on its allocator, survivors checked,
 * pointers to them looked for, watchpoints, call sites.
 *
 * All of it blocks and reads the target's files and memory: it is the worker's, a round at a time.
 * What to do in a round is said by leaks/escalation.h.
 */
#ifndef CHESHIRE_WATCH_LEAK_SEARCH_H
#define CHESHIRE_WATCH_LEAK_SEARCH_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "kernel/calibrate.h"
#include "leaks/escalation.h"

struct debug_files;
struct keeper;
struct leak_report;
struct leak_search;
struct object_table;
struct process;

struct leak_search_opts {
	const struct leaks_config *config;
	const struct process *proc;
	struct keeper *keeper;
	const struct debug_files *fetched; /* as in stack_modules.h */
	struct object_table *objects;	   /* the search's during a round, and only then */
	struct calibration calibration;
	double share;		   /* of a CPU, that counting calls may cost the target */
	uint32_t avoid;		   /* kinds of places that are not probed, as plan_opts */
	const volatile bool *stop; /* becomes true: end the round soon */
};

/* Nothing is looked at yet.  NULL and errno on failure. */
struct leak_search *leak_search__new(const struct leak_search_opts *opts);
/* Takes all probes off.  NULL is fine. */
void leak_search__free(struct leak_search *search);

/*
 * One round; *out is what is known after it.  The first finds the allocator.  0, or a negative
 * errno: -ESRCH the target is gone; -EOPNOTSUPP, -EPERM, ...: it cannot be searched, out->why says
 * why.
 */
int leak_search__round(struct leak_search *search, const struct escalation_round *round,
		       const struct leak_growth *growth, struct leak_report *out);

/* Between rounds, the loop's: what stays attached is booked, and taken off where it is too dear. */
void leak_search__between(struct leak_search *search);

/* Of the last round, or since it: the time that was taken from the target. */
uint64_t leak_search__cost_ns(const struct leak_search *search);
bool leak_search__watching(const struct leak_search *search);
/* Is there an interpreter of Python in the process? */
bool leak_search__python(const struct leak_search *search);

#endif /* CHESHIRE_WATCH_LEAK_SEARCH_H */
