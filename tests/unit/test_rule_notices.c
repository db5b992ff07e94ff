/* SPDX-License-Identifier: GPL-2.0-only */
/* test_rule_notices.c - alerts of rules beyond those that can be told; other bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rule_fixture.h"
#include "rulefile/rule_notices.h"

static const char many[] = "groups:\n"
			   "  - name: g\n"
			   "    rules:\n"
			   "      - { alert: A, expr: x > 0, labels: { severity: warning } }\n"
			   "      - { alert: B, expr: z > 0, labels: { severity: critical } }\n";

struct told {
	struct rule_notices *notices;
	struct rule_world *world;
};

static void on_alert(void *ctx, const struct rule_event *event)
{
	struct told *told = ctx;

	(void)rule_notices__change(told->notices, told->world->groups, event);
}

static size_t tell_all(struct rule_notices *notices, uint64_t now_ns)
{
	struct notify_storm storm;
	size_t n = 0;

	while (rule_notices__next(notices, now_ns))
		n++;
	rule_notices__settle(notices, now_ns, &storm);
	return n;
}

/* What fired and how bad it was counts for the exit status, told or not. */
static void test_beyond_the_slots(void **state)
{
	const struct alerts_config config = {0};
	struct rule_world w;
	struct told told = {rule_notices__new(&config), &w};
	const struct rulegroups_listener listener = {on_alert, NULL, &told};
	char i[16];

	(void)state;
	world_open(&w, many);
	for (int k = 0; k < RULE_NOTICES_MAX; k++) {
		snprintf(i, sizeof(i), "%d", k);
		assert_int_equal(store__append(w.store, world_series(&w, "x", i), 0, 1), 0);
	}
	assert_int_equal(store__append(w.store, world_series(&w, "z", "a"), 0, 1), 0);
	rulegroups__tick(w.groups, 0, &listener);
	assert_int_equal(rule_notices__untold(told.notices), 1);
	assert_int_equal(rule_notices__fired(told.notices), RULE_NOTICES_MAX + 1);
	assert_int_equal(rule_notices__worst(told.notices), SEVERITY_CRITICAL);
	assert_int_equal(tell_all(told.notices, 1), RULE_NOTICES_MAX);
	rule_notices__free(told.notices);
	world_close(&w);
}

/* A reload changes the bounds: what waits is told by the new ones. */
static void test_other_bounds(void **state)
{
	const struct alerts_config few = {.rate_per_min = 2}, all = {0};
	struct rule_world w;
	struct told told = {rule_notices__new(&few), &w};
	const struct rulegroups_listener listener = {on_alert, NULL, &told};
	char i[16];

	(void)state;
	world_open(&w, many);
	for (int k = 0; k < 10; k++) {
		snprintf(i, sizeof(i), "%d", k);
		assert_int_equal(store__append(w.store, world_series(&w, "x", i), 0, 1), 0);
	}
	rulegroups__tick(w.groups, 0, &listener);
	assert_int_equal(tell_all(told.notices, 1), 2);
	rule_notices__configure(told.notices, &all);
	assert_int_equal(tell_all(told.notices, 2), 8);
	rule_notices__free(told.notices);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_beyond_the_slots),
		cmocka_unit_test(test_other_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
