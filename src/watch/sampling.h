/* SPDX-License-Identifier: GPL-2.0-only */
/* sampling.h - the numbers of the process and of its host that are read once a second. */
#ifndef CHESHIRE_WATCH_SAMPLING_H
#define CHESHIRE_WATCH_SAMPLING_H

#include <stdbool.h>
#include <stdint.h>

#include "metrics/metrics.h"

struct watching;

/* What has to be remembered between two readings.  All zero is a new one. */
struct sampling {
	struct process_sample last; /* as it was fed */
	bool fed;
	/* Bytes written less those cancelled; what is above the highest so far is new. */
	int64_t disk_net_bytes;
	uint64_t disk_write_bytes;
	bool disk_read;
};

/* Reads them and feeds the metrics.  0 or a negative errno; -ESRCH: the target is gone. */
int sampling_feed(struct watching *w, uint64_t now_ns);
/* The target is gone: what its sockets carried at the very end. */
void sampling_last(struct watching *w, uint64_t now_ns);

#endif
