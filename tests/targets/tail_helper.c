/* SPDX-License-Identifier: GPL-2.0-only */
/* The shared library that tail.c jumps into through its PLT. */
#include "truth.h"

#include <errno.h>
#include <time.h>

uint64_t tail_helper_finish(long us, uint64_t value);

STAGE uint64_t tail_helper_finish(long us, uint64_t value)
{
	struct timespec left = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};

	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR)
		;
	return value + 10;
}
