/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rulegroups.h - the groups of rule files, evaluated over a store, with Prometheus's semantics: the
 * rules of a group in their order, recorded series and ALERTS visible to the rules after them,
 * pending, firing and keep_firing_for, stale markers for results that vanish.
 *
 * Unknown is an overlay.  The exact state of an alert (struct rule_alert.state) is Prometheus's,
 * whatever the quality of the data.  What is shown, and told by events, differs in one way: an
 * alert that was shown as firing and whose inputs cannot be trusted, or whose rule cannot be
 * evaluated, becomes unknown and stays so until it fires or is inactive by data that can be
 * trusted.
 *
 * Times are milliseconds, of a clock that never goes back.
 */
#ifndef CHESHIRE_RULEFILE_RULEGROUPS_H
#define CHESHIRE_RULEFILE_RULEGROUPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "promql/labels.h"
#include "rulefile/rulefile.h"
#include "rules/alert.h"

#define RULEGROUPS_NEVER INT64_MIN /* a time that has not been */

struct rulegroups;
struct store;

struct rulegroups_opts {
	int64_t interval_ms; /* of groups without one; 0: 1 minute, as in Prometheus */
	const struct label *external_labels; /* $externalLabels; sorted by name; copied */
	size_t external_labels_n;
	const char *external_url; /* $externalURL; may be NULL; copied */
	/* Write ALERTS and ALERTS_FOR_STATE even where no rule reads them. */
	bool alert_series;
};

/*
 * `store` and the files are kept by reference and must outlive it.  Declares its expressions to the
 * store, until rulegroups__free().  NULL and errno.
 */
struct rulegroups *rulegroups__new(struct store *store, const struct rulefile *const *files,
				   size_t n, const struct rulegroups_opts *opts);
void rulegroups__free(struct rulegroups *groups);

/* One alert: an element of the result of an alerting rule, now or not long ago. */
struct rule_alert {
	const struct rule_group *group;
	const struct rule *rule;
	const struct label *labels; /* sorted by name; alertname among them */
	size_t labels_n;
	enum alert_state state; /* exact: inactive, pending or firing */
	enum alert_state shown; /* with the overlay: unknown and resolved too */
	double value;		/* of the last evaluation in which it was there */
	int64_t active_at_ms;	/* pending since */
	int64_t fired_at_ms;
	int64_t keep_firing_since_ms; /* gone since, kept by keep_firing_for */
	const char *unknown;	      /* why it cannot be trusted, or NULL */
	const struct labels *source;  /* of the element, with the metric's name if it has one */
};

/* A text of an annotation. */
struct rule_annotation {
	const char *name;
	const char *text;
};

/* Expanded for the alert as it stands; NULL and errno, or rule->annotations_n of them.  Free it
   with rule_annotations_free(). */
struct rule_annotation *rulegroups__annotations(const struct rulegroups *groups,
						const struct rule_alert *alert);
void rule_annotations_free(struct rule_annotation *annotations, size_t n);

/* Every change of what is shown, pending and inactive included. */
struct rule_event {
	int64_t ts_ms;
	enum alert_state previous;
	const struct rule_alert *alert; /* its `shown` is the new state */
};

struct rulegroups_listener {
	void (*alert)(void *ctx, const struct rule_event *event);
	/* A rule begins to fail (why), or works again (NULL).  Either may be NULL. */
	void (*failure)(void *ctx, const struct rule_group *group, const struct rule *rule,
			const char *why);
	void *ctx;
};

/* Evaluates the groups whose interval has passed.  Returns how many were due. */
size_t rulegroups__tick(struct rulegroups *groups, int64_t now_ms,
			const struct rulegroups_listener *listener);
/* Evaluates one group whatever its interval; `i` below rulegroups__count(). */
void rulegroups__eval(struct rulegroups *groups, size_t i, int64_t now_ms,
		      const struct rulegroups_listener *listener);

size_t rulegroups__count(const struct rulegroups *groups);
const struct rule_group *rulegroups__group(const struct rulegroups *groups, size_t i);
/* Why rule number `rule` of the group failed at its last evaluation; NULL: it did not. */
const char *rulegroups__failure(const struct rulegroups *groups, size_t i, size_t rule);
/* Alerts of one rule that are not exactly inactive or that are shown as unknown; in no order. */
size_t rulegroups__alerts(const struct rulegroups *groups, size_t i, size_t rule,
			  const struct rule_alert *const **out);
size_t rulegroups__firing(const struct rulegroups *groups); /* shown as firing or unknown */
/* Evaluations of groups that were left out because ticks came late, those of the groups that were
   taken over from included. */
uint64_t rulegroups__missed(const struct rulegroups *groups);

/*
 * After a reload: takes the state over from `old`, for rules of the same group and file with the
 * same name and labels, as Prometheus does.  What is left in `old` is told as inactive, and its
 * series end at the next tick.  `old` is to be freed afterwards.  0 or -ENOMEM.
 */
int rulegroups__take_over(struct rulegroups *groups, struct rulegroups *old, int64_t now_ms,
			  const struct rulegroups_listener *listener);

/* One alert in a state file; all that is needed to find and continue it. */
struct rule_alert_record {
	const char *group, *alert;
	const struct label *labels;
	size_t labels_n;
	const struct label *source;
	size_t source_n;
	enum alert_state state; /* pending or firing */
	double value;
	int64_t active_at_ms, fired_at_ms, keep_firing_since_ms;
};
void rulegroups__export(const struct rulegroups *groups,
			void (*fn)(void *ctx, const struct rule_alert_record *record), void *ctx);
/*
 * The alert goes on where the record says, and is told anew when it fires.  Where its rule does not
 * return it yet it stays for 10 s.  Labels sorted by name, none empty.  0, -ENOENT (no such rule
 * any more), -EEXIST, -EINVAL or -ENOMEM.
 */
int rulegroups__import(struct rulegroups *groups, const struct rule_alert_record *record);

#endif /* CHESHIRE_RULEFILE_RULEGROUPS_H */
