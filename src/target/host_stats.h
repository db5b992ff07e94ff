/* SPDX-License-Identifier: GPL-2.0-only */
/* host_stats.h - the CPU time of the whole host, from /proc/stat. */
#ifndef CHESHIRE_TARGET_HOST_STATS_H
#define CHESHIRE_TARGET_HOST_STATS_H

#include <stdint.h>

/*
 * Running totals of all CPUs in nanoseconds, in steps of 10 ms (of the kernel's USER_HZ).  Waiting
 * for storage is idle time; guests are in `busy` already.
 */
struct host_cpu {
	uint64_t busy_ns;   /* user, nice, system and interrupts */
	uint64_t stolen_ns; /* taken by the hypervisor for others */
	uint64_t total_ns;  /* of the two, and idle time */
};

/* 0 or a negative errno. */
int host_read_cpu(struct host_cpu *cpu);

#endif
