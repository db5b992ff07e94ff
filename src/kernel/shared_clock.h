/* SPDX-License-Identifier: GPL-2.0-only */
/* shared_clock.h - user space's view of the process-wide clocks of wire.h, in shared memory. */
#ifndef CHESHIRE_KERNEL_SHARED_CLOCK_H
#define CHESHIRE_KERNEL_SHARED_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "cheshire/wire.h"

struct shared_clock {
	uint64_t word;
	uint64_t pad[7];
};

/* What the clock reads at time t; `once`: however many run, it runs once (the voice clock). */
uint64_t shared_clock_read(const struct shared_clock *clock, bool once, uint64_t t);
/* Difference of two readings. */
uint64_t shared_clock_diff(uint64_t later, uint64_t earlier);
/* Ends one running thing of the voice clock on behalf of the kernel. */
void shared_clock_stop(struct shared_clock *clock, uint64_t t);

#endif
