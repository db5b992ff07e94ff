/* SPDX-License-Identifier: GPL-2.0-only */
/* Warnings: rules that Prometheus accepts and that cannot do what their author means. */
#include <stdlib.h>
#include <string.h>

#include "config/errors.h"
#include "memory/arena.h"
#include "promql/ast.h"
#include "rulefile/read.h"
#include "rulefile/rulefile.h"

struct linting {
	struct rulefile_read *r;
	const struct yaml_node *expr;
	const struct rule *rule;
};

static void __attribute__((format(printf, 3, 4)))
warn(const struct linting *l, const struct promql_node *node, const char *fmt, ...)
{
	struct config_pos pos = rule_place(&l->r->base, l->expr, node->start, l->r->end);
	va_list args;

	va_start(args, fmt);
	config_errors__vadd(l->r->warnings, &pos, fmt, args);
	va_end(args);
}

static bool is_one_of(const char *name, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

#define ONE_OF(name, names) is_one_of(name, names, sizeof(names) / sizeof((names)[0]))

static void check_call(const struct linting *l, const struct promql_node *node)
{
	static const char *const of_counters[] = {"increase", "rate", "irate", "resets"};
	static const char *const of_gauges[] = {"delta", "deriv", "idelta", "predict_linear"};
	const char *name = node->function->name, *metric;
	enum metric_type type;

	if (!l->r->opts->type_of || !node->args_n || node->arg[0]->kind != PROMQL_SELECTOR)
		return;
	metric = promql_metric(node->arg[0]);
	type = metric ? l->r->opts->type_of(l->r->opts->ctx, metric) : METRIC_TYPE_UNKNOWN;
	if (type == METRIC_TYPE_GAUGE && ONE_OF(name, of_counters))
		warn(l, node,
		     "%s() is for counters, and %s is a gauge: every fall of it is taken for a "
		     "counter reset, so that the result is too high; delta() or deriv() may be "
		     "meant",
		     name, metric);
	else if (type == METRIC_TYPE_COUNTER && ONE_OF(name, of_gauges))
		warn(l, node,
		     "%s() is for gauges, and %s is a counter: a reset of it gives a negative "
		     "result; rate() or increase() may be meant",
		     name, metric);
}

static bool is_comparison(const struct promql_node *node)
{
	return node->kind == PROMQL_BINARY && node->op >= PROMQL_EQ && node->op <= PROMQL_GE;
}

static void check_node(const struct linting *l, const struct promql_node *node)
{
	if (node->kind == PROMQL_CALL)
		check_call(l, node);
	for (size_t i = 0; i < node->args_n; i++)
		check_node(l, node->arg[i]);
}

/* Whether anything in it can leave series out. */
static bool filters(const struct promql_node *node)
{
	static const char *const absent[] = {"absent", "absent_over_time"};

	if (is_comparison(node) && !node->return_bool)
		return true;
	if (node->kind == PROMQL_BINARY && (node->op == PROMQL_AND || node->op == PROMQL_UNLESS))
		return true;
	if (node->kind == PROMQL_CALL && ONE_OF(node->function->name, absent))
		return true;
	/* An alert over the alerts of others. */
	if (node->kind == PROMQL_SELECTOR && promql_metric(node) &&
	    !strcmp(promql_metric(node), "ALERTS"))
		return true;
	for (size_t i = 0; i < node->args_n; i++)
		if (filters(node->arg[i]))
			return true;
	return false;
}

static const struct promql_node *inside(const struct promql_node *node)
{
	while (node->kind == PROMQL_PAREN)
		node = node->arg[0];
	return node;
}

static void check_type(const struct linting *l, const struct promql_node *root)
{
	if (root->type == PROMQL_MATRIX || root->type == PROMQL_STRING)
		warn(l, root,
		     "the result is a %s: the rule will always fail, it must be a vector "
		     "or a scalar",
		     promql_type_name(root->type));
}

static void check_alert(const struct linting *l, const struct promql_node *root, int64_t interval)
{
	root = inside(root);
	if (is_comparison(root) && root->return_bool)
		warn(l, root,
		     "with bool the comparison leaves nothing out: the alert fires for a "
		     "result of 0 too");
	else if (root->type == PROMQL_SCALAR)
		warn(l, root, "a scalar is always there: the alert always fires");
	else if (!filters(root))
		warn(l, root,
		     "nothing is compared: the alert fires whenever the series exist, "
		     "whatever their values");
	if (l->rule->for_ms && interval && l->rule->for_ms < interval)
		config_errors__add(l->r->warnings, &l->rule->pos,
				   "alert \"%.80s\": `for` (%gs) is shorter than the interval "
				   "of evaluation (%gs): it fires at the second evaluation",
				   l->rule->name, (double)l->rule->for_ms / 1e3,
				   (double)interval / 1e3);
}

void rule_lint(struct rulefile_read *r, const struct rule_group *group, const struct rule *rule,
	       const struct yaml_node *expr)
{
	const struct linting l = {.r = r, .expr = expr, .rule = rule};
	int64_t interval = group->interval_ms ? group->interval_ms : r->opts->interval_ms;

	check_type(&l, rule->expr->root);
	check_node(&l, rule->expr->root);
	if (rule->kind == RULE_ALERT && rule->expr->root->type != PROMQL_MATRIX &&
	    rule->expr->root->type != PROMQL_STRING)
		check_alert(&l, rule->expr->root, interval);
}

static int by_identity(const void *pa, const void *pb)
{
	const struct rule *a = *(const struct rule *const *)pa;
	const struct rule *b = *(const struct rule *const *)pb;
	int order = strcmp(a->name, b->name);

	for (size_t i = 0; !order && i < a->labels_n && i < b->labels_n; i++) {
		order = strcmp(a->labels[i].name, b->labels[i].name);
		if (!order)
			order = strcmp(a->labels[i].value, b->labels[i].value);
	}
	if (!order && a->labels_n != b->labels_n)
		order = a->labels_n < b->labels_n ? -1 : 1;
	return order;
}

static int by_identity_and_place(const void *pa, const void *pb)
{
	const struct rule *a = *(const struct rule *const *)pa;
	const struct rule *b = *(const struct rule *const *)pb;
	int order = by_identity(pa, pb);

	return order ? order : a->pos.line < b->pos.line ? -1 : a->pos.line > b->pos.line;
}

void rule_lint_duplicates(struct rulefile_read *r)
{
	const struct rule **all;
	size_t n = 0;

	all = arena__alloc(r->base.arena, (r->out->rules_n + 1) * sizeof(*all));
	if (!all)
		return;
	for (size_t g = 0; g < r->out->groups_n; g++)
		for (size_t i = 0; i < r->out->groups[g].rules_n; i++)
			if (r->out->groups[g].rules[i].name)
				all[n++] = &r->out->groups[g].rules[i];
	qsort(all, n, sizeof(*all), by_identity_and_place);
	for (size_t i = 1; i < n; i++)
		if (!by_identity(&all[i - 1], &all[i]) && all[i]->name[0])
			config_errors__add(
				r->warnings, &all[i]->pos,
				"duplicate rule \"%.80s\" with the same labels, first in "
				"line %d: might cause inconsistency while recording "
				"expressions",
				all[i]->name, all[i - 1]->pos.line);
}
