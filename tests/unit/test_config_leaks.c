/* SPDX-License-Identifier: GPL-2.0-only */
/* test_config_leaks.c - `leaks:` of a configuration, and when leaks are looked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config_fixture.h"

#define S  1000000000ull
#define MB (1024.0 * 1024.0)

static void built_in(void **state)
{
	struct config *c = parsed("");
	const struct budget_config *leaks = NULL;

	(void)state;
	assert_int_equal(c->leaks.hunt, LEAKS_HUNT_AUTO);
	assert_true(c->leaks.above_bytes_per_h == 5 * MB);
	assert_int_equal(c->leaks.interval_ns, 4 * S);
	assert_int_equal(c->leaks.settle_ns, 10 * S);
	assert_int_equal(c->leaks.watch_ns, 10 * S);
	assert_true(config_hunts_leaks(c));
	/* Build-ids leave the machine with it. */
	assert_false(c->leaks.debuginfod);
	/* "Memory leak detection: 0, 0, > 1 per hour". */
	for (size_t i = 0; i < c->budgets_n; i++)
		if (!strcmp(c->budgets[i].metric, "memory.leaks"))
			leaks = &c->budgets[i];
	assert_non_null(leaks);
	assert_true(leaks->target == 0 && leaks->critical == 1);
	assert_int_equal(leaks->window_ns, 3600 * S);
	assert_int_equal(leaks->priority_floor, 1);
	config_free(c);
}

static void given(void **state)
{
	struct config *c = parsed("leaks: { hunt: yes, above: 1MB/h, interval: 2s, settle: 3s, "
				  "watch: 4s, calls: 500, debuginfod: yes }\n");

	(void)state;
	assert_int_equal(c->leaks.hunt, LEAKS_HUNT_YES);
	assert_true(c->leaks.above_bytes_per_h == MB);
	assert_int_equal(c->leaks.interval_ns, 2 * S);
	assert_int_equal(c->leaks.settle_ns, 3 * S);
	assert_int_equal(c->leaks.watch_ns, 4 * S);
	assert_int_equal(c->leaks.calls, 500);
	assert_true(c->leaks.debuginfod);
	config_free(c);
}

/* Who asks neither for growth nor for leaks is not searched; who says so, is or is not. */
static void when(void **state)
{
	static const struct {
		const char *text;
		bool hunts;
	} rows[] = {
		{"budgets: {}\n", false},
		{"budgets:\n  memory.growth: { target: 5MB/h, warning: 10MB/h, critical: 20MB/h "
		 "}\n",
		 true},
		{"budgets: {}\nleaks: { hunt: yes }\n", true},
		{"leaks: { hunt: no }\n", false},
		{"leaks: { interval: 5s }\n", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct config *c = parsed(rows[i].text);

		if (config_hunts_leaks(c) != rows[i].hunts)
			fail_msg("%s", rows[i].text);
		config_free(c);
	}
}

static void mistakes(void **state)
{
	(void)state;
	refused("leaks: yes\n", 1, "");
	refused("leaks: { hunts: yes }\n", 1, "hunts");
	refused("leaks: { hunt: perhaps }\n", 1, "");
	refused("leaks: { above: -1MB/h }\n", 1, "");
	refused("leaks: { above: 5 }\n", 1, "");
	refused("leaks: { interval: 0s, settle: 3d, watch: 2h }\n", 3, "");
	refused("leaks: { calls: 99 }\n", 1, "100");
	refused("leaks: { calls: 1.5 }\n", 1, "");
	refused("leaks: { calls: 1e9 }\n", 1, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(built_in),
		cmocka_unit_test(given),
		cmocka_unit_test(when),
		cmocka_unit_test(mistakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
