/* SPDX-License-Identifier: GPL-2.0-only */
/* Tiers of users: up at once, down after `hold`, and not at all while nobody knows. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rules/tier.h"

#define S	1000000000ULL
#define UNKNOWN -1.0

static struct tier_config tiers[] = {
	{.up_to = 5}, {.up_to = 15}, {.up_to = 30}, {.up_to = UINT32_MAX}};
static const struct users_config users = {.hold_ns = 3 * S, .tiers = tiers, .tiers_n = 4};

static bool step(struct tier *tier, double n, uint64_t second)
{
	struct sample sample = {.value = n};

	if (n == UNKNOWN)
		sample = (struct sample){.value = NAN, .quality = QUALITY_UNKNOWN};
	return tier_step(tier, &users, &sample, second * S);
}

static void test_which(void **state)
{
	static const struct users_config closed = {.tiers = tiers, .tiers_n = 2};

	(void)state;
	assert_int_equal(tier_of(&users, 0), 0);
	assert_int_equal(tier_of(&users, 5), 0);
	assert_int_equal(tier_of(&users, 6), 1);
	assert_int_equal(tier_of(&users, 15), 1);
	assert_int_equal(tier_of(&users, 30), 2);
	assert_int_equal(tier_of(&users, 31), 3);
	assert_int_equal(tier_of(&users, 1e6), 3);
	/* Beyond all that there are, the last holds. */
	assert_int_equal(tier_of(&closed, 99), 1);
}

static void test_up_at_once(void **state)
{
	struct tier tier = {0};

	(void)state;
	assert_false(step(&tier, 5, 1));
	assert_true(step(&tier, 6, 2));
	assert_int_equal(tier.now, 1);
	assert_true(step(&tier, 31, 3));
	assert_int_equal(tier.now, 3);
	assert_false(step(&tier, 40, 4));
}

static void test_down_after_hold(void **state)
{
	struct tier tier = {0};

	(void)state;
	step(&tier, 20, 1);
	assert_int_equal(tier.now, 2);
	assert_false(step(&tier, 3, 2));
	assert_false(step(&tier, 3, 4));
	/* A break: from the beginning. */
	assert_false(step(&tier, 16, 5));
	assert_false(step(&tier, 3, 6));
	assert_false(step(&tier, 3, 8));
	assert_true(step(&tier, 3, 9));
	assert_int_equal(tier.now, 0);
}

/* Not further down than what was needed meanwhile. */
static void test_down_step_by_step(void **state)
{
	struct tier tier = {0};

	(void)state;
	step(&tier, 20, 1);
	assert_false(step(&tier, 3, 2));
	assert_false(step(&tier, 7, 3));
	assert_true(step(&tier, 3, 5));
	assert_int_equal(tier.now, 1);
	assert_false(step(&tier, 3, 6));
	assert_true(step(&tier, 3, 9));
	assert_int_equal(tier.now, 0);
}

static void test_unknown_stays(void **state)
{
	struct tier tier = {0};

	(void)state;
	step(&tier, 20, 1);
	assert_false(step(&tier, 3, 2));
	assert_false(step(&tier, UNKNOWN, 4));
	assert_false(step(&tier, UNKNOWN, 100));
	assert_int_equal(tier.now, 2);
	/* Nobody knows whether it was without a break. */
	assert_false(step(&tier, 3, 101));
	assert_true(step(&tier, 3, 104));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_which),		cmocka_unit_test(test_up_at_once),
		cmocka_unit_test(test_down_after_hold), cmocka_unit_test(test_down_step_by_step),
		cmocka_unit_test(test_unknown_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
