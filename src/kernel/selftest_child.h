/* SPDX-License-Identifier: GPL-2.0-only */
/* selftest_child.h - the side of the self-test that is probed. */
#ifndef CHESHIRE_KERNEL_SELFTEST_CHILD_H
#define CHESHIRE_KERNEL_SELFTEST_CHILD_H

#include "kernel/selftest.h"

/* Calls of a function with each pattern: a nop is optimised at its first hit. */
#define SELFTEST_CALLS	       8
#define SELFTEST_PATTERNS      2
#define SELFTEST_COST_CALLS    32
#define SELFTEST_THREAD_CALLS  5 /* by each of two threads */
#define SELFTEST_HITS_EXPECTED (SELFTEST_CALLS * SELFTEST_PATTERNS + SELFTEST_COST_CALLS)

/* What is tested beside the rows. */
#define SELFTEST_THREADS  SELFTEST_ROWS_MAX
#define SELFTEST_SECCOMP  (SELFTEST_ROWS_MAX + 1)
#define SELFTEST_FINISHED (-1)

/* Memory that both sides see. */
struct selftest_shared {
	int running; /* row that is being tested, one of those below, or SELFTEST_FINISHED */
	bool skip_seccomp, seccomp_done;
	uint32_t skip; /* bit i: row i is left out, its probe is not there */
	bool done[SELFTEST_ROWS_MAX];
	bool differs[SELFTEST_ROWS_MAX];
	struct selftest_row rows[SELFTEST_ROWS_MAX]; /* cost_ns and what */
};

/* Two threads call it; what is counted of it tells whether both are seen. */
void selftest_thread_code(void);
/* Called by a thread that may make every system call but the one of a uretprobe. */
void selftest_seccomp_code(void);

/* Says that it is ready on answer_fd, waits for a byte on go_fd, tests, ends.  Does not return. */
void selftest_child(struct selftest_shared *shared, int go_fd, int answer_fd)
	__attribute__((noreturn));

#endif
