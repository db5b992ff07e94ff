/* SPDX-License-Identifier: GPL-2.0-only */
/* publish_leaks.h - what a search for leaks has found, in the words of the sinks. */
#ifndef CHESHIRE_WATCH_PUBLISH_LEAKS_H
#define CHESHIRE_WATCH_PUBLISH_LEAKS_H

#include <stddef.h>
#include <stdint.h>

#include "metrics/evidence.h"
#include "rules/alert.h"
#include "sinks/sink.h"

struct leak_report;

struct publish_leaks_facts {
	enum sink_leaks_reason reason;
	uint64_t since_ns; /* CLOCK_MONOTONIC when the hunt began; 0: it has not */
	const char *step;  /* escalation_step_name */
};

/* The report as one object; NULL: nothing is known yet, and that is what is said. */
void publish_leaks(struct sink_set *sinks, const struct sink_head *head,
		   const struct leak_report *report, const struct publish_leaks_facts *facts);

#define LEAK_TEXT_MAX 640

struct leak_texts {
	char text[EVIDENCE_KEPT][LEAK_TEXT_MAX];
};

/*
 * Places as evidence of an alert on memory, gravest first; 0 where the metric (with or without its
 * statistic) is not about memory, or nothing was found.  The notes point into `texts`.
 */
size_t publish_leak_evidence(const struct leak_report *report, const char *metric,
			     struct sink_evidence out[EVIDENCE_KEPT], struct leak_texts *texts);

/*
 * Growth before and after, with their intervals, where an alert on it is over: 1, else 0.
 */
size_t publish_growth_compared(const struct alert_event *event,
			       struct sink_evidence out[EVIDENCE_KEPT], struct leak_texts *texts);

#endif /* CHESHIRE_WATCH_PUBLISH_LEAKS_H */
