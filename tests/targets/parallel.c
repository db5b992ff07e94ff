/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A library that calls its own exported function from threads of its own, as whisper_full_parallel
 * does: stage_parallel_all(handle) lets its threads work on stage_parallel_one(handle), each longer
 * than the last. --threads: how many. Between two of them the main thread calls stage_parallel_one
 * itself, and, with --mode abandon, leaves every third stage_parallel_all by longjmp.
 *
 * Two functions are logged: "all" (stage_parallel_all) and "one" (stage_parallel_one outside of
 * it).
 */
#include "truth.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#define THREADS_MAX 8

struct context {
	int threads;
	long us;
	bool abandon;
	jmp_buf out;
};

struct part {
	struct context *context;
	int index;
};

STAGE uint64_t stage_parallel_one(struct context *context, int index)
{
	truth_sleep_us(context->us * (index + 1) / 4);
	TRUTH_BARRIER();
	return truth_mix((uint64_t)index);
}

static void *run_part(void *arg)
{
	const struct part *part = arg;
	uint64_t mixed = stage_parallel_one(part->context, part->index);

	truth_check(truth_unmix(mixed) == (uint64_t)part->index, "a part's result");
	return NULL;
}

STAGE int stage_parallel_all(struct context *context)
{
	struct part parts[THREADS_MAX];
	pthread_t threads[THREADS_MAX];

	for (int i = 0; i < context->threads; i++) {
		parts[i] = (struct part){context, i};
		if (pthread_create(&threads[i], NULL, run_part, &parts[i]))
			abort();
	}
	run_part(&parts[0]);
	for (int i = 0; i < context->threads; i++)
		pthread_join(threads[i], NULL);
	if (context->abandon)
		longjmp(context->out, 1);
	TRUTH_BARRIER();
	return context->threads;
}

static void all(struct context *context, struct truth_function *fn)
{
	uint64_t start_ns = truth_now_ns();
	volatile int flags = TRUTH_NORMAL;

	if (!setjmp(context->out))
		truth_check(stage_parallel_all(context) == context->threads, "the whole's result");
	else
		flags = TRUTH_ABNORMAL;
	truth_record(fn, start_ns, truth_now_ns(), flags);
}

static void one(struct context *context, struct truth_function *fn)
{
	uint64_t start_ns = truth_now_ns();

	truth_check(truth_unmix(stage_parallel_one(context, 1)) == 1, "one's result");
	truth_record(fn, start_ns, truth_now_ns(), TRUTH_NORMAL);
}

int main(int argc, char **argv)
{
	struct truth_function *all_fn, *one_fn;
	struct context context = {0};
	struct truth_pace pace;
	struct truth_opts opts;
	unsigned int draws;
	bool abandons;

	truth_init(&opts, argc, argv);
	all_fn = truth_fn("all");
	one_fn = truth_fn("one");
	draws = opts.seed;
	context.threads = opts.threads > THREADS_MAX ? THREADS_MAX : opts.threads;
	abandons = opts.mode && !strcmp(opts.mode, "abandon");
	truth_ready(&opts);
	truth_pace_start(&pace);
	for (long i = 0; truth_pace_next(&pace, &opts); i++) {
		context.us = truth_draw_us(&opts, &draws);
		context.abandon = abandons && i % 3 == 2;
		all(&context, all_fn);
		one(&context, one_fn);
	}
	return truth_finish();
}
