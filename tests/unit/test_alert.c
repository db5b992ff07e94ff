/* SPDX-License-Identifier: GPL-2.0-only */
/* The alert state machine: scenarios as tables, one row a tick of one second. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rules/alert.h"

#define S	1000000000ULL
#define IDLE	-1.0 /* no sample */
#define UNKNOWN -2.0
#define END	-3.0
#define PARTIAL 10000.0 /* added to a value */
#define FEW	20000.0

/* Expected after the tick; NONE: no event. */
struct row {
	double value;
	int event; /* enum alert_state, -1: none */
	enum severity severity;
};

static const struct budget_config latency = {
	.metric = (char *)"stt.latency",
	.target = 300,
	.warning = 500,
	.critical = 1000,
	.for_ns = 3 * S,
	.min_count = 1,
	.p0_above = 4000,
	.priority1_over = 0.5,
	.priority2_over = 0.2,
	.priority_floor = 3,
};

static const struct config priorities = {
	.priorities = {{900, NULL}, {3600, NULL}, {86400, NULL}, {604800, NULL}}};

static struct sample sample_of(double value)
{
	struct sample sample = {.value = value, .low = NAN, .high = NAN, .n = 10};

	if (value == IDLE) {
		sample.value = NAN;
		sample.idle = true;
		sample.n = 0;
	} else if (value == UNKNOWN) {
		sample.value = NAN;
		sample.quality = QUALITY_UNKNOWN;
	} else if (value >= FEW) {
		sample.value = value - FEW;
		sample.quality = QUALITY_FEW;
	} else if (value >= PARTIAL) {
		sample.value = value - PARTIAL;
		sample.quality = QUALITY_PARTIAL;
	}
	return sample;
}

static void run(const struct budget_config *budget, const struct row *rows)
{
	struct alert alert = {0};
	struct alert_event event;

	for (int i = 0; rows[i].value != END; i++) {
		struct sample sample = sample_of(rows[i].value);
		enum alert_state before = alert.state;
		bool changed = alert_step(&alert, budget, &sample, (uint64_t)(i + 1) * S, &event);

		if (!changed != (rows[i].event < 0) ||
		    (changed &&
		     ((int)event.state != rows[i].event || event.severity != rows[i].severity)))
			fail_msg("row %d: changed %d state %s severity %s", i, changed,
				 alert_state_name(alert.state), severity_name(alert.severity));
		if (changed)
			assert_int_equal(event.previous, before);
	}
}

#define RUN(budget, ...) run(budget, (const struct row[]){__VA_ARGS__, {END, -1, 0}})
#define QUIET(v)                                                                                   \
	{                                                                                          \
		v, -1, SEVERITY_NONE                                                               \
	}
#define TURNS(v, state, severity)                                                                  \
	{                                                                                          \
		v, ALERT_##state, SEVERITY_##severity                                              \
	}

static void test_fires_after_for_and_resolves_after_for(void **state)
{
	(void)state;
	RUN(&latency, QUIET(100), TURNS(600, PENDING, NONE), QUIET(600), QUIET(600),
	    TURNS(600, FIRING, WARNING), QUIET(700), QUIET(400), QUIET(400), QUIET(400),
	    TURNS(400, RESOLVED, WARNING), QUIET(400), TURNS(600, PENDING, NONE));
}

/* One step at the time, in seconds; the event, if there was one. */
static bool step_at(struct alert *alert, const struct budget_config *budget, double value,
		    uint64_t at_s, struct alert_event *event)
{
	struct sample sample = sample_of(value);

	return alert_step(alert, budget, &sample, at_s * S, event);
}

/* Case study 1 of the document: 300 ms that become 80 ms are an improvement of 73 %. */
static void test_improvement_is_told_when_it_resolves(void **state)
{
	static const double values[] = {600, UNKNOWN, 620, 3000};
	struct alert alert = {0};
	struct alert_event event;
	uint64_t now_s = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		step_at(&alert, &latency, values[i], now_s++, &event);
	while (!step_at(&alert, &latency, 800, now_s++, &event))
		assert_true(now_s < 100);
	assert_int_equal(event.state, ALERT_FIRING);
	assert_int_equal(event.severity, SEVERITY_WARNING);
	assert_true(event.worst == 3000.0);
	assert_true(isnan(alert_improvement_percent(&event)));
	while (!step_at(&alert, &latency, 300, now_s++, &event))
		assert_true(now_s < 200);
	assert_int_equal(event.state, ALERT_RESOLVED);
	assert_true(event.worst == 3000.0);
	assert_true(alert_improvement_percent(&event) == 90.0);
	/* The next one has a worst of its own. */
	assert_false(step_at(&alert, &latency, 310, now_s++, &event));
	assert_true(step_at(&alert, &latency, 550, now_s++, &event));
	assert_true(event.worst == 550.0);
	/* Nothing happens any more: no value, so no improvement either. */
	while (!step_at(&alert, &latency, 560, now_s++, &event))
		assert_true(now_s < 300);
	assert_true(step_at(&alert, &latency, IDLE, now_s++, &event));
	assert_int_equal(event.state, ALERT_RESOLVED);
	assert_true(isnan(alert_improvement_percent(&event)));
}

static void test_improvement_where_less_is_worse(void **state)
{
	struct budget_config budget = latency;
	struct alert alert = {0};
	struct alert_event event;

	(void)state;
	budget.below = true;
	budget.target = 80;
	budget.warning = 60;
	budget.critical = 40;
	budget.for_ns = 0;
	assert_true(step_at(&alert, &budget, 50, 1, &event));
	assert_false(step_at(&alert, &budget, 45, 2, &event));
	assert_true(step_at(&alert, &budget, 90, 3, &event));
	assert_true(event.worst == 45.0);
	assert_true(alert_improvement_percent(&event) == 100.0);
}

/* Looked at a little late the first time and on time the last: that is not a second less. */
static void test_ticks_that_jitter(void **state)
{
	static const uint64_t at_ms[] = {1080, 2010, 3000, 4001};
	struct sample sample = sample_of(600);
	struct alert_event event;
	struct alert alert = {0};

	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(alert_step(&alert, &latency, &sample, at_ms[i] * S / 1000, &event),
				 i == 0);
	assert_true(alert_step(&alert, &latency, &sample, at_ms[3] * S / 1000, &event));
	assert_int_equal(event.state, ALERT_FIRING);
}

static void test_pending_that_ends_is_no_alert(void **state)
{
	(void)state;
	RUN(&latency, TURNS(600, PENDING, NONE), QUIET(600), TURNS(490, INACTIVE, NONE),
	    TURNS(600, PENDING, NONE), QUIET(600), QUIET(600), TURNS(600, FIRING, WARNING));
}

static void test_between_95_and_100_percent_nothing_moves(void **state)
{
	(void)state;
	RUN(&latency, TURNS(600, PENDING, NONE), QUIET(600), QUIET(600),
	    TURNS(600, FIRING, WARNING), QUIET(480), QUIET(480), QUIET(480), QUIET(480), QUIET(480),
	    QUIET(470), QUIET(470), QUIET(480), QUIET(470), QUIET(470), QUIET(470),
	    TURNS(470, RESOLVED, WARNING));
}

static void test_severity_moves(void **state)
{
	(void)state;
	RUN(&latency, TURNS(600, PENDING, NONE), QUIET(600), QUIET(600),
	    TURNS(600, FIRING, WARNING), QUIET(1100), QUIET(1100), QUIET(1100),
	    TURNS(1100, FIRING, CRITICAL), QUIET(700), QUIET(700), QUIET(700),
	    TURNS(700, FIRING, WARNING), QUIET(200), QUIET(200), QUIET(200),
	    TURNS(200, RESOLVED, WARNING));
	/* Straight to critical: one line. */
	RUN(&latency, TURNS(1100, PENDING, NONE), QUIET(1100), QUIET(1100),
	    TURNS(1100, FIRING, CRITICAL), QUIET(100), QUIET(100), QUIET(100),
	    TURNS(100, RESOLVED, CRITICAL));
}

static void test_for_zero(void **state)
{
	struct budget_config budget = latency;

	(void)state;
	budget.for_ns = 0;
	RUN(&budget, TURNS(600, FIRING, WARNING), TURNS(1100, FIRING, CRITICAL),
	    TURNS(600, FIRING, WARNING), TURNS(100, RESOLVED, WARNING));
}

static void test_idle_resolves_at_once(void **state)
{
	(void)state;
	RUN(&latency, QUIET(IDLE), TURNS(600, PENDING, NONE), TURNS(IDLE, INACTIVE, NONE),
	    TURNS(600, PENDING, NONE), QUIET(600), QUIET(600), TURNS(600, FIRING, WARNING),
	    TURNS(IDLE, RESOLVED, WARNING), QUIET(IDLE));
}

static void test_unknown_is_said_once_and_never_resolves(void **state)
{
	(void)state;
	RUN(&latency, TURNS(UNKNOWN, UNKNOWN, NONE), QUIET(UNKNOWN), TURNS(100, INACTIVE, NONE),
	    TURNS(600, PENDING, NONE), QUIET(600), QUIET(600), TURNS(600, FIRING, WARNING),
	    TURNS(UNKNOWN, UNKNOWN, WARNING), QUIET(UNKNOWN), QUIET(UNKNOWN), QUIET(UNKNOWN),
	    QUIET(UNKNOWN), TURNS(100, FIRING, WARNING), QUIET(100), QUIET(100),
	    TURNS(100, RESOLVED, WARNING));
	/* What was not known does not count as `for`. */
	RUN(&latency, TURNS(600, PENDING, NONE), QUIET(600), TURNS(UNKNOWN, UNKNOWN, NONE),
	    TURNS(600, PENDING, NONE), QUIET(600), QUIET(600), TURNS(600, FIRING, WARNING));
}

static void test_lost_data_does_not_resolve(void **state)
{
	(void)state;
	RUN(&latency, TURNS(PARTIAL + 600, PENDING, NONE), QUIET(PARTIAL + 600),
	    QUIET(PARTIAL + 600), TURNS(PARTIAL + 600, FIRING, WARNING),
	    TURNS(PARTIAL + 100, UNKNOWN, WARNING), QUIET(PARTIAL + 100), QUIET(PARTIAL + 100),
	    QUIET(PARTIAL + 100), TURNS(100, FIRING, WARNING), QUIET(100), QUIET(100),
	    TURNS(100, RESOLVED, WARNING), QUIET(PARTIAL + 100));
}

static void test_few_samples_never_fire(void **state)
{
	struct budget_config budget = latency;

	(void)state;
	RUN(&latency, QUIET(FEW + 600), QUIET(FEW + 600), QUIET(FEW + 600), QUIET(FEW + 600),
	    QUIET(FEW + 600));
	budget.min_count = 11;
	RUN(&budget, QUIET(600), QUIET(600), QUIET(600), QUIET(600), QUIET(600));
}

static void test_below(void **state)
{
	struct budget_config up = {.target = NAN,
				   .warning = NAN,
				   .critical = 0.5,
				   .below = true,
				   .min_count = 1,
				   .p0_above = NAN,
				   .priority1_over = 0.5,
				   .priority2_over = 0.2,
				   .priority_floor = 0};

	(void)state;
	RUN(&up, QUIET(1), TURNS(0, FIRING, CRITICAL), QUIET(0), TURNS(1, RESOLVED, CRITICAL));
	assert_int_equal(alert_priority(&up, 0, SEVERITY_CRITICAL), 0);
	/* A limit that is the target itself can be met. */
	up.target = 1;
	up.critical = 1;
	RUN(&up, QUIET(1), TURNS(0, FIRING, CRITICAL), QUIET(0), TURNS(1, RESOLVED, CRITICAL));
}

static void test_limit_zero_can_be_met(void **state)
{
	struct budget_config leaks = latency;

	(void)state;
	leaks.target = leaks.warning = 0;
	leaks.critical = 1;
	leaks.for_ns = 0;
	RUN(&leaks, QUIET(0), TURNS(1, FIRING, WARNING), TURNS(2, FIRING, CRITICAL),
	    TURNS(0, RESOLVED, CRITICAL));
}

static void test_interval_must_be_over_the_limit(void **state)
{
	struct alert alert = {0};
	struct alert_event event;
	struct sample sample = {.value = 600, .low = 400, .high = 800, .n = 10};

	(void)state;
	for (uint64_t i = 0; i < 10; i++)
		assert_false(alert_step(&alert, &latency, &sample, (i + 1) * S, &event));
	sample.low = 501;
	assert_true(alert_step(&alert, &latency, &sample, 11 * S, &event));
	assert_int_equal(event.state, ALERT_PENDING);
}

static void test_priority(void **state)
{
	struct budget_config budget = latency;

	(void)state;
	assert_int_equal(alert_priority(&budget, 330, SEVERITY_NONE), 3);
	assert_int_equal(alert_priority(&budget, 330, SEVERITY_CRITICAL), 2);
	assert_int_equal(alert_priority(&budget, 361, SEVERITY_WARNING), 2);
	assert_int_equal(alert_priority(&budget, 449, SEVERITY_WARNING), 2);
	assert_int_equal(alert_priority(&budget, 451, SEVERITY_WARNING), 1);
	assert_int_equal(alert_priority(&budget, 4000, SEVERITY_CRITICAL), 1);
	assert_int_equal(alert_priority(&budget, 4001, SEVERITY_CRITICAL), 0);
	budget.priority_floor = 1;
	assert_int_equal(alert_priority(&budget, 310, SEVERITY_WARNING), 1);
	assert_int_equal(alert_respond_within_s(&priorities, 0), 900);
	assert_int_equal(alert_respond_within_s(&priorities, 1), 3600);
	assert_int_equal(alert_respond_within_s(&priorities, 2), 86400);
	assert_int_equal(alert_respond_within_s(&priorities, 3), 604800);
	assert_int_equal(alert_respond_within_s(&priorities, -1), 0);
}

static void test_event_fields(void **state)
{
	struct alert alert = {0};
	struct alert_event event;
	struct sample sample = sample_of(600);

	(void)state;
	alert_step(&alert, &latency, &sample, 5 * S, &event);
	assert_true(event.limit == 500);
	alert_step(&alert, &latency, &sample, 8 * S, &event);
	assert_int_equal(event.state, ALERT_FIRING);
	assert_true(event.over_percent == 100.0);
	assert_true(event.limit == 500);
	assert_int_equal(event.priority, 1);
	assert_int_equal(event.fired_ns, 8 * S);
	assert_int_equal(event.over_since_ns, 5 * S);
	assert_int_equal(event.since_ns, 5 * S);
	assert_ptr_equal(event.budget, &latency);
	assert_int_equal(alert.fired_cnt, 1);
}

/* The beginning of the firing outlasts changes of severity, and the end. */
static void test_fired_since(void **state)
{
	static const double values[] = {600,  600,  600, 600, 1100, 1100,
					1100, 1100, 100, 100, 100,  100};
	struct alert alert = {0};
	struct alert_event event = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct sample sample = sample_of(values[i]);

		if (!alert_step(&alert, &latency, &sample, (i + 1) * S, &event))
			continue;
		assert_int_equal(event.fired_ns, event.state == ALERT_PENDING ? 0 : 4 * S);
	}
	assert_int_equal(event.state, ALERT_RESOLVED);
	assert_int_equal(event.severity, SEVERITY_CRITICAL);
}

static void test_describe(void **state)
{
	struct sample sample = sample_of(600);
	struct alert alert = {0};
	struct alert_event event;

	(void)state;
	for (uint64_t i = 1; i <= 4; i++)
		alert_step(&alert, &latency, &sample, i * S, &event);
	sample.value = 700;
	alert_describe(&alert, &latency, &sample, ALERT_FIRING, SEVERITY_WARNING, 100 * S, &event);
	assert_int_equal(event.state, ALERT_FIRING);
	assert_int_equal(event.previous, ALERT_FIRING);
	assert_int_equal(event.ts_ns, 100 * S);
	assert_int_equal(event.fired_ns, 4 * S);
	assert_true(event.sample.value == 700);
	assert_true(event.limit == 500);
	assert_int_equal(event.priority, 1);
}

static void test_notice(void **state)
{
	struct sample sample = sample_of(400);

	(void)state;
	assert_true(alert_notice(&latency, &sample));
	sample.value = 299;
	assert_false(alert_notice(&latency, &sample));
	sample.value = 501;
	assert_false(alert_notice(&latency, &sample));
	sample = sample_of(IDLE);
	assert_false(alert_notice(&latency, &sample));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fires_after_for_and_resolves_after_for),
		cmocka_unit_test(test_improvement_is_told_when_it_resolves),
		cmocka_unit_test(test_improvement_where_less_is_worse),
		cmocka_unit_test(test_ticks_that_jitter),
		cmocka_unit_test(test_pending_that_ends_is_no_alert),
		cmocka_unit_test(test_between_95_and_100_percent_nothing_moves),
		cmocka_unit_test(test_severity_moves),
		cmocka_unit_test(test_for_zero),
		cmocka_unit_test(test_idle_resolves_at_once),
		cmocka_unit_test(test_unknown_is_said_once_and_never_resolves),
		cmocka_unit_test(test_lost_data_does_not_resolve),
		cmocka_unit_test(test_few_samples_never_fire),
		cmocka_unit_test(test_below),
		cmocka_unit_test(test_limit_zero_can_be_met),
		cmocka_unit_test(test_interval_must_be_over_the_limit),
		cmocka_unit_test(test_priority),
		cmocka_unit_test(test_event_fields),
		cmocka_unit_test(test_fired_since),
		cmocka_unit_test(test_describe),
		cmocka_unit_test(test_notice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
