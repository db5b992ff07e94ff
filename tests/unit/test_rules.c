/* SPDX-License-Identifier: GPL-2.0-only */
/* Budgets together: tiers of users, groups of one cause, storms and reminders. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "config_fixture.h"
#include "metrics/metrics.h"
#include "rules/rules.h"

#define S  1000000000ULL
#define MB 1048576ULL
#define T0 (100 * S)

struct log {
	size_t n;
	struct {
		char metric[64], reason[96], cause[64];
		struct alert_event event;
	} row[64];
};

/* The engine, its rules and what they said, under one configuration. */
struct world {
	struct config *config;
	struct metrics *m;
	struct rules *rules;
	struct process_sample process;
	struct log log;
	uint64_t now_ns;
};

static void on_event(void *ctx, const struct alert_event *event, int handle)
{
	struct log *log = ctx;

	(void)handle;
	if (event->state == ALERT_PENDING || event->state == ALERT_INACTIVE)
		return;
	assert_true(log->n < 64);
	log->row[log->n].event = *event;
	snprintf(log->row[log->n].metric, 64, "%s", event->budget->metric);
	snprintf(log->row[log->n].cause, 64, "%s", event->cause ? event->cause : "");
	snprintf(log->row[log->n++].reason, 96, "%s",
		 event->sample.reason ? event->sample.reason : "");
}

static struct world *begin(const char *text)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->config = parsed(text);
	w->now_ns = T0;
	w->m = metrics__new(w->config, T0);
	assert_non_null(w->m);
	w->rules = rules__new(w->config, w->m);
	assert_non_null(w->rules);
	w->process = (struct process_sample){.ts_ns = T0,
					     .cpus = 2,
					     .memory_known = true,
					     .fds_known = true,
					     .connections_known = true,
					     .rss_bytes = 100 * MB,
					     .hwm_bytes = 100 * MB,
					     .threads = 5,
					     .fds = 20};
	return w;
}

static void end(struct world *w)
{
	rules__free(w->rules);
	metrics__free(w->m);
	config_free(w->config);
	free(w);
}

static void seconds(struct world *w, int n)
{
	while (n--) {
		w->now_ns += S;
		w->process.ts_ns = w->now_ns;
		metrics__feed_process(w->m, &w->process);
		metrics__tick(w->m, w->now_ns);
		rules__tick(w->rules, w->now_ns, on_event, &w->log);
	}
}

static const char tiers[] =
	"budgets: { threads.count: { warning: 100, for: 0s } }\n"
	"users:\n"
	"  port: 8080\n"
	"  hold: 5s\n"
	"  tiers:\n"
	"    - { up_to: 2, budgets: { fds.open: { target: 50, warning: 50, for: 0s } } }\n"
	"    - { up_to: 4, budgets: { fds.open: { target: 80, warning: 80, for: 0s } } }\n"
	"    - { action: Scale, budgets: { users.active: { target: 4, warning: 4, for: 0s } } }\n";

static void test_tiers(void **state)
{
	struct world *w = begin(tiers);
	struct log *log = &w->log;

	(void)state;
	/* Nobody there: the first tier, from the beginning. */
	seconds(w, 2);
	assert_int_equal(log->n, 0);
	assert_string_equal(rules__tier(w->rules)->name, "up to 2 users");
	w->process.fds = 60;
	seconds(w, 1);
	assert_int_equal(log->n, 1);
	assert_int_equal(log->row[0].event.state, ALERT_FIRING);
	assert_int_equal(log->row[0].event.budget->tier, 1);
	/* More users may have more. */
	w->process.connections = 3;
	seconds(w, 1);
	assert_int_equal(log->n, 2);
	assert_int_equal(log->row[1].event.state, ALERT_RESOLVED);
	assert_string_equal(log->row[1].reason, "3 users: another tier (3 to 4 users)");
	/* What is always in force is not relaxed by a tier. */
	w->process.threads = 101;
	w->process.connections = 9;
	seconds(w, 1);
	assert_int_equal(log->n, 4);
	assert_string_equal(log->row[2].metric, "users.active");
	assert_string_equal(log->row[2].event.budget->action, "Scale");
	assert_string_equal(log->row[2].cause, "users");
	assert_string_equal(log->row[3].metric, "threads.count");
	/* The users of the last minute count, and then `hold`. */
	w->process.connections = 1;
	w->process.threads = 5;
	seconds(w, 60);
	assert_string_equal(rules__tier(w->rules)->name, "more than 4 users");
	seconds(w, 8);
	assert_string_equal(rules__tier(w->rules)->name, "up to 2 users");
	assert_int_equal(log->n, 7);
	assert_string_equal(log->row[6].metric, "fds.open");
	assert_int_equal(log->row[6].event.state, ALERT_FIRING);
	end(w);
}

static void test_unknown_users_keep_the_tier(void **state)
{
	struct world *w = begin(tiers);

	(void)state;
	w->process.connections = 3;
	seconds(w, 2);
	assert_string_equal(rules__tier(w->rules)->name, "3 to 4 users");
	w->process.connections_known = false;
	seconds(w, 200);
	assert_string_equal(rules__tier(w->rules)->name, "3 to 4 users");
	/* Nor is there anything to say of budgets that are not in force. */
	assert_int_equal(w->log.n, 0);
	end(w);
}

static void test_groups(void **state)
{
	struct world *w = begin("budgets:\n"
				"  memory.rss: { warning: 200MB, for: 0s }\n"
				"  memory.peak: { warning: 200MB, for: 0s, window: 10s }\n"
				"  fds.open: { warning: 50, for: 0s }\n");
	struct log *log = &w->log;

	(void)state;
	w->process.rss_bytes = 300 * MB;
	w->process.fds = 60;
	seconds(w, 1);
	assert_int_equal(log->n, 3);
	for (size_t i = 0; i < 3; i++) {
		bool memory = !strncmp(log->row[i].metric, "memory", 6);

		assert_string_equal(log->row[i].cause, memory ? "memory" : "fds");
		assert_int_equal(log->row[i].event.group, memory ? 1 : 2);
		assert_int_equal(log->row[i].event.also,
				 !strcmp(log->row[i].metric, "memory.peak"));
		assert_int_equal(log->row[i].event.fired_ns, w->now_ns);
	}
	assert_int_equal(rules__groups(w->rules), 2);
	end(w);
}

static void test_reminder(void **state)
{
	struct world *w = begin("alerts: { remind: 60s }\n"
				"priorities: { P1: { respond_within: 2h } }\n"
				"budgets: { fds.open: { target: 20, warning: 50, for: 0s } }\n");
	struct log *log = &w->log;
	uint64_t fired_ns;

	(void)state;
	w->process.fds = 60;
	seconds(w, 1);
	fired_ns = w->now_ns;
	w->process.fds = 70;
	seconds(w, 59);
	assert_int_equal(log->n, 1);
	assert_int_equal(log->row[0].event.respond_within_s, 7200);
	seconds(w, 1);
	assert_int_equal(log->n, 2);
	assert_true(log->row[1].event.reminder);
	assert_int_equal(log->row[1].event.state, ALERT_FIRING);
	assert_int_equal(log->row[1].event.fired_ns, fired_ns);
	assert_true(log->row[1].event.sample.value == 70);
	assert_int_equal(log->row[1].event.group, log->row[0].event.group);
	assert_int_equal(log->row[1].event.respond_within_s, 7200);
	assert_int_equal(rules__fired(w->rules), 1);
	w->process.fds = 10;
	seconds(w, 121);
	assert_int_equal(log->n, 3);
	assert_int_equal(log->row[2].event.state, ALERT_RESOLVED);
	end(w);
}

static void test_storm(void **state)
{
	struct world *w = begin("alerts: { rate: 2/min, remind: 0s }\n"
				"budgets:\n"
				"  fds.open: { warning: 50, for: 0s }\n"
				"  threads.count: { warning: 50, for: 0s }\n"
				"  memory.rss: { warning: 200MB, for: 0s }\n"
				"  memory.peak: { warning: 200MB, for: 0s, p0_above: 250MB }\n"
				"  memory.anon: { warning: 200MB, for: 0s }\n");
	struct notify_storm storm;
	struct log *log = &w->log;

	(void)state;
	w->process.rss_bytes = w->process.anon_bytes = 300 * MB;
	w->process.fds = w->process.threads = 60;
	seconds(w, 1);
	assert_int_equal(log->n, 2);
	assert_string_equal(log->row[0].metric, "memory.peak");
	assert_int_equal(log->row[0].event.priority, 0);
	assert_true(rules__storm(w->rules, &storm));
	assert_true(storm.began);
	assert_int_equal(storm.per_min, 5);
	assert_false(rules__storm(w->rules, &storm));
	assert_int_equal(rules__held(w->rules), 3);
	assert_int_equal(rules__firing(w->rules), 5);
	/* The value is that of the time of telling. */
	w->process.rss_bytes = w->process.anon_bytes = 400 * MB;
	w->process.threads = 7;
	seconds(w, 31);
	assert_int_equal(log->n, 3);
	seconds(w, 90);
	assert_true(log->n >= 4);
	for (size_t i = 2; i < log->n; i++)
		if (!strncmp(log->row[i].metric, "memory", 6))
			assert_true(log->row[i].event.sample.value == (double)(400 * MB));
	seconds(w, 60);
	assert_true(rules__storm(w->rules, &storm) || rules__held(w->rules));
	end(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tiers),  cmocka_unit_test(test_unknown_users_keep_the_tier),
		cmocka_unit_test(test_groups), cmocka_unit_test(test_reminder),
		cmocka_unit_test(test_storm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
