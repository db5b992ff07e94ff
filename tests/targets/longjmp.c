/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Leaving a stage by longjmp from many depths, and recursion: direct to depth 6 and 100, mutual.
 * A span that was left by longjmp shows at the thread's next probe at the latest, so every such
 * call is followed at once by a short ordinary stage.
 */
#include "truth.h"

#include <setjmp.h>

static jmp_buf landing;

STAGE uint64_t stage_jumpy(int depth, int jump_at, long us, uint64_t value)
{
	uint64_t below;

	if (depth == jump_at) {
		truth_sleep_us(us);
		longjmp(landing, 1);
	}
	if (!depth) {
		truth_sleep_us(us);
		TRUTH_BARRIER();
		return truth_mix(value);
	}
	below = stage_jumpy(depth - 1, jump_at, us, value);
	TRUTH_BARRIER();
	return below;
}

STAGE uint64_t stage_after(uint64_t value)
{
	TRUTH_BARRIER();
	return value + 1;
}

STAGE uint64_t stage_recurse(int depth, long us)
{
	uint64_t below;

	if (!depth) {
		truth_sleep_us(us);
		TRUTH_BARRIER();
		return 1;
	}
	below = stage_recurse(depth - 1, us);
	TRUTH_BARRIER();
	return below + (uint64_t)depth;
}

uint64_t stage_mutual_b(int depth, long us);

STAGE uint64_t stage_mutual_a(int depth, long us)
{
	uint64_t below;

	if (!depth) {
		truth_sleep_us(us);
		TRUTH_BARRIER();
		return 1;
	}
	below = stage_mutual_b(depth - 1, us);
	TRUTH_BARRIER();
	return below + 1;
}

STAGE uint64_t stage_mutual_b(int depth, long us)
{
	uint64_t below;

	if (!depth) {
		truth_sleep_us(us);
		TRUTH_BARRIER();
		return 1;
	}
	below = stage_mutual_a(depth - 1, us);
	TRUTH_BARRIER();
	return below + 1;
}

static void record_inner(struct truth_function *fn, int count, int flags)
{
	while (count-- > 0)
		truth_record(fn, 0, 0, TRUTH_INNER | flags);
}

/* Goes down `depth` calls and jumps out at `jump_at` calls from the bottom; -1: returns. */
static void timed_jump(int depth, int jump_at, long us, uint64_t value)
{
	struct truth_function *fn = truth_fn("stage_jumpy");
	volatile uint64_t start_ns = truth_now_ns();
	uint64_t end_ns;

	if (!setjmp(landing)) {
		uint64_t got = stage_jumpy(depth, jump_at, us, value);

		end_ns = truth_now_ns();
		truth_record(fn, start_ns, end_ns, TRUTH_NORMAL);
		record_inner(fn, depth, TRUTH_NORMAL);
		truth_check(got == truth_mix(value) && jump_at < 0, "stage_jumpy returned");
	} else {
		end_ns = truth_now_ns();
		truth_record(fn, start_ns, end_ns, TRUTH_ABNORMAL);
		record_inner(fn, depth - jump_at, TRUTH_ABNORMAL);
		truth_check(jump_at >= 0, "stage_jumpy jumped");
	}
	start_ns = truth_now_ns();
	truth_check(stage_after(value) == value + 1, "stage_after");
	truth_record(truth_fn("stage_after"), start_ns, truth_now_ns(), TRUTH_NORMAL);
}

static void timed_recursion(int depth, long us)
{
	struct truth_function *fn = truth_fn("stage_recurse");
	uint64_t start_ns = truth_now_ns();
	uint64_t got = stage_recurse(depth, us);

	truth_record(fn, start_ns, truth_now_ns(), TRUTH_NORMAL);
	record_inner(fn, depth, TRUTH_NORMAL);
	truth_check(got == 1 + (uint64_t)depth * ((uint64_t)depth + 1) / 2, "stage_recurse");
}

/* The stage of stage_mutual_b lies inside that of stage_mutual_a: its first call is timed here as
 * the whole minus nothing but a call, which is below every tolerance. */
static void timed_mutual(int depth, long us)
{
	struct truth_function *fn_a = truth_fn("stage_mutual_a");
	struct truth_function *fn_b = truth_fn("stage_mutual_b");
	uint64_t start_ns = truth_now_ns();
	uint64_t got = stage_mutual_a(depth, us);
	uint64_t end_ns = truth_now_ns();

	truth_record(fn_a, start_ns, end_ns, TRUTH_NORMAL);
	truth_record(fn_b, start_ns, end_ns, TRUTH_NORMAL);
	record_inner(fn_a, depth / 2, TRUTH_NORMAL);
	record_inner(fn_b, (depth - 1) / 2, TRUTH_NORMAL);
	truth_check(got == (uint64_t)depth + 1, "stage_mutual");
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
		long us = truth_draw_us(&opts, &random);
		int depth = (int)(pace.done % 7);

		timed_jump(depth, depth > 0 ? (int)(pace.done % depth) : 0, us, 5);
		timed_jump(depth, -1, us, (uint64_t)pace.done);
		timed_recursion(pace.done % 2 ? 6 : 100, us);
		timed_mutual(7, us);
	}
	return truth_finish();
}
