/* SPDX-License-Identifier: GPL-2.0-only */
/* The life of rule groups, and when they are evaluated. */
#include "rulefile/rulegroups.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "promql/ast.h"
#include "promql/store.h"
#include "rulefile/groups.h"
#include "template/template.h"

#define DEFAULT_INTERVAL_MS 60000

/* Whether a selector may see ALERTS or ALERTS_FOR_STATE. */
static bool reads_alerts(const struct promql_node *selector)
{
	static const char *const series[] = {"ALERTS", "ALERTS_FOR_STATE"};
	bool may[2] = {true, true};

	for (size_t i = 0; i < selector->matchers_n; i++)
		for (size_t s = 0; s < 2; s++)
			if (!strcmp(selector->matchers[i].name, PROMQL_METRIC_LABEL) &&
			    !promql_matches(&selector->matchers[i], series[s]))
				may[s] = false;
	return may[0] || may[1];
}

static int declare(struct rulegroups *groups, const struct promql_expr *expr)
{
	for (size_t i = 0; i < expr->selectors_n; i++)
		groups->alerts_read |= reads_alerts(expr->selectors[i]);
	return store__declare(groups->store, expr);
}

static int add_group(struct rulegroups *groups, const struct rule_group *group, int64_t interval_ms)
{
	struct group_run *run = &groups->groups[groups->groups_n];
	int err = 0;

	run->group = group;
	run->interval_ms = group->interval_ms ? group->interval_ms : interval_ms;
	run->next_ms = RULEGROUPS_NEVER;
	run->rules = calloc(group->rules_n + 1, sizeof(*run->rules));
	if (!run->rules)
		return -ENOMEM;
	groups->groups_n++;
	for (size_t i = 0; i < group->rules_n; i++) {
		run->rules[i].rule = &group->rules[i];
		err = err ? err : declare(groups, group->rules[i].expr);
	}
	return err;
}

static int set_up(struct rulegroups *groups, const struct rulefile *const *files, size_t n,
		  const struct rulegroups_opts *opts)
{
	int64_t interval_ms = opts->interval_ms ? opts->interval_ms : DEFAULT_INTERVAL_MS;
	size_t all = 0;
	int err = 0;

	groups->alerts_read = opts->alert_series;
	groups->evaluator = evaluator__new(groups->store);
	groups->external = label_list_copy(opts->external_labels, opts->external_labels_n);
	groups->external_n = opts->external_labels_n;
	groups->external_url = strdup(opts->external_url ? opts->external_url : "");
	for (size_t i = 0; i < n; i++)
		all += files[i]->groups_n;
	groups->groups = calloc(all + 1, sizeof(*groups->groups));
	if (!groups->evaluator || !groups->external || !groups->external_url || !groups->groups)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		for (size_t g = 0; g < files[i]->groups_n && !err; g++)
			err = add_group(groups, &files[i]->groups[g], interval_ms);
	return err;
}

struct rulegroups *rulegroups__new(struct store *store, const struct rulefile *const *files,
				   size_t n, const struct rulegroups_opts *opts)
{
	struct rulegroups *groups = calloc(1, sizeof(*groups));
	int err;

	if (!groups)
		return NULL;
	groups->store = store;
	err = set_up(groups, files, n, opts);
	if (err) {
		rulegroups__free(groups);
		errno = -err;
		return NULL;
	}
	return groups;
}

static void free_rule(struct rulegroups *groups, struct rule_run *run)
{
	store__forget(groups->store, run->rule->expr);
	alert_set__free(&run->alerts);
	free(run->written.item);
	free(run->now.item);
	free(run->ended.item);
}

void rulegroups__free(struct rulegroups *groups)
{
	if (!groups)
		return;
	for (size_t g = 0; g < groups->groups_n; g++) {
		for (size_t i = 0; i < groups->groups[g].group->rules_n; i++)
			free_rule(groups, &groups->groups[g].rules[i]);
		free(groups->groups[g].rules);
	}
	store__trim(groups->store);
	free(groups->groups);
	evaluator__free(groups->evaluator);
	free(groups->external);
	free(groups->external_url);
	free(groups->orphans.item);
	free(groups);
}

/* Series of rules that are gone end here, unless somebody else writes them now. */
static void end_orphans(struct rulegroups *groups, int64_t now_ms)
{
	for (size_t i = 0; i < groups->orphans.n; i++) {
		struct store_series *series = groups->orphans.item[i];

		if (!store__append(groups->store, series, now_ms, store_stale_value()))
			store_series_unknown(series, NULL);
	}
	groups->orphans.n = 0;
}

size_t rulegroups__tick(struct rulegroups *groups, int64_t now_ms,
			const struct rulegroups_listener *listener)
{
	size_t due = 0;

	for (size_t i = 0; i < groups->groups_n; i++) {
		struct group_run *run = &groups->groups[i];
		int64_t late = run->next_ms == RULEGROUPS_NEVER ? 0 : now_ms - run->next_ms;

		if (late < 0)
			continue;
		groups->missed += (uint64_t)(late / run->interval_ms);
		run->next_ms = now_ms + run->interval_ms - late % run->interval_ms;
		rulegroups__eval(groups, i, now_ms, listener);
		due++;
	}
	end_orphans(groups, now_ms);
	return due;
}

size_t rulegroups__count(const struct rulegroups *groups)
{
	return groups->groups_n;
}

const struct rule_group *rulegroups__group(const struct rulegroups *groups, size_t i)
{
	return groups->groups[i].group;
}

const char *rulegroups__failure(const struct rulegroups *groups, size_t i, size_t rule)
{
	const char *why = groups->groups[i].rules[rule].failure;

	return why[0] ? why : NULL;
}

size_t rulegroups__alerts(const struct rulegroups *groups, size_t i, size_t rule,
			  const struct rule_alert *const **out)
{
	const struct alert_set *set = &groups->groups[i].rules[rule].alerts;

	/* An entry begins with its alert: pointers to the one are pointers to the other. */
	_Static_assert(offsetof(struct alert_entry, alert) == 0, "alert first");
	*out = (const struct rule_alert *const *)set->entry;
	return set->n;
}

size_t rulegroups__firing(const struct rulegroups *groups)
{
	size_t n = 0;

	for (size_t g = 0; g < groups->groups_n; g++)
		for (size_t i = 0; i < groups->groups[g].group->rules_n; i++) {
			const struct alert_set *set = &groups->groups[g].rules[i].alerts;

			for (size_t a = 0; a < set->n; a++)
				n += set->entry[a]->alert.shown == ALERT_FIRING ||
				     set->entry[a]->alert.shown == ALERT_UNKNOWN;
		}
	return n;
}

uint64_t rulegroups__missed(const struct rulegroups *groups)
{
	return groups->missed;
}

struct rule_annotation *rulegroups__annotations(const struct rulegroups *groups,
						const struct rule_alert *alert)
{
	const struct rule *rule = alert->rule;
	struct rule_annotation *made = calloc(rule->annotations_n + 1, sizeof(*made));
	const struct template_data data = {
		.labels = alert->source->label,
		.labels_n = alert->source->n,
		.external_labels = groups->external,
		.external_labels_n = groups->external_n,
		.external_url = groups->external_url,
		.value = alert->value,
	};

	for (size_t i = 0; made && i < rule->annotations_n; i++) {
		made[i].name = rule->annotations[i].name;
		made[i].text = template_expand(rule->annotations[i].template, &data);
		if (!made[i].text) {
			rule_annotations_free(made, i);
			errno = ENOMEM;
			return NULL;
		}
	}
	return made;
}

void rule_annotations_free(struct rule_annotation *annotations, size_t n)
{
	for (size_t i = 0; annotations && i < n; i++)
		free((void *)annotations[i].text);
	free(annotations);
}
