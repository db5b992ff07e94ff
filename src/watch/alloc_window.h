/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * alloc_window.h - one look at the target's allocations: probes on, so many calls or so much time,
 * probes off.
 *
 * While it lasts, each call of the probed functions costs the target some 0.7 us where the place is
 * emulated, and 10 us where it is single-stepped (most returns), on a virtual machine.  The calls
 * are limited exactly; those that come until the probes are off are counted as late.  All of it
 * blocks, for attaching (10 ms) and detaching (40 ms) at least: it is for the worker.
 */
#ifndef CHESHIRE_WATCH_ALLOC_WINDOW_H
#define CHESHIRE_WATCH_ALLOC_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/alloc_windows.h"
#include "watch/probe_queue.h"

struct alloc_plan;
struct alloc_site_plan;
struct keeper;
struct object_table;

struct alloc_window_job {
	struct keeper *keeper;
	const struct object_table *objects; /* must not change meanwhile */
	struct alloc_windows *windows;
	const struct alloc_plan *plan;
	uint32_t functions; /* ALLOC_BLOCKS, ALLOC_MAPPINGS or both; see alloc_plan.h */
	struct alloc_window_opts opts;
	uint32_t time_max_ms;	   /* from when the probes are there */
	const volatile bool *stop; /* becomes true: end it at once; may be NULL */
	alloc_block_fn block;	   /* called in the thread that runs it, also while it is open */
	/*
	 * Looks at the blocks that `block` was called with, when the window has ended and before
	 * its probes come off: so that whose address was handed out again is known of all of them.
	 * Quick: the target still runs into the probes.  What is not 0 is returned.  May be NULL.
	 */
	int (*look)(void *ctx);
	void *ctx;
};

/*
 * 0; stats is valid then.  -ENOENT: no function is planned; -ESTALE: the code in memory is not that
 * of the file; -EBUSY, or another negative errno: nothing was probed.
 */
int alloc_window_run(const struct alloc_window_job *job, struct alloc_window_stats *stats);

/* Probes of a call site; they count until the links are freed. */
int alloc_site_attach(struct keeper *keeper, const struct object_table *objects,
		      const struct alloc_site_plan *plan, struct link_list *links);

#endif
