/* SPDX-License-Identifier: GPL-2.0-only */
/* Users and their tiers, how alerts are told, what priorities ask for. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config_fixture.h"

#define S 1000000000ull

/* The document's tables, as the built-in configuration has them. */
static void built_in(void **state)
{
	static const struct {
		const char *name, *action;
		uint32_t up_to;
		double cpu, memory, response;
	} rows[] = {
		{"1-5 users", "Single-instance optimization", 5, 30, 768, 1},
		{"5-15 users", "Connection pooling, caching", 15, 50, 1.2 * 1024, 1.5},
		{"15-30 users", "Horizontal scaling preparation", 30, 70, 1.8 * 1024, 2},
		{"30+ users", "Multi-instance deployment", UINT32_MAX, 0, 0, 2},
	};
	struct config *c = parsed("");
	const struct users_config *users = &c->users;

	(void)state;
	assert_int_equal(users->port, 0);
	assert_int_equal(users->hold_ns, 60 * S);
	assert_int_equal(users->tiers_n, 4);
	for (size_t t = 0; t < 4; t++) {
		size_t n = 0;

		assert_string_equal(users->tiers[t].name, rows[t].name);
		assert_string_equal(users->tiers[t].action, rows[t].action);
		assert_int_equal(users->tiers[t].up_to, rows[t].up_to);
		for (size_t i = 0; i < c->budgets_n; i++) {
			const struct budget_config *b = &c->budgets[i];
			double limit = 30; /* users.active */

			if (b->tier != t + 1)
				continue;
			n++;
			if (!strcmp(b->metric, "cpu.usage"))
				limit = rows[t].cpu;
			else if (!strcmp(b->metric, "memory.rss"))
				limit = rows[t].memory * 1048576;
			else if (!strcmp(b->metric, "turn.latency"))
				limit = rows[t].response;
			else
				assert_string_equal(b->metric, "users.active");
			assert_true(fabs(b->target - limit) < 1e-6);
			assert_true(fabs(b->warning - limit) < 1e-6);
			assert_true(isnan(b->critical));
			assert_string_equal(b->action, rows[t].action);
			assert_null(b->impact);
			assert_false(b->below);
		}
		assert_int_equal(n, t == 3 ? 2 : 3);
	}
	config_free(c);
}

static void built_in_priorities(void **state)
{
	static const struct priority_config rows[] = {
		{900, (char *)"Emergency scaling, immediate rollback if needed"},
		{3600, (char *)"Performance analysis, optimization deployment"},
		{86400, (char *)"Performance tuning, configuration optimization"},
		{604800, (char *)"Code optimization, architectural improvements"},
	};
	struct config *c = parsed("budgets: {}\n");

	(void)state;
	for (int i = 0; i < CONFIG_PRIORITIES; i++) {
		assert_int_equal(c->priorities[i].respond_within_s, rows[i].respond_within_s);
		assert_string_equal(c->priorities[i].response, rows[i].response);
	}
	assert_int_equal(c->alerts.rate_per_min, 30);
	assert_int_equal(c->alerts.remind_ns, 4 * 3600 * S);
	assert_int_equal(c->alerts.group_ns, 30 * S);
	config_free(c);
}

static void ones_own(void **state)
{
	struct config *c = parsed("alerts: { rate: 6/min, remind: 0s, group: 5s }\n"
				  "priorities:\n"
				  "  P1: { respond_within: 2h }\n"
				  "  P3: { response: \"\" }\n"
				  "users:\n"
				  "  port: 8080\n"
				  "  hold: 10s\n"
				  "  tiers:\n"
				  "    - up_to: 2\n"
				  "      action: Nothing\n"
				  "      budgets:\n"
				  "        cpu.usage: { target: 30%, warning: 30% }\n"
				  "        memory.rss: { warning: 1GB, action: Buy more }\n"
				  "    - { up_to: 4 }\n"
				  "    - name: many\n"
				  "      budgets: { users.connections: { warning: 4 } }\n"
				  "budgets: { users.active: { warning: 3 } }\n");

	(void)state;
	assert_int_equal(c->alerts.rate_per_min, 6);
	assert_int_equal(c->alerts.remind_ns, 0);
	assert_int_equal(c->alerts.group_ns, 5 * S);
	assert_int_equal(c->priorities[1].respond_within_s, 7200);
	assert_string_equal(c->priorities[1].response,
			    "Performance analysis, optimization deployment");
	assert_int_equal(c->priorities[3].respond_within_s, 604800);
	assert_string_equal(c->priorities[3].response, "");
	assert_int_equal(c->users.port, 8080);
	assert_int_equal(c->users.hold_ns, 10 * S);
	assert_int_equal(c->users.tiers_n, 3);
	assert_string_equal(c->users.tiers[0].name, "up to 2 users");
	assert_string_equal(c->users.tiers[1].name, "3 to 4 users");
	assert_string_equal(c->users.tiers[2].name, "many");
	assert_int_equal(c->users.tiers[2].up_to, UINT32_MAX);
	assert_int_equal(c->budgets_n, 4);
	assert_string_equal(c->budgets[0].metric, "users.active");
	assert_int_equal(c->budgets[0].stat, STAT_MAX);
	assert_int_equal(c->budgets[0].window_ns, 60 * S);
	assert_int_equal(c->budgets[0].tier, 0);
	assert_int_equal(c->budgets[1].tier, 1);
	assert_string_equal(c->budgets[1].action, "Nothing");
	assert_string_equal(c->budgets[2].action, "Buy more");
	assert_int_equal(c->budgets[3].tier, 3);
	assert_null(c->budgets[3].action);
	config_free(c);
}

static size_t tiered(const struct config *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->budgets_n; i++)
		n += c->budgets[i].tier != 0;
	return n;
}

/* Budgets of one's own are all there are, unless the tiers are one's own too. */
static void what_is_taken_over(void **state)
{
	struct config *all = parsed(""), *c;

	(void)state;
	c = parsed("budgets: {}\n");
	assert_int_equal(c->budgets_n, 0);
	assert_int_equal(c->users.tiers_n, 0);
	config_free(c);
	c = parsed("users: { port: 8080 }\n");
	assert_int_equal(c->budgets_n, all->budgets_n);
	assert_int_equal(c->users.tiers_n, 4);
	assert_int_equal(c->users.port, 8080);
	config_free(c);
	c = parsed("users: { tiers: [ { budgets: { memory.rss: { warning: 1GB } } } ] }\n");
	assert_int_equal(c->budgets_n, all->budgets_n - tiered(all) + 1);
	assert_int_equal(c->users.tiers_n, 1);
	assert_string_equal(c->users.tiers[0].name, "any number of users");
	assert_int_equal(tiered(c), 1);
	config_free(c);
	c = parsed("users: { tiers: [] }\n");
	assert_int_equal(tiered(c), 0);
	assert_int_equal(c->budgets_n, all->budgets_n - tiered(all));
	config_free(c);
	config_free(all);
}

static void mistakes(void **state)
{
	(void)state;
	refused("users: { port: 0 }\n", 1, "t.yaml:1:16: expected a whole number from 1 to 65535");
	refused("users: { port: 70000 }\n", 1, "expected a whole number from 1 to 65535");
	refused("users: { tiers: 5 }\n", 1, "expected a list of tiers");
	refused("users: { tiers: [ { up_to: 1.5 } ] }\n", 1, "expected a whole number");
	refused("users: { tiers: [ { up_to: 5 }, { up_to: 5 } ] }\n", 1,
		"up_to (5) is not above that of the tier before (5)");
	refused("users: { tiers: [ {}, { up_to: 5 } ] }\n", 1, "nothing is beyond it");
	refused("users: { tiers: [ { upto: 5 } ] }\n", 1, "did you mean 'up_to'?");
	refused("users: { tiers: [ { budgets: { cpu.usge: { target: 1% } } } ] }\n", 1,
		"did you mean 'cpu.usage'?");
	refused("budgets: { users.connections: { target: 1 } }\n", 1, "there is no port");
	refused("alerts: { rate: 0/min }\n", 1, "from 1/min to 100000/min");
	refused("alerts: { rate: 1.5/min }\n", 1, "from 1/min to 100000/min");
	refused("alerts: { rate: 30 }\n", 1, "has no unit");
	refused("alerts: { reminder: 4h }\n", 1, "did you mean 'remind'?");
	refused("priorities: { P4: {} }\n", 1, "unknown key 'P4'");
	refused("priorities: { P0: { respond_within: 15 } }\n", 1, "has no unit");
}

static void too_many_tiers(void **state)
{
	char text[4096] = "users:\n  tiers:\n";

	(void)state;
	for (int i = 1; i <= CONFIG_TIERS_MAX + 1; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "    - up_to: %d\n", i);
	refused(text, 1, "more than 16 tiers");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(built_in), cmocka_unit_test(built_in_priorities),
		cmocka_unit_test(ones_own), cmocka_unit_test(what_is_taken_over),
		cmocka_unit_test(mistakes), cmocka_unit_test(too_many_tiers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
