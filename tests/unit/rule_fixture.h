/* SPDX-License-Identifier: GPL-2.0-only */
/* rule_fixture.h - rule groups over a store in a test; cmocka.h must have been included before. */
#ifndef TESTS_UNIT_RULE_FIXTURE_H
#define TESTS_UNIT_RULE_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_fixture.h"
#include "promql/store.h"
#include "rulefile/rulefile.h"
#include "rulefile/rulegroups.h"

/* Rules over a store, and everything that they told, one line an event. */
struct rule_world {
	struct label_table *table;
	struct store *store;
	struct rulefile *file;
	struct rulegroups *groups;
	char told[4096];
};

static inline struct rulefile *rules_parsed(const char *text)
{
	struct config_errors *errors = config_errors__new(), *warnings = config_errors__new();
	struct rulefile *file = NULL;
	int err = rulefile_parse("r.yml", text, strlen(text), NULL, errors, warnings, &file);
	char *messages = said(errors);

	if (err)
		fail_msg("%d\n%s", err, messages);
	free(messages);
	config_errors__free(errors);
	config_errors__free(warnings);
	return file;
}

static inline void world_open(struct rule_world *w, const char *text)
{
	static const struct rulegroups_opts opts = {.interval_ms = 1000};

	memset(w, 0, sizeof(*w));
	w->table = label_table__new();
	w->store = store__new(w->table, 10000);
	w->file = rules_parsed(text);
	w->groups = rulegroups__new(w->store, (const struct rulefile *const *)&w->file, 1, &opts);
	assert_non_null(w->groups);
}

static inline void world_close(struct rule_world *w)
{
	rulegroups__free(w->groups);
	rulefile_free(w->file);
	store__free(w->store);
	label_table__free(w->table);
}

static inline struct store_series *world_series(struct rule_world *w, const char *metric,
						const char *i)
{
	const struct label label[] = {{LABELS_NAME, metric}, {"i", i}};
	const struct labels *labels = labels_make(w->table, label, 2);

	return store__series(w->store, labels);
}

static inline void world_tell(void *ctx, const struct rule_event *event)
{
	struct rule_world *w = ctx;
	size_t at = strlen(w->told);
	const char *i = "";

	for (size_t k = 0; k < event->alert->labels_n; k++)
		if (!strcmp(event->alert->labels[k].name, "i"))
			i = event->alert->labels[k].value;
	snprintf(w->told + at, sizeof(w->told) - at, "%g %s{%s} %s>%s%s%s\n",
		 (double)event->ts_ms / 1000, event->alert->rule->name, i,
		 alert_state_name(event->previous), alert_state_name(event->alert->shown),
		 event->alert->unknown ? ": " : "",
		 event->alert->unknown ? event->alert->unknown : "");
}

static inline void world_fail(void *ctx, const struct rule_group *group, const struct rule *rule,
			      const char *why)
{
	struct rule_world *w = ctx;
	size_t at = strlen(w->told);

	snprintf(w->told + at, sizeof(w->told) - at, "%s/%s %s\n", group->name, rule->name,
		 why ? why : "works");
}

static inline size_t world_tick(struct rule_world *w, int64_t now_ms)
{
	const struct rulegroups_listener listener = {world_tell, world_fail, w};

	return rulegroups__tick(w->groups, now_ms, &listener);
}

#endif /* TESTS_UNIT_RULE_FIXTURE_H */
