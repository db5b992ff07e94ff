/* SPDX-License-Identifier: GPL-2.0-only */
/* groups.h - the inside of struct rulegroups, for the files that implement it. */
#ifndef CHESHIRE_RULEFILE_GROUPS_H
#define CHESHIRE_RULEFILE_GROUPS_H

#include "promql/eval.h"
#include "rulefile/alert_set.h"
#include "rulefile/rulegroups.h"

#define RULE_FAILURE_MAX 320

struct store_series;

struct series_list {
	struct store_series **item;
	size_t n, room;
};

/* One rule under evaluation. */
struct rule_run {
	const struct rule *rule;
	struct alert_set alerts;
	struct series_list written; /* at the last evaluation; sorted by address */
	struct series_list now;	    /* being written; kept for its memory */
	struct series_list ended;   /* while the result could not be trusted: maybe they did not */
	char failure[RULE_FAILURE_MAX];
};

struct group_run {
	const struct rule_group *group;
	struct rule_run *rules;
	int64_t interval_ms;
	int64_t next_ms;
};

struct rulegroups {
	struct store *store;
	struct evaluator *evaluator;
	struct group_run *groups;
	size_t groups_n;
	struct label *external; /* owned copies */
	size_t external_n;
	char *external_url;
	bool alerts_read;	    /* ALERTS or ALERTS_FOR_STATE may be read by somebody */
	struct series_list orphans; /* of rules that are gone; end at the next tick */
	uint64_t missed;
};

/* One evaluation of one rule. */
struct rule_eval {
	struct rulegroups *groups;
	const struct rule_group *group;
	struct rule_run *run;
	int64_t ts_ms;
	const struct rulegroups_listener *listener;
	const struct promql_element *element;
	size_t n;
	const char *unknown; /* of the whole result */
};

/* Why what a rule says cannot be trusted while it fails. */
extern const char rule_no_result[];

/* The rule fails, with this reason; returns -EINVAL. */
int rule_fail(struct rule_eval *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Writes a sample of the rule and remembers the series; 0 or a negative errno with the reason. */
int rule_write(struct rule_eval *e, const struct label *label, size_t n, double value,
	       const char *unknown);

int rule_eval_alert(struct rule_eval *e);
int rule_eval_record(struct rule_eval *e);
/* After a failed evaluation: what was shown as firing is unknown. */
void rule_eval_failed(struct rule_eval *e);
/* Sets what is shown and tells it where it changed. */
void rule_show(struct rule_eval *e, struct alert_entry *entry, enum alert_state shown);

int series_list_add(struct series_list *list, struct store_series *series);
void series_list_sort(struct series_list *list);
bool series_list_has(const struct series_list *list, const struct store_series *series);

#endif /* CHESHIRE_RULEFILE_GROUPS_H */
