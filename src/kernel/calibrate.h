/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHESHIRE_KERNEL_CALIBRATE_H
#define CHESHIRE_KERNEL_CALIBRATE_H

#include <stdint.h>

struct loader;

/* What a trap costs the thread that runs into it, without the BPF program's own work. */
struct trap_cost {
	uint32_t hot_ns;  /* median in a tight loop */
	uint32_t rare_ns; /* median after a pause: cold caches and tables */
};

enum trap_class {
	TRAP_EMULATED = 0, /* push and the like: the kernel emulates the instruction */
	TRAP_STEPPED = 1,  /* everything else: single-stepped out of line */
	TRAP_CLASSES = 2,
};

struct calibration {
	struct trap_cost trap[TRAP_CLASSES];
};

/* Hits per second below which a probe counts as rare. */
#define CALIBRATE_RARE_PER_S 2000

/*
 * Probes two functions of our own binary in a child of our own and times them there; takes about
 * 30 ms.  The child runs nothing else and ends with us.  0 or negative errno; on failure the
 * numbers are those of a slow machine, so that ceilings err on the safe side.
 */
int calibrate(struct loader *loader, struct calibration *out);

#endif
