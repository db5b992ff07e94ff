/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One evaluation of an alerting rule, as in Prometheus 2.42:
 *
 * An element of the result is an alert; it is pending from the time at which it came, fires once it
 * has been there for `for`, and is inactive when it is gone, or when it has been gone for
 * keep_firing_for if it was firing.  Gone and back again it starts anew.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "promql/ast.h"
#include "promql/store.h"
#include "rulefile/groups.h"
#include "template/template.h"

#define STATE_LABEL "alertstate"

/* After a restart some metrics need a second reading before they have a value. */
#define RESTORED_MS 10000

const char rule_no_result[] = "the rule cannot be evaluated";

/* An element on its way to be an alert. */
struct candidate {
	const struct promql_element *element;
	struct label *label; /* owned */
	size_t n;
	uint64_t hash;
};

/* The result's labels without the name, the rule's expanded, and the alert's name. */
static int make_labels(struct rule_eval *e, struct candidate *c)
{
	const struct rule *rule = e->run->rule;
	const struct labels *from = c->element->labels;
	const struct template_data data = {
		.labels = from->label,
		.labels_n = from->n,
		.external_labels = e->groups->external,
		.external_labels_n = e->groups->external_n,
		.external_url = e->groups->external_url,
		.value = c->element->value,
	};
	struct label label[LABELS_MAX];
	char *expanded[LABELS_MAX];
	size_t n = 0, made = 0;

	if (from->n + rule->labels_n + 3 > LABELS_MAX)
		return rule_fail(e, "more than %d labels", LABELS_MAX - 3);
	for (size_t i = 0; i < from->n; i++)
		if (strcmp(from->label[i].name, PROMQL_METRIC_LABEL))
			label[n++] = from->label[i];
	for (; made < rule->labels_n; made++) {
		expanded[made] = template_expand(rule->labels[made].template, &data);
		if (!expanded[made])
			break;
		label[n++] = (struct label){rule->labels[made].name, expanded[made]};
	}
	label[n++] = (struct label){RULE_ALERTNAME_LABEL, rule->name};
	c->n = label_list_settle(label, n);
	c->hash = label_list_hash(label, c->n);
	if (made == rule->labels_n)
		c->label = label_list_copy(label, c->n);
	while (made)
		free(expanded[--made]);
	return c->label ? 0 : rule_fail(e, "out of memory");
}

static int by_labels(const void *pa, const void *pb)
{
	const struct candidate *a = pa, *b = pb;

	return a->hash < b->hash ? -1 : a->hash > b->hash;
}

static int check_unique(struct rule_eval *e, const struct candidate *c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = i + 1; k < n && c[k].hash == c[i].hash; k++)
			if (label_list_equal(c[i].label, c[i].n, c[k].label, c[k].n))
				return rule_fail(e,
						 "vector contains metrics with the same labelset "
						 "after applying alert labels");
	return 0;
}

/* Continues the alert that it is, or begins one. */
static int take_candidate(struct rule_eval *e, const struct candidate *c)
{
	struct alert_set *set = &e->run->alerts;
	struct alert_entry *entry = alert_set__find(set, c->label, c->n, c->hash);

	if (!entry) {
		entry = alert_set__add(set, c->label, c->n, c->hash);
		if (!entry)
			return rule_fail(e, "out of memory");
		entry->alert.group = e->group;
		entry->alert.rule = e->run->rule;
	}
	if (entry->alert.state == ALERT_INACTIVE) {
		entry->alert.state = ALERT_PENDING;
		entry->alert.active_at_ms = e->ts_ms;
		entry->alert.fired_at_ms = RULEGROUPS_NEVER;
		entry->alert.keep_firing_since_ms = RULEGROUPS_NEVER;
	}
	entry->alert.value = c->element->value;
	entry->alert.source = c->element->labels;
	entry->alert.unknown = c->element->unknown;
	entry->present = true;
	entry->restored = false;
	return 0;
}

/* The alert is not in the result: true while keep_firing_for holds it. */
static bool is_kept(struct rule_eval *e, struct alert_entry *entry)
{
	struct rule_alert *alert = &entry->alert;
	int64_t keep_ms = e->run->rule->keep_firing_for_ms;

	if (alert->state != ALERT_FIRING || keep_ms <= 0)
		return false;
	if (alert->keep_firing_since_ms == RULEGROUPS_NEVER)
		alert->keep_firing_since_ms = e->ts_ms;
	return e->ts_ms - alert->keep_firing_since_ms < keep_ms;
}

/* From a state file, and its series may just not have begun: it stays as it was for a while. */
static bool is_awaited(struct rule_eval *e, struct alert_entry *entry)
{
	if (!entry->restored)
		return false;
	if (!entry->restored_until_ms)
		entry->restored_until_ms = e->ts_ms + RESTORED_MS;
	return e->ts_ms < entry->restored_until_ms;
}

/* The exact state at this evaluation; true when the alert is active. */
static bool step(struct rule_eval *e, struct alert_entry *entry)
{
	struct rule_alert *alert = &entry->alert;

	if (!entry->present) {
		if (is_awaited(e, entry))
			return true;
		entry->restored = false;
		alert->unknown = e->unknown;
		if (!is_kept(e, entry)) {
			alert->state = ALERT_INACTIVE;
			return false;
		}
	} else {
		alert->keep_firing_since_ms = RULEGROUPS_NEVER;
	}
	if (alert->state == ALERT_PENDING &&
	    e->ts_ms - alert->active_at_ms >= e->run->rule->for_ms) {
		alert->state = ALERT_FIRING;
		alert->fired_at_ms = e->ts_ms;
	}
	return true;
}

/* What is shown by the exact state and by whether the data can be trusted. */
static enum alert_state overlay(struct alert_entry *entry)
{
	const struct rule_alert *alert = &entry->alert;
	bool told = alert->shown == ALERT_FIRING || alert->shown == ALERT_UNKNOWN;

	entry->held = false;
	if (alert->state == ALERT_FIRING) {
		entry->fired |= !alert->unknown;
		return alert->unknown ? ALERT_UNKNOWN : ALERT_FIRING;
	}
	if (told && entry->fired && alert->unknown) {
		entry->held = true;
		return ALERT_UNKNOWN;
	}
	entry->fired = false;
	if (alert->state == ALERT_PENDING)
		return ALERT_PENDING;
	return told ? ALERT_RESOLVED : ALERT_INACTIVE;
}

void rule_show(struct rule_eval *e, struct alert_entry *entry, enum alert_state shown)
{
	const struct rule_event event = {
		.ts_ms = e->ts_ms, .previous = entry->alert.shown, .alert = &entry->alert};

	if (shown == entry->alert.shown)
		return;
	entry->alert.shown = shown;
	if (e->listener && e->listener->alert)
		e->listener->alert(e->listener->ctx, &event);
}

/*
 * ALERTS and ALERTS_FOR_STATE.  As in Prometheus the rule's labels are there as written where the
 * alert has none of that name (its own expanded to nothing).
 */
static void write_series(struct rule_eval *e, const struct alert_entry *entry)
{
	const struct rule_alert *alert = &entry->alert;
	const struct rule *rule = e->run->rule;
	struct label label[3 * LABELS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < rule->labels_n; i++)
		label[n++] = (struct label){rule->labels[i].name, rule->labels[i].value};
	for (size_t i = 0; i < alert->labels_n; i++)
		label[n++] = alert->labels[i];
	label[n] = (struct label){PROMQL_METRIC_LABEL, "ALERTS_FOR_STATE"};
	rule_write(e, label, n + 1, (double)(alert->active_at_ms / 1000), alert->unknown);
	label[n++] = (struct label){PROMQL_METRIC_LABEL, "ALERTS"};
	label[n++] = (struct label){STATE_LABEL, alert_state_name(alert->state)};
	rule_write(e, label, n, 1, alert->unknown);
}

static bool is_over(const struct alert_entry *entry)
{
	return entry->alert.state == ALERT_INACTIVE && !entry->held;
}

/* More alerts than the group's limit: all of them are forgotten. */
static int exceed_limit(struct rule_eval *e, size_t active)
{
	for (size_t i = 0; i < e->run->alerts.n; i++)
		e->run->alerts.entry[i]->alert.state = ALERT_INACTIVE;
	return rule_fail(e, "exceeded limit of %lld with %zu alerts", (long long)e->group->limit,
			 active);
}

static int step_all(struct rule_eval *e)
{
	struct alert_set *set = &e->run->alerts;
	size_t active = 0;

	for (size_t i = 0; i < set->n; i++)
		active += step(e, set->entry[i]);
	if (e->group->limit > 0 && active > (size_t)e->group->limit)
		return exceed_limit(e, active);
	for (size_t i = 0; i < set->n; i++) {
		struct alert_entry *entry = set->entry[i];

		if (entry->alert.state != ALERT_INACTIVE && e->groups->alerts_read)
			write_series(e, entry);
		rule_show(e, entry, overlay(entry));
	}
	alert_set__drop(set, is_over);
	return 0;
}

void rule_eval_failed(struct rule_eval *e)
{
	struct alert_set *set = &e->run->alerts;

	for (size_t i = 0; i < set->n; i++) {
		struct alert_entry *entry = set->entry[i];

		entry->present = false;
		if (entry->alert.shown != ALERT_FIRING && entry->alert.shown != ALERT_UNKNOWN)
			continue;
		entry->alert.unknown = rule_no_result;
		entry->held = entry->alert.state != ALERT_FIRING;
		rule_show(e, entry, ALERT_UNKNOWN);
	}
	alert_set__drop(set, is_over);
}

int rule_eval_alert(struct rule_eval *e)
{
	struct candidate *c = calloc(e->n + 1, sizeof(*c));
	struct alert_set *set = &e->run->alerts;
	int err = 0;

	if (!c)
		return rule_fail(e, "out of memory");
	for (size_t i = 0; i < e->n && !err; i++) {
		c[i].element = &e->element[i];
		err = make_labels(e, &c[i]);
	}
	if (!err)
		qsort(c, e->n, sizeof(*c), by_labels);
	err = err ? err : check_unique(e, c, e->n);
	for (size_t i = 0; i < set->n; i++)
		set->entry[i]->present = false;
	for (size_t i = 0; i < e->n && !err; i++)
		err = take_candidate(e, &c[i]);
	if (!err)
		err = step_all(e);
	for (size_t i = 0; i < e->n; i++)
		free(c[i].label);
	free(c);
	return err;
}
