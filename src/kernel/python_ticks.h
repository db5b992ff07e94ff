/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * python_ticks.h - a clock for each thread of a process, which runs while the thread does, and runs
 * a program at every tick.
 */
#ifndef CHESHIRE_KERNEL_PYTHON_TICKS_H
#define CHESHIRE_KERNEL_PYTHON_TICKS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A process with more threads than this is not given clocks. */
#define PYTHON_TICKS_MAX 1024

struct python_ticks;

/*
 * Threads that these threads make later have one too, but those of child processes do not run the
 * program to any effect: it looks for the target's tgid.  `tids` are all threads of the process.
 * NULL and errno: -ESRCH none of them was there, -E2BIG too many, or that of the kernel.
 */
struct python_ticks *python_ticks__open(const pid_t *tids, size_t n, uint32_t hz, int prog_fd);
/* For threads that were missed.  Returns how many were new; failures are passed over. */
size_t python_ticks__add(struct python_ticks *ticks, const pid_t *tids, size_t n);
/* NULL is fine. */
void python_ticks__free(struct python_ticks *ticks);

#endif
