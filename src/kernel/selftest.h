/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * selftest.h - is it true, on this very kernel, that probes do not change what they are put on?
 *
 * A child of ours calls functions of ours with known values in all registers, in the flags and in
 * the red zone below the stack, first without and then with a probe, and compares what comes back;
 * a second thread of it has to be seen, and each hit to be counted.  What fails is not used.
 */
#ifndef CHESHIRE_KERNEL_SELFTEST_H
#define CHESHIRE_KERNEL_SELFTEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cpu_state;

#define SELFTEST_ROWS_MAX 24
#define SELFTEST_WHAT_MAX 96

enum selftest_verdict {
	SELFTEST_UNTESTED = 0,
	SELFTEST_GOOD = 1,
	SELFTEST_CORRUPTS = 2, /* something is different behind it */
	SELFTEST_KILLS = 3,    /* the child died of it, or did not end */
	SELFTEST_MISSES = 4,   /* hits were not counted as often as they happened */
	SELFTEST_REFUSED = 5,  /* the kernel does not attach it */
};

struct selftest_row {
	enum selftest_verdict verdict;
	uint32_t cost_ns; /* of a hit in a loop, a counting program included; 0: unknown */
	char what[SELFTEST_WHAT_MAX]; /* of verdicts other than good */
};

struct selftest {
	bool multi;    /* by uprobe_multi links; else perf events */
	size_t rows_n; /* selftest_codes_n, or 0: nothing was tested */
	struct selftest_row rows[SELFTEST_ROWS_MAX]; /* as selftest_codes */
	struct selftest_row seccomp; /* a uretprobe in a thread with a system call filter */
	struct selftest_row threads; /* a second thread is seen, another process is not */
	uint64_t took_ns;
};

/*
 * Runs it: some 70 ms with uprobe_multi, 0.1 s for each probe with perf events; `brief` tests the
 * few kinds that sessions use most, and leaves the others SELFTEST_UNTESTED.  0, or a negative
 * errno: it could not be run, so that nothing is proven.
 */
int selftest_run(bool multi, bool brief, struct selftest *out);

const char *selftest_verdict_name(enum selftest_verdict verdict);

/* SITE_KIND_BITs that failed: not to be probed. */
uint32_t selftest_failed_kinds(const struct selftest *t);
/* Why uretprobes must not be used in a target, with or without a system call filter; NULL: they
 * may. */
const char *selftest_no_uretprobe(const struct selftest *t, bool target_filtered);

/*
 * What differs between two states, in `what`; false: nothing does.  The red zone is left out where
 * nothing is in it.
 */
bool selftest_differs(const struct cpu_state *expected, const struct cpu_state *got,
		      bool free_red_zone, char what[SELFTEST_WHAT_MAX]);

#endif
