/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Budgets: limits on a statistic of a metric.
 *
 *	budgets:
 *	  stt.latency: { stat: p95, window: 5m, target: 300ms, warning: 500ms, critical: 1s }
 *	  cpu.usage.peak: { target: 60%, warning: 80%, critical: 95% }
 */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "memory/arena.h"
#include "config/catalogue.h"
#include "config/metric_names.h"
#include "config/near.h"
#include "config/read_parts.h"
#include "config/reader.h"
#include "config/units.h"
#include "config/yaml.h"

#define BUDGETS_MAX 512
#define DAY_NS	    (86400 * SECOND_NS)

/* One budget while it is read. */
struct budget_read {
	struct budget_config budget;
	const struct metric_def *def;
	const struct yaml_node *target;
	const struct yaml_node *warning;
	const struct yaml_node *critical;
	enum statistic stat_of_key;
	bool below_given;
};

static void unknown_stat(struct reader *r, const struct yaml_node *node, const char *text,
			 const struct metric_def *def)
{
	char possible[128] = "";
	size_t at = 0;

	for (int s = 1; s <= STAT_MIN; s++)
		if (def->stats & (1u << s))
			at += (size_t)snprintf(possible + at, sizeof(possible) - at, "%s%s",
					       at ? ", " : "", stat_name((enum statistic)s));
	read_error(r, node, "no statistic '%.40s' of %s: expected one of %s", text, def->name,
		   possible);
}

static void read_stat(struct reader *r, const struct yaml_node *node, void *ctx)
{
	struct budget_read *b = ctx;
	const char *text = read_text(r, node, "a statistic (such as p95)");
	enum statistic stat;

	if (!text)
		return;
	stat = stat_parse(text);
	if (!stat || !(b->def->stats & (1u << stat)))
		unknown_stat(r, node, text, b->def);
	else if (b->stat_of_key && b->stat_of_key != stat)
		read_error(r, node, "'%s' contradicts the name, which says %s", text,
			   stat_name(b->stat_of_key));
	else
		b->budget.stat = stat;
}

static void read_window(struct reader *r, const struct yaml_node *node, void *ctx)
{
	read_ns(r, node, SECOND_NS, 7 * DAY_NS, &((struct budget_read *)ctx)->budget.window_ns);
}

static void read_for(struct reader *r, const struct yaml_node *node, void *ctx)
{
	read_ns(r, node, 0, 7 * DAY_NS, &((struct budget_read *)ctx)->budget.for_ns);
}

static void read_target(struct reader *r, const struct yaml_node *node, void *ctx)
{
	struct budget_read *b = ctx;

	b->target = node;
	read_quantity(r, node, b->budget.unit, &b->budget.target);
}

static void read_warning(struct reader *r, const struct yaml_node *node, void *ctx)
{
	struct budget_read *b = ctx;

	b->warning = node;
	read_quantity(r, node, b->budget.unit, &b->budget.warning);
}

static void read_critical(struct reader *r, const struct yaml_node *node, void *ctx)
{
	struct budget_read *b = ctx;

	b->critical = node;
	read_quantity(r, node, b->budget.unit, &b->budget.critical);
}

static void read_below(struct reader *r, const struct yaml_node *node, void *ctx)
{
	struct budget_read *b = ctx;

	b->below_given = true;
	read_bool(r, node, &b->budget.below);
}

static void read_min_count(struct reader *r, const struct yaml_node *node, void *ctx)
{
	double n = -1;

	read_quantity(r, node, UNIT_COUNT, &n);
	if (n < 0)
		return;
	if (n < 1 || n > 1e9 || n != floor(n))
		read_error(r, node, "expected a whole number from 1 on");
	else
		((struct budget_read *)ctx)->budget.min_count = (uint64_t)n;
}

static void read_alert(struct reader *r, const struct yaml_node *node, void *ctx)
{
	((struct budget_read *)ctx)->budget.alert = read_line(r, node);
}

static void read_action(struct reader *r, const struct yaml_node *node, void *ctx)
{
	((struct budget_read *)ctx)->budget.action = read_line(r, node);
}

static void read_impact(struct reader *r, const struct yaml_node *node, void *ctx)
{
	((struct budget_read *)ctx)->budget.impact = read_line(r, node);
}

static void read_p0_above(struct reader *r, const struct yaml_node *node, void *ctx)
{
	struct budget_read *b = ctx;

	read_quantity(r, node, b->budget.unit, &b->budget.p0_above);
}

static void read_p1_over(struct reader *r, const struct yaml_node *node, void *ctx)
{
	read_quantity(r, node, UNIT_RATIO, &((struct budget_read *)ctx)->budget.priority1_over);
}

static void read_p2_over(struct reader *r, const struct yaml_node *node, void *ctx)
{
	read_quantity(r, node, UNIT_RATIO, &((struct budget_read *)ctx)->budget.priority2_over);
}

static void read_floor(struct reader *r, const struct yaml_node *node, void *ctx)
{
	const char *text = read_text(r, node, "a priority (P0 to P3)");

	if (!text)
		return;
	if (strlen(text) != 2 || text[0] != 'P' || text[1] < '0' || text[1] > '3')
		read_error(r, node, "expected P0, P1, P2 or P3, not '%.40s'", text);
	else
		((struct budget_read *)ctx)->budget.priority_floor = (uint8_t)(text[1] - '0');
}

static const struct read_key budget_keys[] = {
	{"stat", read_stat},	   {"window", read_window},	  {"target", read_target},
	{"warning", read_warning}, {"critical", read_critical},	  {"for", read_for},
	{"below", read_below},	   {"min_count", read_min_count}, {"alert", read_alert},
	{"action", read_action},   {"impact", read_impact},	  {"p0_above", read_p0_above},
	{"p1_over", read_p1_over}, {"p2_over", read_p2_over},	  {"priority_floor", read_floor},
};

/* The direction shows in the two limits that are furthest apart. */
static bool derive_below(const struct budget_read *b)
{
	const double limit[] = {b->budget.target, b->budget.warning, b->budget.critical};
	static const int pairs[][2] = {{0, 2}, {0, 1}, {1, 2}};

	for (int i = 0; i < 3; i++) {
		double from = limit[pairs[i][0]], to = limit[pairs[i][1]];

		if (!isnan(from) && !isnan(to) && from != to)
			return from > to;
	}
	return b->def->below;
}

static void check_order(struct reader *r, const struct budget_read *b)
{
	const struct yaml_node *node[] = {b->target, b->warning, b->critical};
	const double limit[] = {b->budget.target, b->budget.warning, b->budget.critical};
	static const char *const names[] = {"target", "warning", "critical"};

	for (int i = 0; i < 3; i++) {
		for (int j = i + 1; j < 3; j++) {
			if (isnan(limit[i]) || isnan(limit[j]) || limit[i] == limit[j] ||
			    (limit[i] > limit[j]) == b->budget.below)
				continue;
			read_error(r, node[j],
				   "%s (%s) is %s %s (%s): limits go from target to "
				   "critical in one direction",
				   names[j], node[j]->text, b->budget.below ? "above" : "below",
				   names[i], node[i]->text);
			return;
		}
	}
}

/* "stt.latency" and p95 make "STT latency p95": short words of letters are abbreviations. */
static char *default_alert(struct reader *r, const struct budget_config *budget)
{
	char text[256];
	size_t n;

	n = (size_t)snprintf(text, sizeof(text), "%s %s", budget->metric, stat_name(budget->stat));
	for (size_t i = 0; i < n && i < sizeof(text); i++)
		if (text[i] == '.' || text[i] == '_')
			text[i] = ' ';
	n = strcspn(text, " ");
	for (size_t i = 0; i < (n <= 3 ? n : 1); i++)
		text[i] = (char)toupper((unsigned char)text[i]);
	return arena__strdup(r->arena, text);
}

static void read_budget(struct reader *r, const struct yaml_node *node, const char *metric,
			const struct metric_def *def, enum statistic stat, struct config_pos pos)
{
	struct budget_read b = {.def = def, .stat_of_key = stat};
	struct budget_config *item;
	struct config *config = r->config;

	b.budget = (struct budget_config){
		.pos = pos,
		.stat = stat ? stat : def->stat,
		.unit = def->unit,
		.window_ns = metric_window_ns(def),
		.for_ns = 60 * SECOND_NS,
		.min_count = 1,
		.target = NAN,
		.warning = NAN,
		.critical = NAN,
		.p0_above = NAN,
		.priority1_over = 0.5,
		.priority2_over = 0.2,
		.priority_floor = 3,
	};
	b.budget.metric = arena__strdup(r->arena, metric);
	if (!read_map(r, node, READ_KEYS(budget_keys), &b))
		return;
	if (!b.target && !b.warning && !b.critical)
		read_error(r, node, "a budget needs at least one of target, warning, critical");
	if (!b.below_given)
		b.budget.below = derive_below(&b);
	check_order(r, &b);
	if (b.budget.priority1_over < b.budget.priority2_over)
		read_error(r, node, "p1_over is less than p2_over");
	if (!b.budget.alert)
		b.budget.alert = default_alert(r, &b.budget);
	if (config->budgets_n == BUDGETS_MAX) {
		read_error(r, node, "more than %d budgets", BUDGETS_MAX);
		return;
	}
	item = arena__append(r->arena, config->budgets, config->budgets_n, sizeof(*item));
	if (!item)
		return;
	config->budgets = item;
	item[config->budgets_n++] = b.budget;
}

/* Calls near_add with every name that a budget may have here. */
static void add_candidates(struct reader *r, struct near *near)
{
	const struct config *config = r->config;
	const struct metric_def *globals, *measures;
	size_t globals_n, measures_n, usual_n;
	const char *const *usual = metric_stages_usual(&usual_n);
	char text[METRIC_STAGE_MAX + 32];

	globals = metric_globals(&globals_n);
	for (size_t i = 0; i < globals_n; i++)
		near_add(near, globals[i].name);
	if (!config->engines)
		usual_n = 0;
	for (size_t i = 0; i < config->stages_n + usual_n; i++) {
		const char *stage = i < config->stages_n ? config->stages[i].name
							 : usual[i - config->stages_n];

		measures = metric_cache_name(stage) ? metric_cache_measures(&measures_n)
						    : metric_measures(&measures_n);
		for (size_t j = 0; j < measures_n; j++) {
			size_t before = near->best_distance;

			snprintf(text, sizeof(text), "%s.%s", stage, measures[j].name);
			near_add(near, text);
			if (near->best_distance < before)
				near->best = arena__strdup(r->arena, text);
		}
	}
}

static void unknown_metric(struct reader *r, const struct yaml_node *key, const char *why)
{
	struct near near;

	near_init(&near, key->text);
	add_candidates(r, &near);
	if (near_best(&near))
		read_error(r, key, "%s '%.80s' (did you mean '%s'?)", why, key->text,
			   near_best(&near));
	else
		read_error(r, key, "%s '%.80s'", why, key->text);
}

/*
 * Where engines are recognised, the names of the catalogue are known too.  Most assistants do not
 * have the usual caches, or do not say so: their budgets may stay in a file.
 */
static bool stage_known(const struct config *config, const char *name)
{
	if (metric_cache_name(name) && metric_stage_usual(name))
		return true;
	if (config->engines && (metric_stage_usual(name) || catalogue_has_stage(name)))
		return true;
	for (size_t i = 0; i < config->stages_n; i++)
		if (!strcmp(config->stages[i].name, name))
			return true;
	return false;
}

/* False when the stage is of a kind that does not have the measure. */
static bool has_measure(const struct config *config, const struct metric_ref *ref)
{
	for (size_t i = 0; i < config->stages_n; i++)
		if (!strcmp(config->stages[i].name, ref->stage))
			return !ref->def->kinds || !config->stages[i].kind ||
			       ref->def->kinds >> config->stages[i].kind & 1;
	return true;
}

static void wrong_kind(struct reader *r, const struct yaml_node *key, const struct metric_def *def)
{
	static const char *const kinds[] = {[STAGE_CALL] = "call",
					    [STAGE_FRAME] = "frame",
					    [STAGE_STREAM] = "stream",
					    [STAGE_CACHE] = "cache",
					    [STAGE_STATEMENT] = "statement"};
	char text[64] = "";

	for (int kind = STAGE_CALL; kind <= STAGE_STATEMENT; kind++)
		if (def->kinds >> kind & 1)
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s",
				 text[0] ? " and " : "", kinds[kind]);
	read_error(r, key, "'%s' is a measure of %s stages only", def->name, text);
}

static void read_metric(struct reader *r, const struct yaml_node *node)
{
	struct metric_ref ref;
	enum statistic stat;
	size_t len;
	char *metric;

	if (metric_find_stat(node->key->text, &ref, &len, &stat)) {
		unknown_metric(r, node->key, "unknown metric");
		return;
	}
	if ((ref.stage[0] && !stage_known(r->config, ref.stage)) ||
	    (ref.stage2[0] && !stage_known(r->config, ref.stage2))) {
		unknown_metric(r, node->key,
			       metric_cache_name(ref.stage) ? "no such cache is configured:"
							    : "no such stage is configured:");
		return;
	}
	if (!strcmp(ref.def->name, "users.connections") && !r->config->users.port) {
		read_error(r, node->key, "there is no port in `users:` whose connections to count");
		return;
	}
	if (!has_measure(r->config, &ref)) {
		wrong_kind(r, node->key, ref.def);
		return;
	}
	if (stat && !(ref.def->stats & (1u << stat))) {
		unknown_stat(r, node->key, stat_name(stat), ref.def);
		return;
	}
	metric = arena__strndup(r->arena, node->key->text, len);
	if (!metric)
		return;
	if (node->kind != YAML_LIST) {
		read_budget(r, node, metric, ref.def, stat, read_pos(r, node->key));
		return;
	}
	for (const struct yaml_node *n = node->first; n; n = n->next)
		read_budget(r, n, metric, ref.def, stat, read_pos(r, n));
}

void read_budget_map(struct reader *r, const struct yaml_node *node)
{
	/* `budgets: {}` is how to have none at all. */
	if (node->kind != YAML_MAP) {
		read_error(r, node, "expected a mapping of budgets (metric: { target: … })");
		return;
	}
	for (const struct yaml_node *n = node->first; n; n = n->next)
		if (n->key->text && n->key->text[0])
			read_metric(r, n);
}

void read_budgets(struct reader *r, const struct yaml_node *node, void *ctx)
{
	(void)ctx;
	r->config->budgets_given = true;
	read_budget_map(r, node);
}
