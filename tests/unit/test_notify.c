/* SPDX-License-Identifier: GPL-2.0-only */
/* What is told at once, what waits, what is told again. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rules/notify.h"

#define S      1000000000ULL
#define ALERTS 40

static struct notify *begin(uint32_t rate_per_min, uint64_t remind_s)
{
	const struct alerts_config config = {.rate_per_min = rate_per_min,
					     .remind_ns = remind_s * S};
	struct notify *n = notify__new(ALERTS, &config);

	assert_non_null(n);
	return n;
}

/* All that is told at that second, into due; returns how many. */
static size_t told(struct notify *n, uint64_t second, struct notify_due due[ALERTS])
{
	size_t count = 0;

	while (notify__next(n, second * S, &due[count]))
		assert_true(++count < ALERTS);
	return count;
}

static void fire(struct notify *n, size_t i, int priority)
{
	notify__change(n, i, ALERT_FIRING, SEVERITY_WARNING, priority);
}

static void resolve(struct notify *n, size_t i)
{
	notify__change(n, i, ALERT_RESOLVED, SEVERITY_WARNING, 3);
}

static void test_told_once(void **state)
{
	struct notify *n = begin(30, 0);
	struct notify_due due[ALERTS];
	struct notify_storm storm;

	(void)state;
	notify__change(n, 3, ALERT_PENDING, SEVERITY_NONE, 2);
	assert_int_equal(told(n, 1, due), 0);
	fire(n, 3, 2);
	assert_int_equal(told(n, 2, due), 1);
	assert_int_equal(due[0].i, 3);
	assert_false(due[0].reminder || due[0].over);
	assert_int_equal(told(n, 3, due), 0);
	notify__change(n, 3, ALERT_FIRING, SEVERITY_CRITICAL, 1);
	assert_int_equal(told(n, 4, due), 1);
	resolve(n, 3);
	assert_int_equal(told(n, 5, due), 1);
	assert_true(due[0].over);
	assert_int_equal(due[0].severity, SEVERITY_CRITICAL);
	assert_false(notify__settle(n, 5 * S, &storm));
	assert_int_equal(notify__held(n), 0);
	notify__free(n);
}

/* That something can be known again is no news, unless it fired before. */
static void test_unknown(void **state)
{
	struct notify *n = begin(30, 0);
	struct notify_due due[ALERTS];

	(void)state;
	notify__change(n, 0, ALERT_UNKNOWN, SEVERITY_NONE, -1);
	notify__change(n, 1, ALERT_UNKNOWN, SEVERITY_WARNING, -1);
	assert_int_equal(told(n, 1, due), 2);
	notify__change(n, 0, ALERT_INACTIVE, SEVERITY_NONE, 3);
	notify__change(n, 1, ALERT_RESOLVED, SEVERITY_WARNING, 3);
	assert_int_equal(told(n, 2, due), 1);
	assert_int_equal(due[0].i, 1);
	assert_true(due[0].over);
	notify__free(n);
}

static void test_most_urgent_first(void **state)
{
	static const int priorities[] = {3, -1, 1, 0, 2, 1};
	static const size_t order[] = {3, 2, 5, 4, 0, 1};
	struct notify *n = begin(30, 0);
	struct notify_due due[ALERTS];

	(void)state;
	for (size_t i = 0; i < 6; i++)
		fire(n, i, priorities[i]);
	assert_int_equal(told(n, 1, due), 6);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(due[i].i, order[i]);
	notify__free(n);
}

static void test_storm(void **state)
{
	struct notify *n = begin(6, 0);
	struct notify_due due[ALERTS];
	struct notify_storm storm;
	size_t count = 0;

	(void)state;
	for (size_t i = 0; i < 20; i++)
		fire(n, i, 2);
	assert_int_equal(told(n, 100, due), 6);
	assert_true(notify__settle(n, 100 * S, &storm));
	assert_true(storm.began);
	assert_int_equal(storm.per_min, 20);
	assert_int_equal(notify__held(n), 14);
	/* Half of those that wait have gone by the time that there is room. */
	for (size_t i = 6; i < 13; i++)
		resolve(n, i);
	for (uint64_t second = 101; second < 140; second++) {
		count += told(n, second, due);
		assert_false(notify__settle(n, second * S, &storm));
	}
	assert_int_equal(count, 3);
	for (uint64_t second = 140; second <= 171; second++) {
		count += told(n, second, due);
		assert_false(notify__settle(n, second * S, &storm));
	}
	/* 13 to 19, and nothing of 6 to 12, which fired and resolved untold. */
	assert_int_equal(count, 7);
	for (uint64_t second = 172; second <= 199; second++) {
		assert_int_equal(told(n, second, due), 0);
		assert_false(notify__settle(n, second * S, &storm));
	}
	told(n, 201, due);
	assert_true(notify__settle(n, 201 * S, &storm));
	assert_false(storm.began);
	assert_int_equal(storm.held, 21);
	assert_int_equal(notify__held(n), 21);
	notify__free(n);
}

/* What is told late is told as it stands then. */
static void test_current_state(void **state)
{
	struct notify *n = begin(1, 0);
	struct notify_due due[ALERTS];
	struct notify_storm storm;

	(void)state;
	fire(n, 0, 2);
	assert_int_equal(told(n, 100, due), 1);
	notify__settle(n, 100 * S, &storm);
	resolve(n, 0);
	assert_int_equal(told(n, 110, due), 0);
	notify__settle(n, 110 * S, &storm);
	fire(n, 0, 2);
	assert_int_equal(told(n, 120, due), 0);
	notify__settle(n, 120 * S, &storm);
	notify__change(n, 0, ALERT_FIRING, SEVERITY_CRITICAL, 1);
	notify__settle(n, 130 * S, &storm);
	assert_int_equal(told(n, 161, due), 1);
	assert_false(due[0].over || due[0].reminder);
	assert_int_equal(notify__held(n), 3);
	notify__free(n);
}

static void test_p0_never_waits(void **state)
{
	struct notify *n = begin(1, 0);
	struct notify_due due[ALERTS];
	struct notify_storm storm;

	(void)state;
	for (size_t i = 0; i < 30; i++)
		fire(n, i, 0);
	fire(n, 30, 1);
	assert_int_equal(told(n, 100, due), 30);
	assert_true(notify__settle(n, 100 * S, &storm));
	assert_int_equal(notify__held(n), 1);
	notify__free(n);
}

static void test_no_limit(void **state)
{
	struct notify *n = begin(0, 0);
	struct notify_due due[ALERTS];

	(void)state;
	for (size_t i = 0; i < 35; i++)
		fire(n, i, 3);
	assert_int_equal(told(n, 100, due), 35);
	notify__free(n);
}

static void test_reminder(void **state)
{
	struct notify *n = begin(30, 3600);
	struct notify_due due[ALERTS];

	(void)state;
	fire(n, 0, 2);
	fire(n, 1, 2);
	notify__change(n, 2, ALERT_UNKNOWN, SEVERITY_WARNING, -1);
	assert_int_equal(told(n, 100, due), 3);
	resolve(n, 1);
	assert_int_equal(told(n, 200, due), 1);
	assert_int_equal(told(n, 3699, due), 0);
	assert_int_equal(told(n, 3700, due), 1);
	assert_int_equal(due[0].i, 0);
	assert_true(due[0].reminder);
	assert_int_equal(told(n, 3701, due), 0);
	/* A change is as good as a reminder. */
	notify__change(n, 0, ALERT_FIRING, SEVERITY_CRITICAL, 2);
	assert_int_equal(told(n, 7000, due), 1);
	assert_false(due[0].reminder);
	assert_int_equal(told(n, 10599, due), 0);
	assert_int_equal(told(n, 10600, due), 1);
	notify__free(n);
}

static void test_reminders_take_turns(void **state)
{
	struct notify *n = begin(1, 10);
	struct notify_due due[ALERTS];
	struct notify_storm storm;
	size_t p0 = 0;

	(void)state;
	fire(n, 0, 0);
	fire(n, 1, 2);
	for (uint64_t second = 100; second < 150; second++) {
		for (size_t i = 0, count = told(n, second, due); i < count; i++)
			p0 += due[i].i == 0;
		notify__settle(n, second * S, &storm);
	}
	/* The one that waits does not hold up those of P0. */
	assert_int_equal(p0, 5);
	notify__free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told_once),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_most_urgent_first),
		cmocka_unit_test(test_storm),
		cmocka_unit_test(test_current_state),
		cmocka_unit_test(test_p0_never_waits),
		cmocka_unit_test(test_no_limit),
		cmocka_unit_test(test_reminder),
		cmocka_unit_test(test_reminders_take_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
