/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * python_clock.h - the clock of the threads of a Python program, for all who want its ticks: it
 * goes as fast as the one who wants it fastest.
 */
#ifndef CHESHIRE_WATCH_PYTHON_CLOCK_H
#define CHESHIRE_WATCH_PYTHON_CLOCK_H

#include <stdint.h>

struct keeper;
struct loader;

enum python_clock_user {
	PYTHON_CLOCK_FRAMES = 0, /* python_sampling.h */
	PYTHON_CLOCK_COPIES = 1, /* python_exact.h */
	PYTHON_CLOCK_USERS = 2,
};

/* All zeros: it stands still. */
struct python_clock {
	uint32_t wanted_hz[PYTHON_CLOCK_USERS];
	uint32_t hz;
};

/*
 * hz: WIRE_PYTHON_HZ_MIN to _MAX of a thread's CPU time; 0: not any more.  0, or a negative errno
 * as of keeper__ticks(): then this one has none, and the others what they had, if that can be.
 */
int python_clock_want(struct python_clock *clock, struct loader *loader, struct keeper *keeper,
		      enum python_clock_user user, uint32_t hz);

#endif
