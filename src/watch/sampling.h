/* SPDX-License-Identifier: GPL-2.0-only */
/* sampling.h - the numbers of the process and of its host that are read once a second. */
#ifndef CHESHIRE_WATCH_SAMPLING_H
#define CHESHIRE_WATCH_SAMPLING_H

#include <stdint.h>

struct watching;

/* Reads them and feeds the metrics.  0 or a negative errno; -ESRCH: the target is gone. */
int sampling_feed(struct watching *w, uint64_t now_ns);

#endif
