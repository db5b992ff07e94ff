/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/rule_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/read_file.h"
#include "log/log.h"
#include "promql/ast.h"
#include "rules/export_names.h"

/* Groups without an interval are evaluated at every tick. */
#define INTERVAL_MS 1000

static enum metric_type type_of(void *ctx, const char *metric)
{
	const struct config *config = ctx;
	struct export_name name;

	if (!export_name_find(config->target_name, metric, &name))
		return METRIC_TYPE_UNKNOWN;
	return name.form == EXPORT_TOTAL ? METRIC_TYPE_COUNTER : METRIC_TYPE_GAUGE;
}

static int load_file(const char *path, const struct config *config, struct config_errors *errors,
		     struct config_errors *warnings, struct rulefile **out)
{
	const struct rulefile_opts opts = {
		.type_of = type_of, .ctx = (void *)config, .interval_ms = INTERVAL_MS};
	const struct config_pos pos = {.file = path};
	char *text = NULL;
	size_t len;
	int err = read_file(path, RULEFILE_BYTES_MAX, &text, &len);

	if (err)
		config_errors__add(errors, &pos, "cannot read the file: %s",
				   err == -EINVAL ? "not a regular file" : err_str(err));
	else
		err = rulefile_parse(path, text, len, &opts, errors, warnings, out);
	free(text);
	return err == -ENOMEM ? err : err ? -EINVAL : 0;
}

typedef void (*rule_fn)(void *ctx, const struct rule *rule);

static void each_rule(const struct rule_set *set, rule_fn fn, void *ctx)
{
	for (size_t f = 0; f < set->n; f++)
		for (size_t g = 0; g < set->files[f]->groups_n; g++) {
			const struct rule_group *group = &set->files[f]->groups[g];

			for (size_t i = 0; i < group->rules_n; i++)
				fn(ctx, &group->rules[i]);
		}
}

struct check {
	const struct rule_set *set;
	const struct config *config;
	struct config_errors *errors;
	const char *metric; /* being looked for */
	bool found;
};

static void look_at(void *ctx, const struct rule *rule)
{
	struct check *check = ctx;

	check->found |= rule->kind == RULE_RECORD && !strcmp(rule->name, check->metric);
}

static bool is_exported(struct check *check, const char *metric)
{
	struct export_name name;

	if (!strcmp(metric, "ALERTS") || !strcmp(metric, "ALERTS_FOR_STATE") ||
	    export_name_find(check->config->target_name, metric, &name))
		return true;
	check->metric = metric;
	check->found = false;
	each_rule(check->set, look_at, check);
	return check->found;
}

/* Two writers of one series would refuse each other's samples. */
static void check_record(const struct check *check, const struct rule *rule)
{
	struct export_name name;

	if (rule->kind == RULE_RECORD &&
	    export_name_find(check->config->target_name, rule->name, &name))
		config_errors__add(check->errors, &rule->pos,
				   "'%.120s' is a metric that cheshire exports: record under "
				   "another name",
				   rule->name);
}

static void check_rule(void *ctx, const struct rule *rule)
{
	struct check *check = ctx;
	char near[EXPORT_NAME_MAX];

	check_record(check, rule);
	for (size_t i = 0; i < rule->expr->selectors_n; i++) {
		const char *metric = promql_metric(rule->expr->selectors[i]);

		if (!metric || is_exported(check, metric))
			continue;
		if (export_name_near(check->config->target_name, metric, near))
			config_errors__add(check->errors, &rule->pos,
					   "%s: nobody exports '%.120s' (did you mean '%s'?)",
					   rule->name, metric, near);
		else
			config_errors__add(check->errors, &rule->pos,
					   "%s: nobody exports '%.120s' (`cheshire export names` "
					   "lists what there is)",
					   rule->name, metric);
	}
}

static void check_metrics(const struct rule_set *set, const struct config *config,
			  struct config_errors *errors)
{
	struct check check = {.set = set, .config = config, .errors = errors};

	each_rule(set, check_rule, &check);
}

int rule_set_load(const char *const *paths, size_t n, const struct config *config,
		  struct config_errors *errors, struct config_errors *warnings,
		  struct rule_set **out)
{
	struct rule_set *set = calloc(1, sizeof(*set));
	size_t before = config_errors__count(errors);
	int err = 0;

	*out = NULL;
	if (set)
		set->files = calloc(n ? n : 1, sizeof(set->files[0]));
	if (!set || !set->files) {
		rule_set_free(set);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n && err != -ENOMEM; i++) {
		err = load_file(paths[i], config, errors, warnings, &set->files[set->n]);
		if (!err)
			set->rules_n += set->files[set->n++]->rules_n;
	}
	/* With a file missing, its recorded metrics would be missed too. */
	if (config_errors__count(errors) == before && !err)
		check_metrics(set, config, errors);
	if (err != -ENOMEM)
		err = config_errors__count(errors) == before ? 0 : -EINVAL;
	if (err) {
		rule_set_free(set);
		return err;
	}
	*out = set;
	return 0;
}

void rule_set_free(struct rule_set *set)
{
	if (!set)
		return;
	for (size_t i = 0; i < set->n; i++)
		rulefile_free(set->files[i]);
	free(set->files);
	free(set);
}
