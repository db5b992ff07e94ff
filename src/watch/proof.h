/* SPDX-License-Identifier: GPL-2.0-only */
/* proof.h - the self-test's verdicts, and what a session does about them. */
#ifndef CHESHIRE_WATCH_PROOF_H
#define CHESHIRE_WATCH_PROOF_H

#include <stdbool.h>
#include <stddef.h>

#include "kernel/selftest.h"

struct bindings;
struct process;

struct proof {
	bool done;
	int error;	 /* 0, or why nothing could be tested: a negative errno */
	bool force_perf; /* asked for, or uprobe_multi did not pass */
	struct selftest test;
};

/* Runs the self-test and warns of what failed or could not be tested; once for a session. */
void proof_run(struct proof *p, bool force_perf);

/* Tells the bindings what is not to be used in this target. */
void proof_apply(const struct proof *p, const struct process *proc, struct bindings *b);

/* "a, b: why": the kinds of probes that are not used, for people; "" when all may be. */
void proof_describe(const struct proof *p, char *text, size_t size);

#endif
