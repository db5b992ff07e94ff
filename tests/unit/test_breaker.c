/* SPDX-License-Identifier: GPL-2.0-only */
/* The overhead ceiling: what goes, when, and what stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "watch/breaker.h"

#define STAGES 3

/* Running totals of three stages that grow by so many ns of traps every 100 ms. */
struct world {
	struct breaker breaker;
	struct breaker_stage stages[STAGES];
	struct breaker_input in;
	uint64_t step_ns[STAGES];
	uint64_t other_step_ns;
	uint64_t extra_step_ns[BREAKER_EXTRAS];
};

static void begin(struct world *w, double ceiling_percent)
{
	memset(w, 0, sizeof(*w));
	breaker_init(&w->breaker, ceiling_percent);
	w->in.stages = w->stages;
	w->in.stages_n = STAGES;
	w->in.elapsed_ns = BREAKER_PERIOD_NS;
	for (size_t i = 0; i < STAGES; i++)
		w->stages[i] = (struct breaker_stage){.armed = true, .rare_factor = 1.0};
}

static int step(struct world *w)
{
	double share;
	int shed;

	for (size_t i = 0; i < STAGES; i++) {
		if (!w->stages[i].armed)
			continue;
		w->stages[i].hits += 1;
		w->stages[i].trap_ns += w->step_ns[i];
	}
	w->in.other_ns += w->other_step_ns;
	for (size_t i = 0; i < BREAKER_EXTRAS; i++)
		w->in.extra_ns[i] += w->extra_step_ns[i];
	shed = breaker_feed(&w->breaker, &w->in, &share);
	if (shed >= 0)
		w->stages[shed].armed = false;
	return shed;
}

/* Steps until something is shed; -1 when nothing is within n steps. */
static int steps(struct world *w, int n, int *took)
{
	for (int i = 1; i <= n; i++) {
		int shed = step(w);

		if (took)
			*took = i;
		if (shed >= 0)
			return shed;
	}
	return -1;
}

static void under_the_ceiling_nothing_goes(void **state)
{
	struct world w;

	(void)state;
	begin(&w, 1.0);
	w.step_ns[0] = 500000; /* 0.5 % */
	w.step_ns[1] = 400000;
	assert_int_equal(steps(&w, 400, NULL), -1);
	assert_true(w.breaker.percent > 0.89 && w.breaker.percent < 0.91);
}

static void a_torrent_goes_at_once(void **state)
{
	struct world w;
	int took;

	(void)state;
	begin(&w, 1.0);
	steps(&w, 5, NULL);
	w.step_ns[2] = 60000000; /* 60 % of a CPU */
	assert_int_equal(steps(&w, 10, &took), 2);
	assert_int_equal(took, 1);
	assert_int_equal(steps(&w, 200, NULL), -1);
}

static void a_burst_is_forgiven(void **state)
{
	struct world w;

	(void)state;
	begin(&w, 1.0);
	for (int turn = 0; turn < 20; turn++) {
		w.step_ns[0] = 3000000; /* 3 % for one second in ten */
		assert_int_equal(steps(&w, 10, NULL), -1);
		w.step_ns[0] = 0;
		assert_int_equal(steps(&w, 90, NULL), -1);
	}
}

static void a_steady_excess_goes_within_ten_seconds(void **state)
{
	struct world w;
	int took;

	(void)state;
	begin(&w, 1.0);
	w.step_ns[1] = 1500000;
	assert_int_equal(steps(&w, 200, &took), 1);
	assert_true(took <= BREAKER_SLOTS + 1);
}

static void stages_without_a_budget_go_first(void **state)
{
	struct world w;

	(void)state;
	begin(&w, 1.0);
	w.step_ns[0] = 9000000;
	w.step_ns[1] = 2000000;
	w.stages[0].has_budget = true;
	assert_int_equal(steps(&w, 20, NULL), 1);
	assert_int_equal(steps(&w, 20, NULL), 0);
}

static void trifles_stay(void **state)
{
	struct world w;

	(void)state;
	begin(&w, 1.0);
	w.step_ns[0] = 9000000;
	w.step_ns[1] = 100000;
	w.stages[0].has_budget = true;
	assert_int_equal(steps(&w, 20, NULL), 0);
	assert_int_equal(steps(&w, 200, NULL), -1);
}

/* What no stage can help: nothing armed is dear enough to blame. */
static void the_scheduler_alone_sheds_nobody(void **state)
{
	struct world w;

	(void)state;
	begin(&w, 1.0);
	w.other_step_ns = 20000000;
	w.step_ns[0] = 1000;
	assert_int_equal(steps(&w, 100, NULL), -1);
	assert_true(w.breaker.percent > 19.0);
	/* Estimates may shrink. */
	w.in.other_ns -= 50000000;
	w.other_step_ns = 0;
	step(&w);
	assert_true(w.breaker.percent < 20.0);
}

/* The stages are not to blame for exceptions. */
static void a_torrent_of_exceptions_sheds_their_probe(void **state)
{
	struct world w;
	int took;

	(void)state;
	begin(&w, 1.0);
	w.step_ns[0] = 400000;
	steps(&w, 20, NULL);
	w.extra_step_ns[BREAKER_EXTRA_CATCHES] = 30000000;
	for (took = 1; step(&w) == BREAKER_NOTHING; took++)
		assert_true(took < 5);
	assert_int_equal(took, 2); /* 30 ms in a second are 3 %, 60 ms are 6 % */
	w.extra_step_ns[BREAKER_EXTRA_CATCHES] = 0;
	assert_int_equal(steps(&w, 200, NULL), BREAKER_NOTHING);
	assert_true(w.breaker.percent > 0.39 && w.breaker.percent < 0.41);
}

/* Copies that watchpoints make slower: 1.2 % of a CPU are noticed after some ten seconds. */
static void slower_copies_shed_the_watchpoints(void **state)
{
	struct world w;
	int shed = BREAKER_NOTHING, took = 0;

	(void)state;
	begin(&w, 1.0);
	w.extra_step_ns[BREAKER_EXTRA_COPIES] = 300000;
	assert_int_equal(steps(&w, 200, NULL), BREAKER_NOTHING);
	w.extra_step_ns[BREAKER_EXTRA_COPIES] = 1200000;
	for (; shed == BREAKER_NOTHING && took < 200; took++)
		shed = step(&w);
	assert_int_equal(shed, BREAKER_COPIES);
	assert_in_range(took, 50, 100);
	w.extra_step_ns[BREAKER_EXTRA_COPIES] = 0;
	assert_int_equal(steps(&w, 200, NULL), BREAKER_NOTHING);
	assert_true(w.breaker.long_percent < 0.01);
}

/* Nor for a target that loads and unloads in a loop. */
static void a_torrent_of_loads_sheds_the_hook(void **state)
{
	struct world w;
	int shed = BREAKER_NOTHING;

	(void)state;
	begin(&w, 1.0);
	w.step_ns[0] = 400000;
	steps(&w, 20, NULL);
	w.extra_step_ns[BREAKER_EXTRA_HOOKS] = 30000000;
	for (int took = 1; shed == BREAKER_NOTHING; took++) {
		assert_true(took < 5);
		shed = step(&w);
	}
	assert_int_equal(shed, BREAKER_HOOKS);
	w.extra_step_ns[BREAKER_EXTRA_HOOKS] = 0;
	assert_int_equal(steps(&w, 200, NULL), BREAKER_NOTHING);
	assert_true(w.breaker.percent > 0.39 && w.breaker.percent < 0.41);
}

/* A look that comes late has seen more, at no higher rate. */
static void a_late_look_is_no_torrent(void **state)
{
	struct world w;

	(void)state;
	begin(&w, 1.0);
	w.step_ns[0] = 800000;
	steps(&w, 200, NULL);
	w.in.elapsed_ns = 20 * BREAKER_PERIOD_NS;
	w.step_ns[0] = 20 * 800000;
	assert_int_equal(steps(&w, 200, NULL), BREAKER_NOTHING);
	assert_true(w.breaker.percent > 0.79 && w.breaker.percent < 0.81);
	assert_true(w.breaker.total_ns > 0.99 * (199 + 4000) * 800000 &&
		    w.breaker.total_ns < 1.01 * (199 + 4000) * 800000);
}

static void rare_hits_are_dearer(void **state)
{
	struct world w;

	(void)state;
	begin(&w, 1.0);
	w.stages[0].rare_factor = 3.0;
	w.step_ns[0] = 100000;
	steps(&w, 100, NULL);
	assert_true(w.breaker.percent > 0.29 && w.breaker.percent < 0.31);
	assert_true(w.breaker.total_ns > 0.98 * 99 * 300000 &&
		    w.breaker.total_ns < 1.02 * 99 * 300000);
}

/* Its probes were hit while they were being taken off: that is not held against it later. */
static void what_comes_back_begins_anew(void **state)
{
	struct world w;

	(void)state;
	begin(&w, 0.5);
	w.step_ns[0] = BREAKER_PERIOD_NS / 5;
	assert_int_equal(steps(&w, 10, NULL), 0);
	w.stages[0].hits += 1000;
	w.stages[0].trap_ns += 60000000;
	assert_int_equal(steps(&w, 20, NULL), -1);
	w.stages[0].armed = true;
	w.step_ns[0] = BREAKER_PERIOD_NS / 10000;
	assert_int_equal(steps(&w, 200, NULL), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(under_the_ceiling_nothing_goes),
		cmocka_unit_test(a_torrent_goes_at_once),
		cmocka_unit_test(a_burst_is_forgiven),
		cmocka_unit_test(a_steady_excess_goes_within_ten_seconds),
		cmocka_unit_test(stages_without_a_budget_go_first),
		cmocka_unit_test(trifles_stay),
		cmocka_unit_test(the_scheduler_alone_sheds_nobody),
		cmocka_unit_test(a_torrent_of_exceptions_sheds_their_probe),
		cmocka_unit_test(slower_copies_shed_the_watchpoints),
		cmocka_unit_test(a_torrent_of_loads_sheds_the_hook),
		cmocka_unit_test(a_late_look_is_no_torrent),
		cmocka_unit_test(rare_hits_are_dearer),
		cmocka_unit_test(what_comes_back_begins_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
