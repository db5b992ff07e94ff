/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/session_rules.h"

#include <errno.h>
#include <time.h>

#include "log/log.h"
#include "watch/clock.h"
#include "watch/publish.h"
#include "watch/rule_watch.h"
#include "watch/state_file.h"

int session_rules_open(struct session_rules *sr, const char *state_path,
		       struct publisher *publisher, struct worker *worker)
{
	sr->publisher = publisher;
	sr->watch = rule_watch__new();
	publisher->rules = sr->watch;
	if (!sr->watch) {
		log_err("cannot set up the rules: %s", err_str(errno));
		return -ENOMEM;
	}
	sr->state = state_path ? state_file__open(state_path, worker) : NULL;
	if (state_path && !sr->state) {
		int err = -errno;

		log_err("--state %s: its directory cannot be opened: %s", state_path, err_str(err));
		return err;
	}
	return 0;
}

void session_rules_close(struct session_rules *sr)
{
	state_file__close(sr->state);
	rule_watch__free(sr->watch);
	*sr = (struct session_rules){};
}

int session_rules_use(struct session_rules *sr, struct rule_set *rules, const struct config *config,
		      struct metrics *metrics)
{
	int err;

	if (!sr->watch)
		return 0;
	err = rule_watch__use(sr->watch, rules, config, metrics);
	if (err)
		log_err("rules cannot be used: %s",
			err == -E2BIG ? "they read more series than can be kept" : err_str(err));
	return err;
}

int session_rules_reload(struct session_rules *sr, struct rule_set *rules,
			 const struct config *config)
{
	int err = session_rules_use(sr, rules, config, NULL);

	if (err == -E2BIG)
		publish_note(sr->publisher, "reload_failed", SINK_SEVERITY_WARNING, NULL,
			     "the rules read more series than can be kept: the old ones stay in "
			     "force");
	return err;
}

void session_rules_restore(struct session_rules *sr, const char *target)
{
	if (sr->state)
		state_file__load(sr->state, sr->watch, target, clock_ns(CLOCK_MONOTONIC));
}

static void on_alert(void *ctx, const struct rule_notice *notice)
{
	const struct session_rules *sr = ctx;

	publish_rule(sr->publisher, notice);
}

static void on_failure(void *ctx, const char *group, const char *rule, const char *why)
{
	const struct session_rules *sr = ctx;

	publish_rule_failure(sr->publisher, group, rule, why);
}

/* Rules see the time at which the tick was due: a second apart, however late the timer is. */
void session_rules_tick(struct session_rules *sr, const char *target, uint64_t now_ns,
			uint64_t due_ns)
{
	const struct rule_watch_listener listener = {on_alert, on_failure, sr};
	struct notify_storm storm;

	if (!sr->watch)
		return;
	rule_watch__tick(sr->watch, now_ns, due_ns, &listener);
	if (rule_watch__storm(sr->watch, &storm))
		publish_storm(sr->publisher, &storm);
	if (sr->state)
		state_file__tick(sr->state, sr->watch, target, now_ns);
}

void session_rules_save(struct session_rules *sr, const char *target)
{
	if (sr->state)
		state_file__save(sr->state, sr->watch, target, clock_ns(CLOCK_MONOTONIC));
}

enum severity session_rules_worst(const struct session_rules *sr)
{
	return sr->watch ? rule_watch__worst(sr->watch) : SEVERITY_NONE;
}

int session_rules_dir_fd(const struct session_rules *sr)
{
	return sr->state ? state_file__dir_fd(sr->state) : -1;
}
