/* SPDX-License-Identifier: GPL-2.0-only */
#include "rules/rules.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/metrics.h"
#include "rules/cause.h"
#include "rules/groups.h"
#include "rules/tier.h"

/* The newest of the values that are looked at once a second. */
#define NOW_WINDOW_NS 2000000000ULL
#define BUILTINS      2
/* Users of the last minute choose the tier. */
#define USERS_WINDOW_NS 60000000000ULL

struct rule {
	const struct budget_config *budget;
	int handle; /* negative: why it is not measured */
	struct alert alert;
	struct sample sample;
	struct alert_event event; /* of this tick's change */
	bool changed;
};

struct rules {
	const struct config *config;
	struct metrics *metrics;
	struct groups *groups;
	struct notify *notify;
	struct notify_storm storm;
	bool storm_news;
	struct tier tier;
	int users;	      /* handle of users.active, negative: not measured */
	char tier_reason[96]; /* why a budget of another tier sees nothing */
	struct budget_config builtin[BUILTINS];
	enum severity worst;
	size_t n;
	struct rule rule[];
};

/* These need no configuration: a target that is gone or hangs is P0 in every one. */
static const struct budget_config builtins[BUILTINS] = {
	{.metric = (char *)"target.up",
	 .alert = (char *)"Target Down",
	 .impact = (char *)"System unresponsive or crashed"},
	{.metric = (char *)"target.responsive",
	 .alert = (char *)"Target Unresponsive",
	 .impact = (char *)"System unresponsive or crashed"},
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

static void add_rules(struct rules *r)
{
	const struct config *config = r->config;

	for (size_t i = 0; i < config->budgets_n; i++)
		add_rule(r, &config->budgets[i]);
	for (size_t i = 0; i < BUILTINS; i++) {
		if (configured(config, builtins[i].metric))
			continue;
		fill_builtin(&r->builtin[i], &builtins[i]);
		add_rule(r, &r->builtin[i]);
	}
	r->users = -ENOENT;
	if (config->users.tiers_n)
		r->users = metrics__demand(r->metrics, "users.active", STAT_MAX, USERS_WINDOW_NS);
}

static bool complete(const struct rules *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->rule[i].handle == -ENOMEM)
			return false;
	return r->groups && r->notify && r->users != -ENOMEM;
}

struct rules *rules__new(const struct config *config, struct metrics *m)
{
	struct rules *r =
		calloc(1, sizeof(*r) + (config->budgets_n + BUILTINS) * sizeof(r->rule[0]));

	if (!r)
		return NULL;
	r->config = config;
	r->metrics = m;
	add_rules(r);
	r->groups = groups__new(r->n, config->alerts.group_ns);
	r->notify = notify__new(r->n, &config->alerts);
	if (!complete(r)) {
		rules__free(r);
		errno = ENOMEM;
		return NULL;
	}
	return r;
}

void rules__free(struct rules *r)
{
	if (!r)
		return;
	groups__free(r->groups);
	notify__free(r->notify);
	free(r);
}

static void choose_tier(struct rules *r, uint64_t now_ns)
{
	const struct users_config *users = &r->config->users;
	struct sample sample;

	if (r->users < 0)
		return;
	sample = metrics__read(r->metrics, r->users, now_ns);
	tier_step(&r->tier, users, &sample, now_ns);
	if (!isnan(sample.value))
		snprintf(r->tier_reason, sizeof(r->tier_reason), "%.0f users: another tier (%s)",
			 sample.value, users->tiers[r->tier.now].name);
}

static struct sample read_sample(struct rules *r, const struct rule *rule, uint64_t now_ns)
{
	const struct budget_config *budget = rule->budget;
	struct sample sample;

	if (budget->tier && budget->tier != r->tier.now + 1)
		return (struct sample){.value = NAN,
				       .low = NAN,
				       .high = NAN,
				       .unit = budget->unit,
				       .idle = true,
				       .reason = r->tier_reason};
	sample = metrics__read(r->metrics, rule->handle, now_ns);
	if (!sample.idle && sample.n < budget->min_count && sample.quality < QUALITY_FEW)
		sample.quality = QUALITY_FEW;
	return sample;
}

static void find_cause(const struct rules *r, const struct rule *rule, uint64_t now_ns,
		       char cause[CAUSE_MAX])
{
	const char *metric = rule->budget->metric;
	struct evidence_item items[EVIDENCE_KEPT];
	size_t stage;

	cause_of_metric(metric, cause);
	if (!strcmp(metric, "turn.latency"))
		cause_of_turns(r->config, items,
			       metrics__slowest(r->metrics, rule->handle, now_ns, items), cause);
	else if (!strcmp(metric, "target.responsive") &&
		 metrics__unresponsive(r->metrics, &stage) && stage < r->config->stages_n)
		cause_of_stage(r->config->stages[stage].name, cause);
}

static bool is_told(enum alert_state state)
{
	return state == ALERT_FIRING || state == ALERT_RESOLVED || state == ALERT_UNKNOWN;
}

static void step(struct rules *r, size_t i, uint64_t now_ns)
{
	struct rule *rule = &r->rule[i];
	struct alert_event *event = &rule->event;
	char cause[CAUSE_MAX];

	rule->sample = read_sample(r, rule, now_ns);
	rule->changed = alert_step(&rule->alert, rule->budget, &rule->sample, now_ns, event);
	if (!rule->changed)
		return;
	event->respond_within_s = alert_respond_within_s(r->config, event->priority);
	if (event->state == ALERT_FIRING && event->severity > r->worst)
		r->worst = event->severity;
	notify__change(r->notify, i, event->state, event->severity, event->priority);
	if (!is_told(event->state))
		return;
	find_cause(r, rule, now_ns, cause);
	groups__change(r->groups, i, cause, rule->alert.severity != SEVERITY_NONE, now_ns);
}

static void tell(struct rules *r, const struct notify_due *due, uint64_t now_ns, rules_event_fn fn,
		 void *ctx)
{
	struct rule *rule = &r->rule[due->i];
	struct alert_event event = rule->event;
	struct group_ref group = groups__tell(r->groups, due->i);

	/* Not of this tick: as it stands by now. */
	if (!rule->changed || !is_told(event.state))
		alert_describe(&rule->alert, rule->budget, &rule->sample,
			       due->over ? ALERT_RESOLVED : rule->alert.state,
			       due->over ? due->severity : rule->alert.severity, now_ns, &event);
	event.respond_within_s = alert_respond_within_s(r->config, event.priority);
	event.reminder = due->reminder;
	event.group = group.id;
	event.cause = group.cause;
	event.also = group.also;
	fn(ctx, &event, rule->handle);
}

void rules__tick(struct rules *r, uint64_t now_ns, rules_event_fn fn, void *ctx)
{
	struct notify_storm storm;
	struct notify_due due;

	choose_tier(r, now_ns);
	for (size_t i = 0; i < r->n; i++) {
		struct rule *rule = &r->rule[i];

		if (rule->handle < 0)
			continue;
		step(r, i, now_ns);
		if (rule->changed && !is_told(rule->event.state))
			fn(ctx, &rule->event, rule->handle);
	}
	while (notify__next(r->notify, now_ns, &due))
		tell(r, &due, now_ns, fn, ctx);
	if (notify__settle(r->notify, now_ns, &storm)) {
		r->storm = storm;
		r->storm_news = true;
	}
}

bool rules__storm(struct rules *r, struct notify_storm *storm)
{
	bool news = r->storm_news;

	*storm = r->storm;
	r->storm_news = false;
	return news;
}

uint64_t rules__held(const struct rules *r)
{
	return notify__held(r->notify);
}

uint64_t rules__groups(const struct rules *r)
{
	return groups__last(r->groups);
}

const struct tier_config *rules__tier(const struct rules *r)
{
	return r->config->users.tiers_n ? &r->config->users.tiers[r->tier.now] : NULL;
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
