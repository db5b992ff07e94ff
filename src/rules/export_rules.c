/* SPDX-License-Identifier: GPL-2.0-only */
#include "rules/export_rules.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config/metric_names.h"
#include "rules/alert.h"
#include "rules/export_names.h"

#define NUMBER_MAX   32
#define WINDOW_MAX   32
#define SELECTOR_MAX 512
#define USERS_ID     "users.active"
#define USERS_NS     60000000000ULL

/* A text in the double quotes of YAML and of PromQL alike; a template's braces stay braces. */
static void print_quoted(const char *text, bool annotation, FILE *out)
{
	fputc('"', out);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (annotation && c == '{' && text[1] == '{') {
			fputs("{{ `{{` }}", out);
			text++;
		} else if (c == '"' || c == '\\') {
			fprintf(out, "\\%c", c);
		} else if (c < ' ' || c == 0x7f) {
			fprintf(out, "\\x%02x", c);
		} else {
			fputc(c, out);
		}
	}
	fputc('"', out);
}

/* The shortest text that reads back as the same number. */
static const char *number(double value, char text[NUMBER_MAX])
{
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, NUMBER_MAX, "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	return text;
}

static void duration(uint64_t ns, char text[WINDOW_MAX])
{
	export_window_text(ns, text, WINDOW_MAX);
	if (!text[0])
		strcpy(text, "0s");
}

/* Names of stages and windows need no escape. */
static bool selector_of(const struct config *config, const struct budget_config *budget,
			char out[SELECTOR_MAX])
{
	char labels[3 * METRIC_STAGE_MAX + WINDOW_MAX] = "", window[WINDOW_MAX];
	struct export_name name;
	struct metric_ref ref;
	size_t at = 0;

	if (!export_name_of_budget(config->target_name, budget, &name) ||
	    metric_find(budget->metric, &ref))
		return false;
	if (name.subject == EXPORT_STAGE)
		at += (size_t)snprintf(labels, sizeof(labels), "stage=\"%s\"", ref.stage);
	if (name.subject == EXPORT_CACHE)
		at += (size_t)snprintf(labels, sizeof(labels), "cache=\"%s\"",
				       metric_cache_name(ref.stage));
	if (name.subject == EXPORT_GAP)
		at += (size_t)snprintf(labels, sizeof(labels), "from=\"%s\",to=\"%s\"", ref.stage,
				       ref.stage2);
	if (name.subject == EXPORT_DATABASE)
		at += (size_t)snprintf(labels, sizeof(labels), "kind=\"%s\"", ref.database);
	if (name.form == EXPORT_WINDOW) {
		export_window_text(budget->window_ns, window, sizeof(window));
		snprintf(labels + at, sizeof(labels) - at, "%swindow=\"%s\"", at ? "," : "",
			 window);
	}
	snprintf(out, SELECTOR_MAX, labels[0] ? "%s{%s}" : "%s", name.name, labels);
	return true;
}

/* The number of samples behind a budget of a stage that needs more than one. */
static bool count_selector(const struct config *config, const struct budget_config *budget,
			   char out[SELECTOR_MAX])
{
	struct budget_config count = {.stat = STAT_COUNT, .window_ns = budget->window_ns};
	char id[2 * METRIC_STAGE_MAX];
	struct metric_ref ref;

	if (budget->min_count <= 1 || metric_find(budget->metric, &ref) || !ref.stage[0] ||
	    ref.stage2[0])
		return false;
	snprintf(id, sizeof(id), metric_cache_name(ref.stage) ? "%s.lookups" : "%s.count",
		 ref.stage);
	count.metric = id;
	return selector_of(config, &count, out);
}

/* One limit of one budget. */
struct limit {
	const struct config *config;
	const struct budget_config *budget;
	const struct tier_config *tier; /* NULL: always in force */
	const char *selector;
	enum severity severity;
	double value;
};

/* Over the limit, with as many samples as the statistic needs where their number is exported. */
static void print_over(const struct limit *l, FILE *out)
{
	const struct budget_config *b = l->budget;
	char number_text[NUMBER_MAX], count[SELECTOR_MAX];

	fprintf(out, "%s %s %s", l->selector, b->below ? "<" : ">", number(l->value, number_text));
	if (count_selector(l->config, b, count))
		fprintf(out, " and on() %s >= %llu", count, (unsigned long long)b->min_count);
}

/* Firing, and neither well inside the limit nor where it should be: it goes on. */
static void print_hysteresis(const struct limit *l, FILE *out)
{
	const struct budget_config *b = l->budget;
	char text[NUMBER_MAX];

	fprintf(out, "%s %s %s", l->selector,
		b->below ? "<=" : ">=", number(alert_clear_limit(b, l->value), text));
	if (!isnan(b->target))
		fprintf(out, " and %s %s %s", l->selector, b->below ? "<" : ">",
			number(b->target, text));
	fputs("\n          and on() ALERTS{alertname=", out);
	print_quoted(b->alert, false, out);
	fprintf(out, ",alertstate=\"firing\",severity=\"%s\",metric=\"%s\"",
		severity_name(l->severity), b->metric);
	if (l->tier) {
		fputs(",tier=", out);
		print_quoted(l->tier->name, false, out);
	}
	fputc('}', out);
}

/* A tier is entered at once and left after `hold`; the first one needs no users. */
static void print_tier(const struct limit *l, FILE *out)
{
	const struct users_config *users = &l->config->users;
	const struct budget_config active = {
		.metric = (char *)USERS_ID, .stat = STAT_MAX, .window_ns = USERS_NS};
	char selector[SELECTOR_MAX], hold[WINDOW_MAX];

	if (!l->tier || !selector_of(l->config, &active, selector))
		return;
	duration(users->hold_ns ?: 1000000000ULL, hold);
	if (l->tier != users->tiers)
		fprintf(out, "\n        and on() max_over_time(%s[%s]) > %u", selector, hold,
			l->tier[-1].up_to);
	if (l->tier->up_to != UINT32_MAX)
		fprintf(out, "\n        unless on() max_over_time(%s[%s]) > %u", selector, hold,
			l->tier->up_to);
}

static void print_annotation(const char *name, const char *text, FILE *out)
{
	if (!text)
		return;
	fprintf(out, "      %s: ", name);
	print_quoted(text, true, out);
	fputc('\n', out);
}

static void print_expr(const struct limit *l, FILE *out)
{
	fputs("    expr: |\n        ((", out);
	print_over(l, out);
	fputs(")\n        or (", out);
	print_hysteresis(l, out);
	fputs("))", out);
	print_tier(l, out);
	fputc('\n', out);
}

static void print_labels(const struct limit *l, FILE *out)
{
	fprintf(out, "    labels:\n      severity: %s\n      metric: ", severity_name(l->severity));
	print_quoted(l->budget->metric, false, out);
	if (l->tier) {
		fputs("\n      tier: ", out);
		print_quoted(l->tier->name, true, out);
	}
	fputc('\n', out);
}

static void print_alert(const struct limit *l, FILE *out)
{
	char hold[WINDOW_MAX], text[NUMBER_MAX];

	duration(l->budget->for_ns, hold);
	fputs("  - alert: ", out);
	print_quoted(l->budget->alert, false, out);
	fputc('\n', out);
	print_expr(l, out);
	fprintf(out, "    for: %s\n    keep_firing_for: %s\n", hold, hold);
	print_labels(l, out);
	fprintf(out,
		"    annotations:\n      summary: \"%s is {{ $value | humanize }}, %s %s %s\"\n",
		l->budget->metric, l->budget->below ? "below" : "over", number(l->value, text),
		unit_name(l->budget->unit));
	print_annotation("action", l->budget->action, out);
	print_annotation("impact", l->budget->impact, out);
}

static bool print_budget(const struct config *config, const struct budget_config *budget, FILE *out)
{
	char selector[SELECTOR_MAX], count[SELECTOR_MAX];
	struct limit l = {.config = config, .budget = budget, .selector = selector};

	if (!selector_of(config, budget, selector)) {
		fprintf(out, "  # %s: not exported, left out\n", budget->metric);
		return false;
	}
	if (budget->tier && budget->tier <= config->users.tiers_n)
		l.tier = &config->users.tiers[budget->tier - 1];
	if (budget->min_count > 1 && !count_selector(config, budget, count))
		fprintf(out, "  # %s: cheshire itself waits for %llu samples.\n", budget->metric,
			(unsigned long long)budget->min_count);
	if (!strcmp(budget->metric, "memory.growth"))
		fputs("  # cheshire itself waits until the whole confidence interval is over the "
		      "limit.\n",
		      out);
	l.severity = SEVERITY_WARNING;
	l.value = budget->warning;
	if (!isnan(l.value))
		print_alert(&l, out);
	l.severity = SEVERITY_CRITICAL;
	l.value = budget->critical;
	if (!isnan(l.value))
		print_alert(&l, out);
	return true;
}

size_t export_rules(const struct config *config, FILE *out)
{
	size_t left_out = 0, limits = 0;

	for (size_t i = 0; i < config->budgets_n; i++)
		limits += !isnan(config->budgets[i].warning) || !isnan(config->budgets[i].critical);
	fputs("# The performance budgets as Prometheus alerting rules.\n", out);
	if (!limits) {
		fputs("groups: []\n", out);
		return 0;
	}
	fputs("groups:\n- name: ", out);
	print_quoted("cheshire budgets", false, out);
	fputs("\n  interval: 1s\n  rules:\n", out);
	for (size_t i = 0; i < config->budgets_n; i++)
		left_out += !print_budget(config, &config->budgets[i], out);
	return left_out;
}
