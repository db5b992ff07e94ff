/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Functions that end in a tail jump: the time is spent in the function that they jump to, so an
 * observer that takes the jump for the end measures next to nothing. The live test looks at the
 * disassembly first: every stage_tail_* must really contain the jump.
 *
 * The jump targets are called by others too, outside and inside of the stages' frames: such a
 * return must not end a stage.
 */
#include "truth.h"

#include <string.h>

uint64_t tail_helper_finish(long us, uint64_t value);

/* Built as a position-independent executable with -fno-plt absent: this goes through the PLT. */
STAGE uint64_t stage_tail_plt(long us, uint64_t value)
{
	return tail_helper_finish(us, value + 1);
}

static STAGE uint64_t finish_local(long us, uint64_t value)
{
	truth_sleep_us(us);
	TRUTH_BARRIER();
	return value + 10;
}

STAGE uint64_t stage_tail_local(long us, uint64_t value)
{
	return finish_local(us, value + 1);
}

/* Uses the jump target by an ordinary call first: that return is inside the stage. */
STAGE uint64_t stage_tail_after_call(long us, uint64_t value)
{
	value = finish_local(us / 4, value) - 10;
	return finish_local(us, value + 1);
}

static STAGE uint64_t chain_third(long us, uint64_t value)
{
	return finish_local(us, value + 1);
}

static STAGE uint64_t chain_second(long us, uint64_t value)
{
	return chain_third(us, value + 1);
}

static STAGE uint64_t chain_first(long us, uint64_t value)
{
	return chain_second(us, value + 1);
}

/* Four jumps until the function that returns. */
STAGE uint64_t stage_tail_chain(long us, uint64_t value)
{
	return chain_first(us, value + 1);
}

/* Odd values return by themselves, even ones by the jump. */
STAGE uint64_t stage_tail_cond(long us, uint64_t value)
{
	if (value & 1) {
		truth_sleep_us(us / 2);
		TRUTH_BARRIER();
		return value + 11;
	}
	return finish_local(us, value + 1);
}

/* Recursion by call down to zero, where the innermost ends in a jump. */
STAGE uint64_t stage_tail_recursive(long us, uint64_t depth)
{
	uint64_t below;

	if (!depth)
		return finish_local(us, 1);
	below = stage_tail_recursive(us, depth - 1);
	TRUTH_BARRIER();
	return below + depth;
}

static uint64_t (*volatile finish_pointer)(long us, uint64_t value) = finish_local;

STAGE uint64_t stage_tail_indirect(long us, uint64_t value)
{
	return finish_pointer(us, value + 1);
}

#define RECURSION_DEPTH 5

static void timed_call(const char *name, uint64_t (*stage)(long us, uint64_t value), long us,
		       uint64_t value, uint64_t expected)
{
	struct truth_function *fn = truth_fn(name);
	uint64_t start_ns = truth_now_ns();
	uint64_t got = stage(us, value);
	uint64_t end_ns = truth_now_ns();

	truth_record(fn, start_ns, end_ns, TRUTH_NORMAL);
	truth_check(got == expected, name);
}

static void run_all(long us, uint64_t value)
{
	uint64_t depth_sum = RECURSION_DEPTH * (RECURSION_DEPTH + 1) / 2;
	uint64_t start_ns;
	uint64_t got;
	int i;

	timed_call("stage_tail_local", stage_tail_local, us, value, value + 11);
	timed_call("stage_tail_plt", stage_tail_plt, us, value, value + 11);
	timed_call("stage_tail_after_call", stage_tail_after_call, us, value, value + 11);
	timed_call("stage_tail_chain", stage_tail_chain, us, value, value + 14);
	timed_call("stage_tail_cond", stage_tail_cond, us, value, value + 11);
	timed_call("stage_tail_indirect", stage_tail_indirect, us, value, value + 11);

	start_ns = truth_now_ns();
	got = stage_tail_recursive(us, RECURSION_DEPTH);
	truth_record(truth_fn("stage_tail_recursive"), start_ns, truth_now_ns(), TRUTH_NORMAL);
	for (i = 0; i < RECURSION_DEPTH; i++)
		truth_record(truth_fn("stage_tail_recursive"), 0, 0, TRUTH_INNER);
	truth_check(got == 11 + depth_sum, "stage_tail_recursive");

	/* Nobody's stage: these returns are noise. */
	truth_check(finish_local(10, value) == value + 10, "finish_local");
	truth_check(tail_helper_finish(10, value) == value + 10, "tail_helper_finish");
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
	while (truth_pace_next(&pace, &opts))
		run_all(truth_draw_us(&opts, &random), (uint64_t)pace.done);
	return truth_finish();
}
