/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/rule_watch.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "promql/store.h"
#include "rulefile/rule_notices.h"
#include "rules/exports.h"
#include "watch/clock.h"

#define SAMPLES_MAX 250000 /* of all series: 16 bytes each */
#define INTERVAL_MS 1000   /* groups without an interval: every tick */

struct rule_watch {
	struct label_table *labels;
	struct store *store;
	struct rule_set *set;
	struct rulegroups *groups;
	struct exports *exports;
	struct rule_notices *notices;
	struct notify_storm storm;
	bool storm_news;
	const struct rule_watch_listener *listener; /* during a tick */
	int64_t epoch_offset_ms; /* from CLOCK_MONOTONIC to the clock of rules, as at the start */
	int64_t ts_ms;		 /* of the last tick */
};

struct rule_watch *rule_watch__new(void)
{
	struct rule_watch *rw = calloc(1, sizeof(*rw));

	if (!rw)
		return NULL;
	rw->labels = label_table__new();
	rw->store = rw->labels ? store__new(rw->labels, SAMPLES_MAX) : NULL;
	if (!rw->store) {
		rule_watch__free(rw);
		errno = ENOMEM;
		return NULL;
	}
	rw->epoch_offset_ms =
		((int64_t)clock_ns(CLOCK_REALTIME) - (int64_t)clock_ns(CLOCK_MONOTONIC)) / 1000000;
	return rw;
}

void rule_watch__free(struct rule_watch *rw)
{
	if (!rw)
		return;
	exports__free(rw->exports);
	rule_notices__free(rw->notices);
	rulegroups__free(rw->groups);
	rule_set_free(rw->set);
	store__free(rw->store);
	label_table__free(rw->labels);
	free(rw);
}

static void on_alert(void *ctx, const struct rule_event *event)
{
	struct rule_watch *rw = ctx;

	(void)rule_notices__change(rw->notices, rw->groups, event);
}

static void on_failure(void *ctx, const struct rule_group *group, const struct rule *rule,
		       const char *why)
{
	struct rule_watch *rw = ctx;

	if (rw->listener)
		rw->listener->failure(rw->listener->ctx, group->name, rule->name, why);
}

/* New groups, which go on where the old ones were. */
static int use_set(struct rule_watch *rw, struct rule_set *set)
{
	const struct rulegroups_opts opts = {.interval_ms = INTERVAL_MS};
	const struct rulegroups_listener listener = {on_alert, NULL, rw};
	struct rulegroups *groups = rulegroups__new(
		rw->store, (const struct rulefile *const *)set->files, set->n, &opts);
	struct rulegroups *old = rw->groups;
	int err = 0;

	if (!groups) {
		rule_set_free(set);
		return -ENOMEM;
	}
	if (old)
		err = rulegroups__take_over(groups, old, rw->ts_ms, &listener);
	rw->groups = groups;
	rulegroups__free(old);
	rule_set_free(rw->set);
	rw->set = set;
	return err;
}

static int want_all(struct rule_watch *rw, const struct rule_set *set)
{
	int err = 0;

	for (size_t f = 0; f < set->n; f++)
		for (size_t g = 0; g < set->files[f]->groups_n; g++) {
			const struct rule_group *group = &set->files[f]->groups[g];

			for (size_t i = 0; i < group->rules_n && !err; i++)
				err = exports__want(rw->exports, group->rules[i].expr);
		}
	return err;
}

int rule_watch__use(struct rule_watch *rw, struct rule_set *set, const struct config *config,
		    struct metrics *metrics)
{
	int err = 0;

	if (rw->notices)
		rule_notices__configure(rw->notices, &config->alerts);
	else
		rw->notices = rule_notices__new(&config->alerts);
	if (!rw->notices) {
		rule_set_free(set);
		return -ENOMEM;
	}
	/* Where the new rules read too much the old ones stay. */
	if (set && !metrics)
		err = want_all(rw, set);
	if (err) {
		rule_set_free(set);
		return err;
	}
	if (set)
		err = use_set(rw, set);
	if (metrics && !err) {
		struct exports *exports = exports__new(config, metrics, rw->store);

		if (!exports)
			return -ENOMEM;
		exports__take_over(exports, rw->exports);
		exports__free(rw->exports);
		rw->exports = exports;
	}
	return err ?: want_all(rw, rw->set);
}

void rule_watch__detach(struct rule_watch *rw)
{
	if (rw->exports)
		exports__detach(rw->exports);
}

void rule_watch__tick(struct rule_watch *rw, uint64_t now_ns, uint64_t due_ns,
		      const struct rule_watch_listener *listener)
{
	const struct rulegroups_listener on = {on_alert, on_failure, rw};
	const struct rule_notice *notice;

	rw->listener = listener;
	rw->ts_ms = rule_watch__ts_ms(rw, due_ns);
	exports__feed(rw->exports, now_ns, rw->ts_ms);
	rulegroups__tick(rw->groups, rw->ts_ms, &on);
	while ((notice = rule_notices__next(rw->notices, now_ns)))
		listener->alert(listener->ctx, notice);
	rw->storm_news |= rule_notices__settle(rw->notices, now_ns, &rw->storm);
	rw->listener = NULL;
}

bool rule_watch__storm(struct rule_watch *rw, struct notify_storm *storm)
{
	bool news = rw->storm_news;

	*storm = rw->storm;
	rw->storm_news = false;
	return news;
}

size_t rule_watch__rules(const struct rule_watch *rw)
{
	return rw->set ? rw->set->rules_n : 0;
}

size_t rule_watch__firing(const struct rule_watch *rw)
{
	return rw->groups ? rulegroups__firing(rw->groups) : 0;
}

const struct rule_notice *rule_watch__next_firing(const struct rule_watch *rw, size_t *at)
{
	return rw->notices ? rule_notices__firing(rw->notices, at) : NULL;
}

uint64_t rule_watch__fired(const struct rule_watch *rw)
{
	return rw->notices ? rule_notices__fired(rw->notices) : 0;
}

enum severity rule_watch__worst(const struct rule_watch *rw)
{
	return rw->notices ? rule_notices__worst(rw->notices) : SEVERITY_NONE;
}

uint64_t rule_watch__held(const struct rule_watch *rw)
{
	return rw->notices ? rule_notices__held(rw->notices) : 0;
}

void rule_watch__losses(const struct rule_watch *rw, struct rule_watch_losses *out)
{
	*out = (struct rule_watch_losses){
		.samples_evicted = store__evicted(rw->store),
		.evaluations_missed = rw->groups ? rulegroups__missed(rw->groups) : 0,
		.alerts_untold = rw->notices ? rule_notices__untold(rw->notices) : 0,
	};
}

struct rulegroups *rule_watch__groups(struct rule_watch *rw)
{
	return rw->groups;
}

int64_t rule_watch__ts_ms(const struct rule_watch *rw, uint64_t now_ns)
{
	return (int64_t)(now_ns / 1000000) + rw->epoch_offset_ms;
}
