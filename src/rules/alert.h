/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * alert.h - the state of one budget: a state machine fed with one sample a tick.
 *
 * Two latches, warning and critical.  A latch closes when the limit has been crossed without a
 * break for `for:`, and opens when the value has been inside 95 % of the limit (or meets the
 * target) without a break for `for:`.  The severity is that of the highest closed latch.
 *
 * Idle (no sample) opens both at once: the window that fired the alert is over, whole.  Unknown
 * changes no latch and restarts both clocks.  Few samples never close a latch.  Lost data
 * (partial) may close one, for what was seen was bad enough, but never opens one: a firing alert
 * becomes unknown there.  Where a sample has a confidence interval, a latch closes only when the
 * whole interval is over the limit.
 */
#ifndef CHESHIRE_RULES_ALERT_H
#define CHESHIRE_RULES_ALERT_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "metrics/sample.h"

enum alert_state {
	ALERT_INACTIVE = 0,
	ALERT_PENDING = 1,
	ALERT_FIRING = 2,
	ALERT_RESOLVED = 3, /* until it is pending or unknown again */
	ALERT_UNKNOWN = 4,
};

enum severity {
	SEVERITY_NONE = 0,
	SEVERITY_WARNING = 1,
	SEVERITY_CRITICAL = 2,
};

const char *alert_state_name(enum alert_state state);
const char *severity_name(enum severity severity);

struct alert_latch {
	uint64_t over_since_ns;	 /* limit crossed without a break since; 0: not crossed */
	uint64_t clear_since_ns; /* inside the limit without a break since; 0: not */
	bool closed;
};

/* All zero is a new alert. */
struct alert {
	enum alert_state state;
	enum severity severity;	      /* of the closed latches, also while unknown */
	struct alert_latch latch[2];  /* warning, critical */
	uint64_t since_ns;	      /* when the state or severity last changed */
	uint64_t fired_cnt;	      /* times it went from not firing to firing */
	double worst;		      /* value since a limit was crossed, while has_worst */
	double worst_low, worst_high; /* its interval; NAN */
	bool has_worst;
	uint64_t fired_since_ns; /* when it did so last; 0: never */
};

struct alert_event {
	uint64_t ts_ns; /* the tick's */
	enum alert_state state;
	enum alert_state previous;
	enum severity severity; /* resolved: the one that it had */
	enum severity previous_severity;
	int priority;		   /* 0 .. 3 (P0 .. P3); pending, inactive, unknown: of the
				      value too where it is known, else -1 */
	uint64_t respond_within_s; /* 0 where priority is -1; filled by rules.c */
	const struct budget_config *budget;
	struct sample sample;
	double limit; /* that was crossed (resolved: that it had crossed) */
	double worst; /* the worst value known since a limit was crossed; NAN: none */
	double worst_low, worst_high; /* its interval where it has one, else NAN */
	double over_percent;	      /* over the target, negative: inside; NAN: no target or 0 */
	uint64_t since_ns;	      /* when the previous state or severity began */
	uint64_t over_since_ns;	      /* firing, pending: limit crossed since */
	uint64_t fired_ns;	      /* firing, resolved: began to fire then; else 0 */
	/* Filled by rules.c, for what is told. */
	bool reminder;	   /* nothing changed: it fires on */
	uint64_t group;	   /* number of its group, from 1; 0: not told to anybody */
	const char *cause; /* of the group; until the next tick, or NULL */
	bool also;	   /* another alert of the group came first */
};

/* 0 .. 3: how urgent this value is, from the budget alone; `severity` NONE: as if it fired. */
int alert_priority(const struct budget_config *budget, double value, enum severity severity);
/* As the configuration says; 0: no such priority. */
uint64_t alert_respond_within_s(const struct config *config, int priority);
/* How far beyond the target; negative: inside.  NAN: no target, or a target of 0. */
double alert_over_percent(const struct budget_config *budget, double value);
/*
 * How much better the value of a resolved alert is than its worst, percent of the worst: 300 ms
 * that became 80 ms are 73.  NAN: not resolved, or resolved without a value.
 */
double alert_improvement_percent(const struct alert_event *event);
/* A value inside this one is well inside the limit: 95 % of it. */
double alert_clear_limit(const struct budget_config *budget, double limit);
/* Over the target but inside warning and critical: a line of the summary, no alert. */
bool alert_notice(const struct budget_config *budget, const struct sample *sample);

/* One tick, at now_ns > 0.  Returns true, with *event filled, when the state or the severity
 * changed. */
bool alert_step(struct alert *alert, const struct budget_config *budget,
		const struct sample *sample, uint64_t now_ns, struct alert_event *event);

/* The alert as it stands, as an event without a change; `severity` is the one to show. */
void alert_describe(const struct alert *alert, const struct budget_config *budget,
		    const struct sample *sample, enum alert_state state, enum severity severity,
		    uint64_t now_ns, struct alert_event *event);

#endif /* CHESHIRE_RULES_ALERT_H */
