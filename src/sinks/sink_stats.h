/* SPDX-License-Identifier: GPL-2.0-only */
/* sink_stats.h - what became of the lines given to a sink. */
#ifndef CHESHIRE_SINKS_SINK_STATS_H
#define CHESHIRE_SINKS_SINK_STATS_H

#include <stdbool.h>
#include <stdint.h>

/* Counted since the sink was made. */
struct sink_stats {
	uint64_t lines;	       /* given to the reader whole, or queued for it */
	uint64_t dropped;      /* lines not delivered, whatever the reason */
	uint64_t dropped_full; /* ... because the queue was full */
	uint64_t write_errors; /* failed system calls, EAGAIN not counted */
	uint64_t queued_bytes; /* now */
	int last_errno;	       /* positive; 0: never failed */
	bool dead;	       /* the reader is gone for good (closed pipe) */
};

#endif /* CHESHIRE_SINKS_SINK_STATS_H */
