/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * breaker.h - the overhead ceiling: what watching costs the target, and which stage has to go.
 *
 * Pure: fed every 100 ms with running totals, keeps ten seconds.  Cost of a stage = its probe hits
 * times the calibrated trap cost (dearer while they are rare) plus the programs' measured run
 * time; on top come caught exceptions, the dynamic loader's hook and the scheduler program.
 *
 * The ceiling holds for the mean over ten seconds: an assistant works in bursts.  A torrent is
 * not waited for: five times the ceiling over one second is too much as well.
 */
#ifndef CHESHIRE_WATCH_BREAKER_H
#define CHESHIRE_WATCH_BREAKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cheshire/wire.h"

#define BREAKER_PERIOD_NS    100000000ULL
#define BREAKER_SLOTS	     100 /* the long window */
#define BREAKER_SHORT_SLOTS  10
#define BREAKER_SHORT_FACTOR 5

/* One stage as of now; running totals since the start. */
struct breaker_stage {
	bool armed;
	bool has_budget;
	uint64_t hits;	    /* entries and exits */
	uint64_t trap_ns;   /* at the cost of hot probes */
	double rare_factor; /* of its probes while they are rare, >= 1 */
};

/* What no single stage costs. */
enum breaker_extra {
	BREAKER_EXTRA_CATCHES = 0, /* on caught exceptions */
	BREAKER_EXTRA_HOOKS = 1,   /* on the dynamic loader's hook */
	BREAKER_EXTRA_PYTHON = 2,  /* looks at the frames of Python */
	BREAKER_EXTRA_COPIES = 3,  /* copies that watchpoints make slower */
	BREAKER_EXTRAS = 4,
};

struct breaker_input {
	const struct breaker_stage *stages;
	size_t stages_n;
	uint64_t probe_runs; /* of all uprobe programs, and the time they ran */
	uint64_t probe_ns;
	uint64_t other_ns; /* scheduler program */
	uint64_t extra_ns[BREAKER_EXTRAS];
	uint64_t elapsed_ns; /* since the last feeding, about BREAKER_PERIOD_NS */
};

/* What has to be shed, where it is not a stage. */
enum breaker_shed {
	BREAKER_NOTHING = -1,
	BREAKER_CATCHES = -2,
	BREAKER_HOOKS = -3,
	BREAKER_PYTHON = -4,
	BREAKER_COPIES = -5,
};

struct breaker {
	double ceiling_percent;		/* of one CPU */
	bool armed[WIRE_STAGES_MAX];	/* at the last feeding, like the next ones */
	uint64_t hits[WIRE_STAGES_MAX]; /* totals */
	uint64_t trap_ns[WIRE_STAGES_MAX];
	uint64_t other_ns, extra_ns[BREAKER_EXTRAS];
	/* Costs of the newest periods, as if each had taken BREAKER_PERIOD_NS. */
	double stage_ns[BREAKER_SLOTS][WIRE_STAGES_MAX];
	double others[BREAKER_SLOTS];
	double extras[BREAKER_SLOTS][BREAKER_EXTRAS];
	size_t slot;
	bool primed;
	double total_ns;     /* cost of everything since the start */
	double percent;	     /* of one CPU, over the last second */
	double long_percent; /* ... over the last ten */
};

void breaker_init(struct breaker *b, double ceiling_percent);

/*
 * Takes the newest totals.  Returns the stage that has to be shed, or one of enum breaker_shed.
 * An extra goes first where it costs more than half of the ceiling: without it exceptions are dated
 * late, and libraries found late.  Then stages without a budget, then the dearest; trifles stay,
 * for taking them off would help nobody.  *share is what it costs, in percent of one CPU.
 */
int breaker_feed(struct breaker *b, const struct breaker_input *in, double *share);

#endif
