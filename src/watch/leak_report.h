/* SPDX-License-Identifier: GPL-2.0-only */
/* leak_report.h - what a search for leaks has found so far: made by the worker, read by the loop.
 */
#ifndef CHESHIRE_WATCH_LEAK_REPORT_H
#define CHESHIRE_WATCH_LEAK_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "leaks/census.h"
#include "leaks/escalation.h"
#include "leaks/ledger.h"
#include "stacks/frame_names.h"
#include "watch/leak_classes.h"

#define LEAK_REPORT_SITES  8
#define LEAK_REPORT_FRAMES 24 /* inlined ones are frames of their own */
#define LEAK_REPORT_TYPES  5

struct leak_report_site {
	struct leak_site site;
	const char *function; /* "malloc": which function of the allocator; static */
	size_t frames_n;
	size_t own; /* index of the frame to blame */
	struct frame_name frames[LEAK_REPORT_FRAMES];
	struct leak_classes classes; /* of its survivors */
};

struct leak_report {
	uint64_t at_ns; /* CLOCK_MONOTONIC */
	struct leak_growth growth;
	struct leak_ledger_counts counts;
	enum allocator_kind allocator;
	char allocator_name[64]; /* of the object, as the target calls it */
	char why[224];		 /* what could not be done, or cannot be known; "" */
	bool failing;		 /* nothing new is found out: `why` says why */
	uint64_t cost_ns;	 /* of all windows and watchpoints, in the target, estimated */
	uint64_t lost;		 /* allocations that were sampled and not kept */
	size_t sites_n;
	struct leak_report_site sites[LEAK_REPORT_SITES]; /* what matters most first */
	size_t types_n;
	double types_elapsed_s;
	struct census_type types[LEAK_REPORT_TYPES]; /* of Python objects that become more */
};

/* A place in the code: a line that is reached by several ways has a site for each. */
struct leak_place {
	size_t ways;
	/* The sum of the sites' rates, not more than memory grows by where one was cut to that. */
	double rate, low, high;
};

/*
 * Of site `at`, which is one of the report's: the first one of the same place, itself if there is
 * none before it.  Sites that leak are not of one place with those that are only suspect.
 */
size_t leak_report_first(const struct leak_report *report, size_t at);
/* Of the place whose first site is `first`. */
void leak_report_place(const struct leak_report *report, size_t first, struct leak_place *out);

/*
 * Places in the code that are confirmed to leak: a line that is reached by several ways is one.
 * NULL is fine.
 */
size_t leak_report_places(const struct leak_report *report);

#endif /* CHESHIRE_WATCH_LEAK_REPORT_H */
