/* SPDX-License-Identifier: GPL-2.0-only */
#include "rules/rules.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/metrics.h"

/* The newest of the values that are looked at once a second. */
#define NOW_WINDOW_NS 2000000000ULL
#define BUILTINS      2

struct rule {
	const struct budget_config *budget;
	int handle; /* negative: why it is not measured */
	struct alert alert;
	struct sample sample;
};

struct rules {
	struct metrics *metrics;
	struct budget_config builtin[BUILTINS];
	enum severity worst;
	size_t n;
	struct rule rule[];
};

/* These need no configuration: a target that is gone or hangs is P0 in every one. */
static const struct budget_config builtins[BUILTINS] = {
	{.metric = (char *)"target.up",
	 .alert = (char *)"Target down",
	 .action = (char *)"Restart the assistant; look at its exit status and core dump",
	 .impact = (char *)"The assistant does not answer"},
	{.metric = (char *)"target.responsive",
	 .alert = (char *)"Target hangs",
	 .action = (char *)"Look at what its threads wait for",
	 .impact = (char *)"The assistant does not answer"},
};

static void fill_builtin(struct budget_config *budget, const struct budget_config *from)
{
	*budget = *from;
	budget->stat = STAT_NOW;
	budget->window_ns = NOW_WINDOW_NS;
	budget->unit = UNIT_COUNT;
	budget->target = 1.0;
	budget->warning = NAN;
	budget->critical = 1.0;
	budget->below = true;
	budget->min_count = 1;
	budget->p0_above = NAN;
	budget->priority1_over = 0.5;
	budget->priority2_over = 0.2;
	budget->priority_floor = 0;
}

static bool configured(const struct config *config, const char *metric)
{
	for (size_t i = 0; i < config->budgets_n; i++)
		if (strcmp(config->budgets[i].metric, metric) == 0)
			return true;
	return false;
}

static void add_rule(struct rules *r, const struct budget_config *budget)
{
	struct rule *rule = &r->rule[r->n++];

	rule->budget = budget;
	rule->sample = (struct sample){
		.value = NAN, .low = NAN, .high = NAN, .unit = budget->unit, .idle = true};
	rule->handle = metrics__demand(r->metrics, budget->metric, budget->stat, budget->window_ns);
}

struct rules *rules__new(const struct config *config, struct metrics *m)
{
	struct rules *r =
		calloc(1, sizeof(*r) + (config->budgets_n + BUILTINS) * sizeof(r->rule[0]));

	if (!r)
		return NULL;
	r->metrics = m;
	for (size_t i = 0; i < config->budgets_n; i++)
		add_rule(r, &config->budgets[i]);
	for (size_t i = 0; i < BUILTINS; i++) {
		if (configured(config, builtins[i].metric))
			continue;
		fill_builtin(&r->builtin[i], &builtins[i]);
		add_rule(r, &r->builtin[i]);
	}
	for (size_t i = 0; i < r->n; i++)
		if (r->rule[i].handle == -ENOMEM) {
			rules__free(r);
			errno = ENOMEM;
			return NULL;
		}
	return r;
}

void rules__free(struct rules *r)
{
	free(r);
}

void rules__tick(struct rules *r, uint64_t now_ns, rules_event_fn fn, void *ctx)
{
	struct alert_event event;

	for (size_t i = 0; i < r->n; i++) {
		struct rule *rule = &r->rule[i];

		if (rule->handle < 0)
			continue;
		rule->sample = metrics__read(r->metrics, rule->handle, now_ns);
		if (!rule->sample.idle && rule->sample.n < rule->budget->min_count &&
		    rule->sample.quality < QUALITY_FEW)
			rule->sample.quality = QUALITY_FEW;
		if (!alert_step(&rule->alert, rule->budget, &rule->sample, now_ns, &event))
			continue;
		if (event.state == ALERT_FIRING && event.severity > r->worst)
			r->worst = event.severity;
		fn(ctx, &event, rule->handle);
	}
}

size_t rules__count(const struct rules *r)
{
	return r->n;
}

void rules__status(const struct rules *r, size_t i, struct rules_status *out)
{
	const struct rule *rule = &r->rule[i];

	*out = (struct rules_status){
		.budget = rule->budget,
		.alert = &rule->alert,
		.sample = rule->sample,
		.over_percent = alert_over_percent(rule->budget, rule->sample.value),
		.notice = rule->handle >= 0 && alert_notice(rule->budget, &rule->sample),
		.unmeasured = rule->handle < 0 ? rule->handle : 0,
		.handle = rule->handle,
	};
}

size_t rules__firing(const struct rules *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		n += r->rule[i].alert.severity != SEVERITY_NONE;
	return n;
}

uint64_t rules__fired(const struct rules *r)
{
	uint64_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		n += r->rule[i].alert.fired_cnt;
	return n;
}

enum severity rules__worst(const struct rules *r)
{
	return r->worst;
}
