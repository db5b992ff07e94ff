/* SPDX-License-Identifier: GPL-2.0-only */
/* test_escalation.c - each step of a hunt for leaks only where the one before gave reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "leaks/escalation.h"

#define S     1000000000ull
#define START (1000 * S)

static struct escalation_options options(void)
{
	return (struct escalation_options){
		.interval_ns = 10 * S, .settle_ns = 10 * S, .watch_ns = 15 * S, .share = 0.005};
}

static struct escalation fresh(bool at_once)
{
	struct escalation_options o = options();
	struct escalation e;

	o.at_once = at_once;
	escalation_init(&e, &o);
	return e;
}

static struct escalation_round next(struct escalation *e, const struct escalation_facts *f)
{
	struct escalation_round round;

	escalation_next(e, f, &round);
	return round;
}

/* Nothing is done to a target whose memory does not grow. */
static void test_rest(void **state)
{
	struct escalation e = fresh(false);
	struct leak_site site = {.verdict = LEAK_CONFIRMED};
	struct escalation_facts f = {.python = true, .sites = &site, .sites_n = 1};

	(void)state;
	for (f.now_ns = START; f.now_ns < START + 3600 * S; f.now_ns += S) {
		struct escalation_round r = next(&e, &f);

		assert_false(r.window || r.census || r.reach || r.watch || r.unwatch || r.count);
	}
	assert_false(e.hunting);
	assert_int_equal(e.step, ESCALATION_REST);
}

static void test_growth_begins(void **state)
{
	struct escalation e = fresh(false);
	struct escalation_facts f = {.now_ns = START, .grows = true};

	(void)state;
	assert_true(next(&e, &f).window);
	assert_true(e.hunting);
	assert_int_equal(e.since_ns, START);
	assert_int_equal(e.step, ESCALATION_WINDOWS);
	/* Sites that say nothing ask for nothing. */
	assert_false(next(&e, &f).reach);
	assert_false(next(&e, &f).watch);
}

static void test_at_once(void **state)
{
	struct escalation e = fresh(true);
	struct escalation_facts f = {.now_ns = START};

	(void)state;
	assert_true(next(&e, &f).window);
	/* And goes on without growth. */
	f.now_ns += 3600 * S;
	next(&e, &f);
	assert_true(e.hunting);
}

/* The next window waits for the interval, or longer where the last one was dear. */
static void test_share(void **state)
{
	struct escalation e = fresh(true);
	struct escalation_facts f = {.now_ns = START};

	(void)state;
	assert_true(next(&e, &f).window);
	escalation_paid(&e, 10000000); /* 10 ms: 2 s at 0.5 % */
	f.now_ns = START + 10 * S - 1;
	assert_false(next(&e, &f).window);
	f.now_ns = START + 20 * S;
	assert_true(next(&e, &f).window);
	escalation_paid(&e, 200000000); /* 200 ms: 40 s */
	f.now_ns += 40 * S - 1;
	assert_false(next(&e, &f).window);
	f.now_ns++;
	assert_true(next(&e, &f).window);
	/* A cost that is no cost any more is waited for an hour, not for ever. */
	escalation_paid(&e, UINT64_MAX);
	f.now_ns += 3600 * S;
	assert_true(next(&e, &f).window);
}

static void test_steps(void **state)
{
	struct escalation e = fresh(true);
	struct leak_site site = {.verdict = LEAK_SUSPECT};
	struct escalation_facts f = {.now_ns = START, .sites = &site, .sites_n = 1};
	struct escalation_round r = next(&e, &f);

	(void)state;
	assert_false(r.reach || r.watch || r.count);
	site.verdict = LEAK_PROBABLE;
	r = next(&e, &f);
	assert_true(r.reach && r.watch);
	assert_false(r.count);
	assert_int_equal(e.step, ESCALATION_WATCH);
	/* Watched until the time is over, and not once more meanwhile. */
	f.watching = true;
	site.label = LEAK_LABEL_LOST;
	f.now_ns += 16 * S - 1;
	r = next(&e, &f);
	assert_false(r.reach || r.watch || r.unwatch);
	f.now_ns++;
	assert_true(next(&e, &f).unwatch);
	f.watching = false;
	/* It was cut short: once more. */
	site.watched_n = 1;
	site.watched_ns = 15 * S - 1;
	assert_true(next(&e, &f).watch);
	site.watched_n = 2;
	site.watched_ns = 15 * S;
	site.verdict = LEAK_CONFIRMED;
	r = next(&e, &f);
	assert_true(r.count);
	assert_false(r.watch || r.unwatch);
	assert_int_equal(e.step, ESCALATION_COUNT);
	site.counted = true;
	assert_false(next(&e, &f).count);
}

/* A site without a label is not looked for in all of memory every second. */
static void test_reach_rests(void **state)
{
	struct escalation e = fresh(true);
	struct leak_site site = {.verdict = LEAK_PROBABLE};
	struct escalation_facts f = {.now_ns = START, .sites = &site, .sites_n = 1};
	int times = 0;

	(void)state;
	for (; f.now_ns < START + 300 * S; f.now_ns += S)
		times += next(&e, &f).reach;
	assert_in_range(times, 2, 10);
}

static void test_ceiling(void **state)
{
	struct escalation e = fresh(true);
	struct leak_site sites[] = {{.verdict = LEAK_PROBABLE}, {.verdict = LEAK_CONFIRMED}};
	struct escalation_facts f = {
		.now_ns = START, .ceiling_near = true, .sites = sites, .sites_n = 2};
	struct escalation_round r = next(&e, &f);

	(void)state;
	assert_false(r.window || r.watch || r.count);
	/* To read costs the target nothing. */
	assert_true(r.check && r.reach);
	f.ceiling_near = false;
	r = next(&e, &f);
	assert_true(r.window && r.watch && r.count);
}

/* What is watched is let go though the hunt is over. */
static void test_over(void **state)
{
	struct escalation e = fresh(false);
	struct escalation_facts f = {.now_ns = START, .grows = true};

	(void)state;
	next(&e, &f);
	f.grows = false;
	f.now_ns += 60 * S;
	next(&e, &f);
	assert_true(e.hunting);
	f.now_ns += S;
	f.watching = true;
	assert_true(next(&e, &f).unwatch);
	assert_false(e.hunting);
	assert_int_equal(e.step, ESCALATION_REST);
	/* And another one begins at once. */
	f.grows = true;
	f.watching = false;
	f.now_ns += S;
	assert_true(next(&e, &f).window);
	assert_int_equal(e.since_ns, f.now_ns);
}

static void test_census(void **state)
{
	struct escalation e = fresh(true);
	struct escalation_facts f = {.now_ns = START, .python = true};

	(void)state;
	assert_true(next(&e, &f).census);
	f.now_ns += S;
	assert_false(next(&e, &f).census);
	f.now_ns += 19 * S;
	assert_true(next(&e, &f).census);
	f.python = false;
	f.now_ns += 100 * S;
	assert_false(next(&e, &f).census);
}

/* Growth that no allocation explains is not paid for at the same rate for ever. */
static void test_patience(void **state)
{
	struct escalation e = fresh(true);
	struct escalation_facts f = {.now_ns = START};
	uint64_t first = 0, later = 0;

	(void)state;
	for (; f.now_ns < START + 7200 * S; f.now_ns += S) {
		if (!next(&e, &f).window)
			continue;
		escalation_paid(&e, 1000000);
		if (f.now_ns < START + 600 * S)
			first++;
		if (f.now_ns >= START + 6600 * S)
			later++;
	}
	assert_in_range(first, 58, 61);
	assert_in_range(later, 9, 11);
}

/* What a program does every so many seconds is seen as often as it should be. */
static void test_no_beat(void **state)
{
	(void)state;
	for (unsigned int period_s = 1; period_s <= 12; period_s++) {
		struct escalation e = fresh(true);
		struct escalation_facts f = {.now_ns = START};
		unsigned int windows = 0, in_phase[4] = {0};

		for (; f.now_ns < START + 3000 * S; f.now_ns += S) {
			struct escalation_round round = next(&e, &f);
			uint64_t at_ns = f.now_ns - START + round.delay_ns;

			if (!round.window)
				continue;
			assert_true(round.delay_ns < S);
			escalation_paid(&e, 1000000);
			windows++;
			in_phase[at_ns % (period_s * S) * 4 / (period_s * S)]++;
		}
		for (unsigned int i = 0; i < 4; i++)
			assert_in_range(in_phase[i], windows / 4 - windows / 8,
					windows / 4 + windows / 8);
	}
}

static void test_names(void **state)
{
	(void)state;
	for (int step = ESCALATION_REST; step <= ESCALATION_COUNT; step++)
		assert_string_not_equal(escalation_step_name((enum escalation_step)step), "?");
	assert_string_equal(escalation_step_name((enum escalation_step)99), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rest),	cmocka_unit_test(test_growth_begins),
		cmocka_unit_test(test_at_once), cmocka_unit_test(test_share),
		cmocka_unit_test(test_steps),	cmocka_unit_test(test_reach_rests),
		cmocka_unit_test(test_ceiling), cmocka_unit_test(test_over),
		cmocka_unit_test(test_census),	cmocka_unit_test(test_patience),
		cmocka_unit_test(test_no_beat), cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
