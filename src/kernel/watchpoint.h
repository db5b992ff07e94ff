/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * watchpoint.h - the CPU's debug registers on a few bytes of another process: which of its threads
 * touches them.  Nothing of the process is changed.
 *
 * A CPU has four such registers; a debugger, or another tool, may hold some.  A hit is a trap of
 * some microseconds (watchpoint_cost_ns) in the thread that touched the bytes, right after the
 * instruction.  What the kernel writes there (read(2) into it) is not seen.
 *
 * Two forms:
 *  - with a program: it runs at every hit; the address is ctx->addr.  Threads that a watched thread
 *    makes are watched from their first instruction on; child processes are not.
 *  - without one: the first hit of each thread is counted, and then this thread is left alone, so
 *    that bytes touched all the time cost a trap a thread.  New threads are watched from the next
 *    watchpoint__add() on: touched by none but threads that lived between two calls is not seen.
 */
#ifndef CHESHIRE_KERNEL_WATCHPOINT_H
#define CHESHIRE_KERNEL_WATCHPOINT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define WATCHPOINTS_MAX	       4    /* of one process */
#define WATCHPOINT_THREADS_MAX 1024 /* a descriptor each; a process with more is refused */

enum watchpoint_kind {
	WATCHPOINT_WRITES = 0,
	WATCHPOINT_TOUCHES = 1, /* reads too */
};

struct watchpoint_spec {
	uint64_t address;
	uint32_t length; /* 1, 2, 4 or 8 bytes, at a multiple of that */
	uint32_t kind;	 /* enum watchpoint_kind */
	int prog_fd;	 /* of a perf_event program; -1: hits are counted only */
};

struct watchpoint;

/*
 * Watches these threads, all of the process.  NULL and errno: -ENOSPC all registers are taken (a
 * debugger), -E2BIG too many threads, -EMFILE, -EPERM, -EOPNOTSUPP this CPU or kernel has none,
 * -ESRCH no thread was there.
 */
struct watchpoint *watchpoint__open(const struct watchpoint_spec *spec, const pid_t *tids,
				    size_t n);
/*
 * Threads that are not known yet.  0, or the negative errno of the first that could not be watched
 * (one that has ended is no error); *added is how many were new.
 */
int watchpoint__add(struct watchpoint *w, const pid_t *tids, size_t n, size_t *added);
/* Hits so far; without a program at most one a thread. */
uint64_t watchpoint__hits(const struct watchpoint *w);
/* Threads that were given to it, those that have ended among them. */
size_t watchpoint__threads(const struct watchpoint *w);
/* NULL is fine. */
void watchpoint__free(struct watchpoint *w);

/* What a hit costs the thread, without a program: measured here on ourselves.  0: cannot be. */
uint32_t watchpoint_cost_ns(void);

/*
 * How long the CPU takes for what it copies with one instruction (rep movs) while data is watched,
 * in percent of what it takes else: measured here on ourselves.  100: as long; also where there is
 * no such instruction.  0: cannot be measured.
 */
uint32_t watchpoint_copy_percent(void);

#endif
