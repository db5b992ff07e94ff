/* SPDX-License-Identifier: GPL-2.0-only */
/* leak_search_state.h - what a search for leaks is made of, for the files that it is written in. */
#ifndef CHESHIRE_WATCH_LEAK_SEARCH_STATE_H
#define CHESHIRE_WATCH_LEAK_SEARCH_STATE_H

#include "cheshire/wire_alloc.h"
#include "kernel/alloc_windows.h"
#include "leaks/allocator.h"
#include "leaks/call_paths.h"
#include "leaks/census.h"
#include "leaks/mappings.h"
#include "leaks/reachability.h"
#include "leaks/survivor.h"
#include "target/alloc_plan.h"
#include "watch/leak_report.h"
#include "watch/leak_search.h"
#include "watch/leak_stacks.h"
#include "watch/probe_queue.h"

#define LEAK_WATCHES_MAX 4
#define LEAK_STACK_KEPT	 4096 /* bytes of a record's stack that are kept for unwinding */
#define LEAK_RECORDS_MAX 1024 /* of one window */

/* A call site that is counted. */
struct leak_counter {
	uint64_t site;
	uint64_t since_ns;
	struct wire_alloc_site before;
	uint64_t booked; /* hits whose cost was booked */
	uint64_t booked_ns;
	struct link_list links;
	bool over; /* it could not be probed, or became too dear: no probe is there */
};

struct leak_watch {
	uint64_t site;
	uint32_t slot;
	uint64_t since_ns;
};

/* The classes of a site's blocks, as they were. */
struct leak_seen_classes {
	uint64_t site, at_ns;
	struct leak_classes classes;
};

struct leak_search {
	struct leak_search_opts opts;
	struct target_memory memory;
	bool found;	       /* the allocator was looked for, and can be searched */
	int err;	       /* it cannot be */
	unsigned int failed_n; /* rounds, one after the other */
	char why[224];
	struct alloc_windows *windows;
	struct allocator allocator;
	struct alloc_plan plan;
	struct survivor_judge *judge;
	uint64_t data_inode;
	struct leak_ledger *ledger;
	struct leak_stacks *stacks;
	struct mappings mappings; /* of the round's beginning, or newer */
	struct census *census;
	bool census_open;			     /* a count is under way */
	struct census_type types[LEAK_REPORT_TYPES]; /* of the last two counts */
	size_t types_n;
	double types_elapsed_s;
	struct reachability *reach; /* a scan that is under way */
	struct leak_counter counters[WIRE_ALLOC_SITES_MAX];
	size_t counters_n;
	struct leak_watch watches[LEAK_WATCHES_MAX];
	size_t watches_n;
	/* Of calls whose blocks do not last, less are looked at. */
	struct call_paths *paths;
	uint32_t sample_bytes, brief_sample_bytes;
	uint32_t windows_n, mappings_turns_n;
	bool mappings_seen; /* in windows for them alone */
	uint8_t *records;   /* of the window that is open: struct wire_alloc, cut off */
	size_t records_n, records_lost;
	struct block_check *looks; /* the first looked_n records, before the probes came off */
	size_t looked_n;
	uint64_t looked_ns;
	uint64_t lost; /* allocations that were sampled and not kept */
	uint64_t cost_ns, cost_round_ns;
	struct leak_seen_classes classes[LEAK_REPORT_SITES];
	struct leak_site ranked[32];
	size_t ranked_n;
};

/* --- leak_search_window.c --- */

/* One window, after delay_ns, and its samples into the ledger. */
int leak_search_window(struct leak_search *s, uint64_t delay_ns);
/* Blocks that are due are judged. */
int leak_search_check(struct leak_search *s);

/* --- leak_search_classes.c --- */

/* Of a site's survivors, looked at now and then.  NULL: not known. */
const struct leak_classes *leak_search_classes(struct leak_search *s, const struct leak_site *site,
					       uint64_t now_ns);

/* --- leak_search_proof.c --- */

/* Pointers to survivors of the sites that may leak: begins or goes on. */
int leak_search_reach(struct leak_search *s, bool begin);
void leak_search_watch(struct leak_search *s);
/* For as long as confirms: they were set later than the round began. */
bool leak_search_watched(const struct leak_search *s);
void leak_search_unwatch(struct leak_search *s);
void leak_search_count(struct leak_search *s);
/* What the call sites have counted since. */
void leak_search_counted(struct leak_search *s);

uint64_t leak_search_now_ns(void);
/* Reads the mappings anew. */
int leak_search_read_mappings(struct leak_search *s);

#endif /* CHESHIRE_WATCH_LEAK_SEARCH_STATE_H */
