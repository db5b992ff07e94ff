/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The plain case: a C function called at a steady rate by one or more threads.
 *   sleep    stage_work() sleeps for a drawn time (the default)
 *   burn     stage_work() computes for a drawn time
 *   hot      hot_function() a million times a second, stage_work() beside it
 *   command  stage_work() as told on stdin: "run COUNT US" answers "done COUNT"; "quit"
 */
#include "truth.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct worker {
	const struct truth_opts *opts;
	pthread_t thread;
	unsigned int random;
};

static struct truth_function *work_fn;
static struct truth_function *hot_fn;
static bool burning;

STAGE uint64_t stage_work(long us, uint64_t value)
{
	if (burning)
		truth_burn_us(us);
	else
		truth_sleep_us(us);
	return truth_mix(value);
}

STAGE uint64_t hot_function(uint64_t value)
{
	TRUTH_BARRIER();
	return value + 3;
}

static void timed_work(long us, uint64_t value)
{
	uint64_t start_ns = truth_now_ns();
	uint64_t mixed = stage_work(us, value);

	truth_record(work_fn, start_ns, truth_now_ns(), TRUTH_NORMAL);
	truth_check(truth_unmix(mixed) == value, "stage_work returns what it was given");
}

static void *run_worker(void *arg)
{
	struct worker *worker = arg;
	struct truth_pace pace;

	truth_pace_start(&pace);
	while (truth_pace_next(&pace, worker->opts))
		timed_work(truth_draw_us(worker->opts, &worker->random), (uint64_t)pace.done);
	return NULL;
}

/* A thousand calls each millisecond, for as long as the duration says. */
static void *run_hot(void *arg)
{
	const struct truth_opts *opts = arg;
	struct truth_opts bursts = {.rate_hz = 1000, .duration_s = opts->duration_s};
	struct truth_pace pace;
	uint64_t value = 0;
	uint64_t calls = 0;

	truth_pace_start(&pace);
	while (truth_pace_next(&pace, &bursts)) {
		int i;

		for (i = 0; i < 1000; i++)
			value = hot_function(value);
		calls += 1000;
	}
	truth_count(hot_fn, calls);
	truth_check(value == 3 * calls, "every hot call counted");
	return NULL;
}

static void obey_commands(void)
{
	char line[128];
	long count;
	long us;
	long i;

	while (fgets(line, sizeof(line), stdin) && strcmp(line, "quit\n")) {
		if (sscanf(line, "run %ld %ld", &count, &us) != 2)
			continue;
		for (i = 0; i < count; i++)
			timed_work(us, (uint64_t)i);
		printf("done %ld\n", count);
		fflush(stdout);
	}
}

int main(int argc, char **argv)
{
	struct truth_opts opts;
	struct worker *workers;
	pthread_t hot_thread;
	bool hot;
	int i;

	truth_init(&opts, argc, argv);
	work_fn = truth_fn("stage_work");
	hot_fn = truth_fn("hot_function");
	burning = !strcmp(opts.mode, "burn");
	hot = !strcmp(opts.mode, "hot");
	workers = calloc((size_t)opts.threads, sizeof(*workers));
	if (!workers)
		return 2;
	truth_ready(&opts);
	if (!strcmp(opts.mode, "command")) {
		obey_commands();
		return truth_finish();
	}
	if (hot)
		pthread_create(&hot_thread, NULL, run_hot, &opts);
	for (i = 0; i < opts.threads; i++) {
		workers[i].opts = &opts;
		workers[i].random = opts.seed + (unsigned int)i * 7919;
		pthread_create(&workers[i].thread, NULL, run_worker, &workers[i]);
	}
	for (i = 0; i < opts.threads; i++)
		pthread_join(workers[i].thread, NULL);
	if (hot)
		pthread_join(hot_thread, NULL);
	free(workers);
	return truth_finish();
}
