/* SPDX-License-Identifier: GPL-2.0-only */
/* The state of alerts beyond one set of rule files: over a reload, and over a restart. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "promql/store.h"
#include "rulefile/groups.h"

static bool same_rule(const struct rule *a, const struct rule *b)
{
	if (a->kind != b->kind || strcmp(a->name, b->name) || a->labels_n != b->labels_n)
		return false;
	for (size_t i = 0; i < a->labels_n; i++)
		if (strcmp(a->labels[i].name, b->labels[i].name) ||
		    strcmp(a->labels[i].value, b->labels[i].value))
			return false;
	return true;
}

/* The sources of the alerts must be of the table that is used from now on. */
static int rehome(struct rulegroups *groups, const struct group_run *group, struct rule_run *run)
{
	struct label_table *table = store__labels(groups->store);

	for (size_t i = 0; i < run->alerts.n; i++) {
		struct rule_alert *alert = &run->alerts.entry[i]->alert;

		alert->group = group->group;
		alert->rule = run->rule;
		alert->source = labels_make(table, alert->source->label, alert->source->n);
		if (!alert->source)
			return -ENOMEM;
	}
	return 0;
}

/* Of equal rules the first is matched with the first that is left, the second with the second. */
static int take_group(struct rulegroups *groups, struct group_run *to, struct rulegroups *old,
		      struct group_run *from, int64_t now_ms)
{
	bool *taken = calloc(from->group->rules_n + 1, sizeof(*taken));
	int err = taken ? 0 : -ENOMEM;

	to->next_ms = from->next_ms;
	/* An interval that became shorter counts from now on. */
	if (to->next_ms > now_ms + to->interval_ms)
		to->next_ms = now_ms + to->interval_ms;
	for (size_t i = 0; i < to->group->rules_n && !err; i++) {
		for (size_t k = 0; k < from->group->rules_n; k++) {
			struct rule_run *a = &to->rules[i], *b = &from->rules[k];

			if (taken[k] || !same_rule(a->rule, b->rule))
				continue;
			taken[k] = true;
			a->alerts = b->alerts;
			b->alerts = (struct alert_set){0};
			memcpy(a->failure, b->failure, sizeof(a->failure));
			if (groups->store == old->store) {
				a->written = b->written;
				a->ended = b->ended;
				b->written = b->ended = (struct series_list){0};
			}
			err = rehome(groups, to, a);
			break;
		}
	}
	free(taken);
	return err;
}

static bool same_group(const struct rule_group *a, const struct rule_group *b)
{
	return !strcmp(a->name, b->name) && !strcmp(a->file, b->file);
}

/* What nobody took over. */
static int leave(struct rulegroups *groups, struct rulegroups *old, struct group_run *group,
		 struct rule_run *run, int64_t now_ms, const struct rulegroups_listener *listener)
{
	struct rule_eval e = {.groups = old,
			      .group = group->group,
			      .run = run,
			      .ts_ms = now_ms,
			      .listener = listener};
	int err = 0;

	for (size_t i = 0; i < run->alerts.n; i++) {
		run->alerts.entry[i]->alert.state = ALERT_INACTIVE;
		rule_show(&e, run->alerts.entry[i], ALERT_INACTIVE);
	}
	alert_set__free(&run->alerts);
	for (size_t i = 0; i < run->ended.n; i++)
		store_series_unknown(run->ended.item[i], NULL);
	for (size_t i = 0; i < run->written.n && !err && groups->store == old->store; i++)
		err = series_list_add(&groups->orphans, run->written.item[i]);
	return err;
}

int rulegroups__take_over(struct rulegroups *groups, struct rulegroups *old, int64_t now_ms,
			  const struct rulegroups_listener *listener)
{
	int err = 0;

	for (size_t i = 0; i < groups->groups_n && !err; i++)
		for (size_t k = 0; k < old->groups_n; k++)
			if (same_group(groups->groups[i].group, old->groups[k].group)) {
				err = take_group(groups, &groups->groups[i], old, &old->groups[k],
						 now_ms);
				break;
			}
	for (size_t k = 0; k < old->groups_n && !err; k++)
		for (size_t i = 0; i < old->groups[k].group->rules_n && !err; i++)
			err = leave(groups, old, &old->groups[k], &old->groups[k].rules[i], now_ms,
				    listener);
	for (size_t i = 0; i < old->orphans.n && !err && groups->store == old->store; i++)
		err = series_list_add(&groups->orphans, old->orphans.item[i]);
	groups->missed += old->missed;
	return err;
}

void rulegroups__export(const struct rulegroups *groups,
			void (*fn)(void *ctx, const struct rule_alert_record *record), void *ctx)
{
	for (size_t g = 0; g < groups->groups_n; g++)
		for (size_t i = 0; i < groups->groups[g].group->rules_n; i++) {
			const struct alert_set *set = &groups->groups[g].rules[i].alerts;

			for (size_t a = 0; a < set->n; a++) {
				const struct rule_alert *alert = &set->entry[a]->alert;
				const struct rule_alert_record record = {
					.group = alert->group->name,
					.alert = alert->rule->name,
					.labels = alert->labels,
					.labels_n = alert->labels_n,
					.source = alert->source->label,
					.source_n = alert->source->n,
					.state = alert->state,
					.value = alert->value,
					.active_at_ms = alert->active_at_ms,
					.fired_at_ms = alert->fired_at_ms,
					.keep_firing_since_ms = alert->keep_firing_since_ms,
				};

				if (alert->state != ALERT_INACTIVE)
					fn(ctx, &record);
			}
		}
}

static const char *value_of(const struct rule_alert_record *record, const char *name)
{
	for (size_t i = 0; i < record->labels_n; i++)
		if (!strcmp(record->labels[i].name, name))
			return record->labels[i].value;
	return "";
}

/* Whether the alert can be of this rule: labels that are no templates are as the rule says. */
static bool may_be_of(const struct rule_alert_record *record, const struct rule *rule)
{
	if (rule->kind != RULE_ALERT || strcmp(rule->name, record->alert))
		return false;
	for (size_t i = 0; i < rule->labels_n; i++)
		if (!strstr(rule->labels[i].value, "{{") &&
		    strcmp(rule->labels[i].value, value_of(record, rule->labels[i].name)))
			return false;
	return true;
}

static int import_to(struct rulegroups *groups, const struct group_run *group, struct rule_run *run,
		     const struct rule_alert_record *record)
{
	uint64_t hash = label_list_hash(record->labels, record->labels_n);
	const struct labels *source =
		labels_make(store__labels(groups->store), record->source, record->source_n);
	struct alert_entry *entry;

	if (!source)
		return -ENOMEM;
	if (alert_set__find(&run->alerts, record->labels, record->labels_n, hash))
		return -EEXIST;
	entry = alert_set__add(&run->alerts, record->labels, record->labels_n, hash);
	if (!entry)
		return -ENOMEM;
	entry->alert.group = group->group;
	entry->alert.rule = run->rule;
	entry->alert.state = record->state;
	/* One that fires is told at the next evaluation. */
	entry->alert.shown = ALERT_PENDING;
	entry->restored = true;
	entry->fired = record->state == ALERT_FIRING;
	entry->alert.value = record->value;
	entry->alert.active_at_ms = record->active_at_ms;
	entry->alert.fired_at_ms = record->fired_at_ms;
	entry->alert.keep_firing_since_ms = record->keep_firing_since_ms;
	entry->alert.source = source;
	return 0;
}

/* As label_list_settle() leaves them. */
static bool is_settled(const struct rule_alert_record *record)
{
	for (size_t i = 0; i < record->labels_n; i++)
		if (!record->labels[i].value[0] ||
		    (i && strcmp(record->labels[i - 1].name, record->labels[i].name) >= 0))
			return false;
	return true;
}

int rulegroups__import(struct rulegroups *groups, const struct rule_alert_record *record)
{
	if ((record->state != ALERT_PENDING && record->state != ALERT_FIRING) ||
	    record->labels_n > LABELS_MAX || record->source_n > LABELS_MAX || !is_settled(record))
		return -EINVAL;
	for (size_t g = 0; g < groups->groups_n; g++) {
		const struct group_run *group = &groups->groups[g];

		if (strcmp(group->group->name, record->group))
			continue;
		for (size_t i = 0; i < group->group->rules_n; i++)
			if (may_be_of(record, group->rules[i].rule))
				return import_to(groups, group, &group->rules[i], record);
	}
	return -ENOENT;
}
