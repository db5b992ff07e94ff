/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * C++ exceptions around, inside and through stages. An exit by exception is dated by the moment
 * its handler begins; what a destructor spends during unwinding belongs to the span.
 */
#include "truth.h"

#include <stdexcept>

extern "C" {
uint64_t stage_catch_inside(long us, uint64_t value);
uint64_t stage_throw_through(long us, uint64_t value);
uint64_t stage_rethrow(long us, uint64_t value);
uint64_t stage_long_destructor(long us, uint64_t value);
uint64_t stage_nested(long us, uint64_t value);
uint64_t stage_c_frame(uint64_t (*step)(long us, uint64_t value), long us, uint64_t value);
}

namespace {

struct slow_destructor {
	long us;

	explicit slow_destructor(long sleep_us) : us(sleep_us) {}
	~slow_destructor() { truth_sleep_us(us); }
};

bool throws(uint64_t value)
{
	return value % 3 == 2;
}

STAGE uint64_t may_throw(long us, uint64_t value)
{
	truth_sleep_us(us);
	if (throws(value))
		throw std::runtime_error("every third");
	TRUTH_BARRIER();
	return truth_mix(value);
}

} /* namespace */

extern "C" STAGE uint64_t stage_catch_inside(long us, uint64_t value)
{
	uint64_t got;

	try {
		got = may_throw(us, value);
	} catch (const std::runtime_error &) {
		truth_sleep_us(us);
		got = truth_mix(value);
	}
	TRUTH_BARRIER();
	return got;
}

extern "C" STAGE uint64_t stage_throw_through(long us, uint64_t value)
{
	uint64_t got = may_throw(us, value);

	TRUTH_BARRIER();
	return got;
}

/* Catches, works on, and throws again: the inner handler is not the end of the stage. */
extern "C" STAGE uint64_t stage_rethrow(long us, uint64_t value)
{
	try {
		return may_throw(us, value);
	} catch (const std::runtime_error &) {
		truth_sleep_us(us);
		throw;
	}
}

extern "C" STAGE uint64_t stage_long_destructor(long us, uint64_t value)
{
	slow_destructor slow(us);

	return may_throw(us, value);
}

/* A stage that throws inside a stage that catches: one abnormal, one normal exit. */
extern "C" STAGE uint64_t stage_nested(long us, uint64_t value)
{
	uint64_t got;

	try {
		got = stage_throw_through(us, value);
	} catch (const std::runtime_error &) {
		got = truth_mix(value);
	}
	truth_sleep_us(us);
	return got;
}

static uint64_t through_c_frame(long us, uint64_t value)
{
	return stage_c_frame(may_throw, us, value) - 1;
}

static void timed_call(const char *name, uint64_t (*stage)(long us, uint64_t value), long us,
		       uint64_t value)
{
	struct truth_function *fn = truth_fn(name);
	uint64_t start_ns = truth_now_ns();
	uint64_t got;

	try {
		got = stage(us, value);
		truth_record(fn, start_ns, truth_now_ns(), TRUTH_NORMAL);
		truth_check(got == truth_mix(value), name);
	} catch (const std::runtime_error &) {
		truth_record(fn, start_ns, truth_now_ns(), TRUTH_ABNORMAL);
		truth_check(throws(value), name);
	}
}

/* stage_throw_through runs inside stage_nested as well: that span is taken there. */
static void timed_nested(long us, uint64_t value)
{
	uint64_t start_ns = truth_now_ns();
	uint64_t got = stage_nested(us, value);

	truth_record(truth_fn("stage_nested"), start_ns, truth_now_ns(), TRUTH_NORMAL);
	truth_check(got == truth_mix(value), "stage_nested");
}

int main(int argc, char **argv)
{
	struct truth_opts opts;
	struct truth_pace pace;
	unsigned int random;

	truth_init(&opts, argc, argv);
	random = opts.seed;
	truth_ready(&opts);
	truth_pace_start(&pace);
	while (truth_pace_next(&pace, &opts)) {
		uint64_t value = (uint64_t)pace.done;
		long us = truth_draw_us(&opts, &random);

		timed_call("stage_catch_inside", stage_catch_inside, us, value);
		timed_call("stage_rethrow", stage_rethrow, us, value);
		timed_call("stage_long_destructor", stage_long_destructor, us, value);
		timed_call("stage_c_frame", through_c_frame, us, value);
		if (!opts.mode[0])
			timed_call("stage_throw_through", stage_throw_through, us, value);
		else
			timed_nested(us, value);
	}
	return truth_finish();
}
