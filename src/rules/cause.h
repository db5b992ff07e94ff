/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cause.h - what an alert is about, in one word: alerts of one cause are one group.
 *
 *	stage:stt	measures of that stage; turns most of whose time it took
 *	gap:stt-intent	the time between two stages; turns most of whose time it took
 *	cpu memory disk network fds threads users turn target db cache ...	by the metric
 */
#ifndef CHESHIRE_RULES_CAUSE_H
#define CHESHIRE_RULES_CAUSE_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "metrics/evidence.h"

#define CAUSE_MAX 144 /* with its NUL: two names of stages */

/* From the id of a metric, with or without a statistic. */
void cause_of_metric(const char *metric, char out[CAUSE_MAX]);
void cause_of_stage(const char *stage, char out[CAUSE_MAX]);
/*
 * The stage or the gap that took more than half of the time of these turns; false, and `out` is
 * untouched, when none did.
 */
bool cause_of_turns(const struct config *config, const struct evidence_item *items, size_t n,
		    char out[CAUSE_MAX]);

#endif /* CHESHIRE_RULES_CAUSE_H */
