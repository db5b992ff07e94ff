/* SPDX-License-Identifier: GPL-2.0-only */
/* shared_clock.h - user space's view of the process-wide clocks of wire.h, in shared memory. */
#ifndef CHESHIRE_KERNEL_SHARED_CLOCK_H
#define CHESHIRE_KERNEL_SHARED_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "cheshire/wire.h"

struct shared_clock {
	uint64_t word;
	uint64_t pad[WIRE_CLOCK_WORDS - 1];
};

/* What the clock reads at time t; `once`: however many run, it runs once (the voice clock). */
uint64_t shared_clock_read(const struct shared_clock *clock, bool once, uint64_t t);
/* The same of a word that was read. */
uint64_t shared_clock_word(uint64_t word, bool once, uint64_t t);
/* Difference of two readings. */
uint64_t shared_clock_diff(uint64_t later, uint64_t earlier);
/* Reading of a clock that runs once, with the speed of the clock that reads `reading` now. */
uint64_t shared_clock_once(uint64_t word, uint64_t reading);
/* Ends one running thing of such a clock on behalf of the kernel. */
void shared_clock_stop(uint64_t *word, uint64_t reading);

#endif
