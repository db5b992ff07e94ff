/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Functions whose unlikely part the compiler put elsewhere (NAME.cold in .text.unlikely): one
 * returns from there or goes back, one throws from there. The stripped variant has no symbol that
 * would say so.
 */
#include "truth.h"

#include <stdexcept>

extern "C" {
uint64_t stage_split(long us, uint64_t value);
uint64_t stage_split_tail(long us, uint64_t value);
uint64_t stage_split_throw(long us, uint64_t value);
}

/* Not marked STAGE: being cold is what makes its callers' path unlikely. */
__attribute__((cold, noinline, noipa)) static void note_rare_case(long us)
{
	truth_sleep_us(us);
	TRUTH_BARRIER();
}

__attribute__((cold, noinline, noipa)) static uint64_t rare_value(uint64_t value)
{
	return value + 1;
}

extern "C" STAGE uint64_t stage_split(long us, uint64_t value)
{
	truth_sleep_us(us);
	if (__builtin_expect(value % 3 == 0, 0)) {
		note_rare_case(us);
		if (value % 2)
			value = rare_value(value);
		note_rare_case(us / 2);
		TRUTH_BARRIER();
	}
	return truth_mix(value);
}

static STAGE uint64_t slow_mix(long us, uint64_t value)
{
	truth_sleep_us(us);
	TRUTH_BARRIER();
	return truth_mix(value);
}

/* Returns from its cold part by a ret of its own, else by a tail jump. */
extern "C" STAGE uint64_t stage_split_tail(long us, uint64_t value)
{
	truth_sleep_us(us);
	if (__builtin_expect(value % 3 == 0, 0)) {
		note_rare_case(us);
		value = rare_value(value);
		TRUTH_BARRIER();
		return value;
	}
	return slow_mix(us, value);
}

extern "C" STAGE uint64_t stage_split_throw(long us, uint64_t value)
{
	truth_sleep_us(us);
	if (__builtin_expect(value % 5 == 0, 0)) {
		note_rare_case(us);
		throw std::logic_error("unlikely");
	}
	TRUTH_BARRIER();
	return truth_mix(value);
}

static void timed_call(const char *name, uint64_t (*stage)(long us, uint64_t value), long us,
		       uint64_t value, uint64_t expected)
{
	struct truth_function *fn = truth_fn(name);
	uint64_t start_ns = truth_now_ns();
	uint64_t got = stage(us, value);

	truth_record(fn, start_ns, truth_now_ns(), TRUTH_NORMAL);
	truth_check(got == expected, name);
}

static void timed_throw(long us, uint64_t value)
{
	struct truth_function *fn = truth_fn("stage_split_throw");
	uint64_t start_ns = truth_now_ns();

	try {
		uint64_t got = stage_split_throw(us, value);

		truth_record(fn, start_ns, truth_now_ns(), TRUTH_NORMAL);
		truth_check(got == truth_mix(value) && value % 5, "stage_split_throw returned");
	} catch (const std::logic_error &) {
		truth_record(fn, start_ns, truth_now_ns(), TRUTH_ABNORMAL);
		truth_check(value % 5 == 0, "stage_split_throw threw");
	}
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

		timed_call("stage_split", stage_split, us, value,
			   truth_mix(value + (value % 6 == 3)));
		timed_call("stage_split_tail", stage_split_tail, us, value,
			   value % 3 ? truth_mix(value) : value + 1);
		timed_throw(us, value);
	}
	return truth_finish();
}
