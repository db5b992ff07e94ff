/* SPDX-License-Identifier: GPL-2.0-only */
#include "rulefile/rulefile.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/errors.h"
#include "memory/arena.h"
#include "promql/ast.h"
#include "rulefile/read.h"
#include "template/template.h"

static void __attribute__((format(printf, 3, 4)))
complain(struct rulefile_read *r, struct config_pos pos, const char *fmt, ...)
{
	char said[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(said, sizeof(said), fmt, args);
	va_end(args);
	config_errors__add(r->base.errors, &pos, "group \"%.80s\", rule %zu, \"%.80s\": %s",
			   r->group, r->rule, r->rule_name, said);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct rule_text *)a)->name, ((const struct rule_text *)b)->name);
}

static void read_template(struct rulefile_read *r, const char *what, const struct yaml_node *node,
			  struct rule_text *text)
{
	struct template_error error, doubt;
	struct config_pos pos;

	if (template_parse(text->value, r->base.arena, &text->template, &error, &doubt)) {
		if (error.message[0])
			complain(r, rule_place(&r->base, node, error.at, r->end),
				 "%s \"%.60s\": %s", what, text->name, error.message);
		return;
	}
	if (!doubt.message[0])
		return;
	pos = rule_place(&r->base, node, doubt.at, r->end);
	config_errors__add(r->warnings, &pos, "%s \"%.60s\" will always fail to expand: %s", what,
			   text->name, doubt.message);
}

/* labels: or annotations:. */
static struct rule_text *read_texts(struct rulefile_read *r, const struct yaml_node *node,
				    const char *what, bool templates, size_t *n)
{
	struct rule_text *texts;

	*n = 0;
	if (rule_is_null(node))
		return NULL;
	if (node->kind != YAML_MAP) {
		read_error(&r->base, node, "expected a mapping (name: text)");
		return NULL;
	}
	if (what[0] == 'l' && node->children > RULE_LABELS_MAX) {
		read_error(&r->base, node, "more than %d labels", RULE_LABELS_MAX);
		return NULL;
	}
	texts = arena__alloc(r->base.arena, node->children * sizeof(*texts));
	for (const struct yaml_node *v = node->first; v && texts; v = v->next) {
		struct rule_text *text = &texts[*n];

		if (!v->key->text)
			continue;
		*text = (struct rule_text){.name = v->key->text, .value = rule_scalar(&r->base, v)};
		if (!text->value)
			continue;
		if (!rule_is_label_name(text->name) ||
		    (what[0] == 'l' && !strcmp(text->name, PROMQL_METRIC_LABEL)))
			complain(r, read_pos(&r->base, v->key), "invalid %s name: %.80s", what,
				 text->name);
		if (templates)
			read_template(r, what, v, text);
		(*n)++;
	}
	if (texts)
		qsort(texts, *n, sizeof(*texts), by_name);
	return texts;
}

static void read_expr(struct rulefile_read *r, const struct yaml_node *rule,
		      const struct yaml_node *node, struct rule *out)
{
	struct promql_error error = {0};

	out->text = node ? rule_scalar(&r->base, node) : "";
	if (!out->text)
		return;
	if (!out->text[0]) {
		complain(r, read_pos(&r->base, node ? node : rule),
			 "field 'expr' must be set in rule");
		return;
	}
	if (promql_parse(out->text, strlen(out->text), &out->expr, &error) == -EINVAL)
		complain(r, rule_place(&r->base, node, error.at, r->end),
			 "could not parse expression: %s", error.message);
}

static void check_recording(struct rulefile_read *r, const struct yaml_node *node,
			    const struct rule *rule)
{
	const struct config_pos pos = read_pos(&r->base, yaml_get(node, "record"));

	if (rule->annotations_n)
		complain(r, pos, "invalid field 'annotations' in recording rule");
	if (rule->for_ms)
		complain(r, pos, "invalid field 'for' in recording rule");
	if (rule->keep_firing_for_ms)
		complain(r, pos, "invalid field 'keep_firing_for' in recording rule");
	if (!rule_is_metric_name(rule->name))
		complain(r, pos, "invalid recording rule name: %.80s", rule->name);
}

/* `record` or `alert`; not null. */
static const char *read_name(struct rulefile_read *r, const struct yaml_node *node)
{
	const char *text = node ? rule_scalar(&r->base, node) : "";

	return text ? text : "";
}

static void name_rule(struct rulefile_read *r, const struct yaml_node *node, struct rule *rule)
{
	const struct yaml_node *record_at = yaml_get(node, "record");
	const char *alert = read_name(r, yaml_get(node, "alert"));
	const char *record = read_name(r, record_at);

	rule->kind = alert[0] ? RULE_ALERT : RULE_RECORD;
	rule->name = alert[0] ? alert : record;
	r->rule_name = rule->name;
	if (alert[0] && record[0])
		complain(r, read_pos(&r->base, record_at),
			 "only one of 'record' and 'alert' must be set");
	if (!rule->name[0])
		complain(r, rule->pos, "one of 'record' or 'alert' must be set");
}

static void read_rule(struct rulefile_read *r, const struct yaml_node *node,
		      const struct rule_group *group, struct rule *rule)
{
	static const struct read_key keys[] = {
		{"alert", NULL},	   {"record", NULL}, {"expr", NULL},	    {"for", NULL},
		{"keep_firing_for", NULL}, {"labels", NULL}, {"annotations", NULL},
	};
	size_t before = config_errors__count(r->base.errors);

	rule->pos = read_pos(&r->base, node);
	if (!rule_is_null(node) && !read_map(&r->base, node, READ_KEYS(keys), NULL))
		return;
	name_rule(r, node, rule);
	read_expr(r, node, yaml_get(node, "expr"), rule);
	rule_duration(&r->base, yaml_get(node, "for"), &rule->for_ms);
	rule_duration(&r->base, yaml_get(node, "keep_firing_for"), &rule->keep_firing_for_ms);
	rule->labels = read_texts(r, yaml_get(node, "labels"), "label", rule->kind == RULE_ALERT,
				  &rule->labels_n);
	rule->annotations = read_texts(r, yaml_get(node, "annotations"), "annotation",
				       rule->kind == RULE_ALERT, &rule->annotations_n);
	if (rule->kind == RULE_RECORD && rule->name[0])
		check_recording(r, node, rule);
	if (config_errors__count(r->base.errors) == before && rule->expr)
		rule_lint(r, group, rule, yaml_get(node, "expr"));
}

static void read_limit(struct rulefile_read *r, const struct yaml_node *node, int64_t *limit)
{
	const char *text = rule_scalar(&r->base, node);
	long long n;
	char *end;

	if (!text || rule_is_null(node))
		return;
	errno = 0;
	n = strtoll(text, &end, 10);
	if (end == text || *end || errno)
		read_error(&r->base, node, "expected a whole number, not '%.40s'", text);
	else
		*limit = n;
}

static void name_group(struct rulefile_read *r, const struct yaml_node *node,
		       struct rule_group *group, size_t index)
{
	const char *name = read_name(r, yaml_get(node, "name"));

	group->name = name;
	if (!name[0])
		read_error(&r->base, node, "Groupname must not be empty");
	for (size_t i = 0; i < index; i++)
		if (!strcmp(r->out->groups[i].name, name)) {
			read_error(&r->base, node,
				   "groupname: \"%.80s\" is repeated in the same file", name);
			break;
		}
}

static void read_group(struct rulefile_read *r, const struct yaml_node *node, size_t index)
{
	static const struct read_key keys[] = {
		{"name", NULL}, {"interval", NULL}, {"limit", NULL}, {"rules", NULL}};
	struct rule_group *group = &r->out->groups[index];
	const struct yaml_node *item;

	group->name = "";
	group->file = r->base.file;
	group->pos = read_pos(&r->base, node);
	if (!rule_is_null(node) && !read_map(&r->base, node, READ_KEYS(keys), NULL))
		return;
	name_group(r, node, group, index);
	rule_duration(&r->base, yaml_get(node, "interval"), &group->interval_ms);
	read_limit(r, yaml_get(node, "limit"), &group->limit);
	item = rule_items(&r->base, yaml_get(node, "rules"));
	if (!item)
		return;
	group->rules = arena__alloc(r->base.arena,
				    yaml_get(node, "rules")->children * sizeof(*group->rules));
	if (!group->rules)
		return;
	r->group = group->name;
	for (; item; item = item->next) {
		r->rule = group->rules_n + 1;
		if (++r->out->rules_n > RULEFILE_RULES_MAX) {
			read_error(&r->base, item, "more than %d rules in one file",
				   RULEFILE_RULES_MAX);
			return;
		}
		read_rule(r, item, group, &group->rules[group->rules_n++]);
	}
}

static void read_file_of_rules(struct rulefile_read *r, const struct yaml_node *root)
{
	static const struct read_key keys[] = {{"groups", NULL}};
	const struct yaml_node *item, *list = yaml_get(root, "groups");

	if (rule_is_null(root) || !read_map(&r->base, root, READ_KEYS(keys), NULL))
		return;
	item = rule_items(&r->base, list);
	if (!item)
		return;
	r->out->groups = arena__alloc(r->base.arena, list->children * sizeof(*r->out->groups));
	for (; item && r->out->groups; item = item->next) {
		if (r->out->groups_n == RULEFILE_GROUPS_MAX) {
			read_error(&r->base, item, "more than %d groups in one file",
				   RULEFILE_GROUPS_MAX);
			return;
		}
		read_group(r, item, r->out->groups_n++);
	}
}

int rulefile_parse(const char *file, const char *text, size_t len, const struct rulefile_opts *opts,
		   struct config_errors *errors, struct config_errors *warnings,
		   struct rulefile **out)
{
	static const struct rulefile_opts none;
	struct arena *arena = arena__new();
	struct rulefile *made = arena ? arena__alloc(arena, sizeof(*made)) : NULL;
	size_t before = config_errors__count(errors);
	struct rulefile_read r = {
		.base = {.arena = arena, .errors = errors},
		.warnings = warnings,
		.end = text + len,
		.opts = opts ? opts : &none,
		.out = made,
		.group = "",
		.rule_name = "",
	};

	*out = NULL;
	if (!made) {
		arena__free(arena);
		return -ENOMEM;
	}
	made->memory = arena;
	config_errors__add_source(errors, file, text, len);
	config_errors__add_source(warnings, file, text, len);
	r.base.file = arena__strdup(arena, file);
	if (r.base.file)
		read_file_of_rules(&r, rule_yaml(file, text, len, arena, errors));
	rule_lint_duplicates(&r);
	if (config_errors__count(errors) == before && !arena__failed(arena)) {
		*out = made;
		return 0;
	}
	before = arena__failed(arena);
	rulefile_free(made);
	return before ? -ENOMEM : -EINVAL;
}

void rulefile_free(struct rulefile *rulefile)
{
	if (!rulefile)
		return;
	for (size_t g = 0; g < rulefile->groups_n; g++)
		for (size_t i = 0; i < rulefile->groups[g].rules_n; i++)
			promql_free(rulefile->groups[g].rules[i].expr);
	arena__free(rulefile->memory);
}
