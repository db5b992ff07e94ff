/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * scan.h - looking again at what the target maps, and planning what has come: by the worker, for
 * a large library takes seconds.
 *
 * While a scan is under way objects and bindings are the worker's.  The loop goes on with what is
 * attached; trials, return sites to be learnt and what is to be tried again wait for its end.
 */
#ifndef CHESHIRE_WATCH_SCAN_H
#define CHESHIRE_WATCH_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "watch/models.h"
#include "watch/worker.h"

struct watching;

struct scan {
	struct worker_job job;
	struct watching *watching;
	bool under_way;
	bool said_slow;	 /* ... for longer than SCAN_SLOW_NS */
	bool said_error; /* the objects cannot be read */
	uint64_t since_ns;
	/* Of the scan under way. */
	bool exec;	  /* the target runs another program: stages of files that went end */
	bool looked;	  /* ... and its files are known: `expired` is said once only */
	bool resolved;	  /* there may be something to attach */
	uint64_t expired; /* bits of stages */
	int err;
	struct models models;
};

#define SCAN_SLOW_NS 10000000000ULL

/* Starts one, unless the worker is busy: then flags stay as they are, to be looked at again. */
void scan_start(struct watching *w, uint64_t now_ns);
/* Says so when the one under way takes too long. */
void scan_check(struct watching *w, uint64_t now_ns);

#endif
