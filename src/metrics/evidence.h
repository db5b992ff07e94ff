/* SPDX-License-Identifier: GPL-2.0-only */
/* evidence.h - the slowest few spans or turns of a sliding window, in bounded memory. */
#ifndef CHESHIRE_METRICS_EVIDENCE_H
#define CHESHIRE_METRICS_EVIDENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cheshire/wire.h"

#define EVIDENCE_KEPT	   3 /* items an alert carries */
#define EVIDENCE_PARTS_MAX 8 /* stages of a turn that are kept */

enum evidence_kind {
	EVIDENCE_INVALID = 0,
	EVIDENCE_SPAN = 1,
	EVIDENCE_TURN = 2,
};

/* One stage of a turn, in the order of the joining. */
struct evidence_part {
	uint16_t stage;
	uint16_t pad0;
	uint32_t tid;
	int64_t gap_ns; /* since the part before; -1: first, or not consecutive */
	uint64_t start_ns;
	uint64_t wall_ns;  /* what the stage's .latency measures */
	uint64_t first_ns; /* streams: start to first output; else 0 */
	uint32_t flags;	   /* enum wire_span_flags */
	bool cpu_known;	   /* the three below are valid */
	uint64_t cpu_ns;
	uint64_t process_cpu_ns;
	uint64_t wait_ns[WIRE_WAITS];
};

struct evidence_item {
	enum evidence_kind kind;
	uint16_t stage; /* span; of a turn: the stage it began with */
	uint16_t pad0;
	uint32_t statement; /* of a database: metrics__statement(); 0: it is none */
	uint32_t flags;	    /* span: enum wire_span_flags */
	uint64_t start_ns;
	uint64_t wall_ns;  /* what the metric measured: items are ranked by it */
	uint64_t first_ns; /* streams: start to first output; else 0 */
	uint64_t key;	   /* of the turn's pairing: value or thread */
	uint32_t tid;
	bool cpu_known; /* the three below are valid (span) */
	uint64_t cpu_ns;
	uint64_t process_cpu_ns;
	uint64_t wait_ns[WIRE_WAITS];
	size_t parts_n; /* turn */
	struct evidence_part parts[EVIDENCE_PARTS_MAX];
};

struct evidence;

/* NULL and errno (ENOMEM) on failure. */
struct evidence *evidence__new(uint64_t window_ns);
void evidence__free(struct evidence *evidence);
/* Keeps the item if it is among the slowest of its slot of time.  0 or -ENOMEM. */
int evidence__add(struct evidence *evidence, const struct evidence_item *item, uint64_t now_ns);
/* Slowest first; returns how many, 0 .. EVIDENCE_KEPT. */
size_t evidence__slowest(struct evidence *evidence, uint64_t now_ns,
			 struct evidence_item out[EVIDENCE_KEPT]);

#endif /* CHESHIRE_METRICS_EVIDENCE_H */
