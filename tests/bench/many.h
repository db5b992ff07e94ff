/* SPDX-License-Identifier: GPL-2.0-only */
/* many.h - the parts of a program of a thousand functions; its list is generated. */
#ifndef BENCH_MANY_H
#define BENCH_MANY_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <sys/prctl.h>
#include <signal.h>

typedef long many_fn(long value);

/* A function with a frame of its own, as most have. */
#define MANY(number)                                                                               \
	__attribute__((noinline)) long many_##number(long value);                                  \
	__attribute__((noinline)) long many_##number(long value)                                   \
	{                                                                                          \
		volatile long kept[4];                                                             \
		kept[value & 3] = value * (1##number % 7 + 3);                                     \
		return kept[value & 3];                                                            \
	}

/* Calls one of the first `cnt` functions every 2 ms, in turn, until it is killed. */
static int many_run(many_fn *const *all, size_t cnt)
{
	const struct timespec pause = {.tv_nsec = 2000000};
	long value = 1;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	puts("ready");
	fflush(stdout);
	for (size_t i = 0;; i = (i + 1) % cnt) {
		value += all[i](value);
		nanosleep(&pause, NULL);
	}
	return 0;
}

#endif
