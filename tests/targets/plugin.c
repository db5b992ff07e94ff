/* SPDX-License-Identifier: GPL-2.0-only */
/* The small shared library that loader.c opens and closes while it is watched. */
#include "truth.h"

#include <errno.h>
#include <time.h>

uint64_t stage_plugin(long us, uint64_t value);

STAGE uint64_t stage_plugin(long us, uint64_t value)
{
	struct timespec left = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};

	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR)
		;
	return value + 1;
}
