/* SPDX-License-Identifier: GPL-2.0-only */
/* Threads of a pool that start one after the other: each brings an arena and a cache of its own. */
#include "program.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define POOL	 12
#define PERIOD_S 2.0
#define LIVE	 400

static void *pooled(void *arg)
{
	struct worker worker = {.random = (uintptr_t)arg | 1};
	void *live[LIVE] = {NULL};

	for (;;) {
		for (int i = 0; i < 20; i++) {
			unsigned int slot = draw(&worker, 0, LIVE - 1);
			size_t bytes = draw(&worker, 50, 3000);

			free(live[slot]);
			live[slot] = touched(malloc(bytes), bytes);
		}
		usleep(10000);
	}
	return NULL;
}

static unsigned int work(struct worker *worker)
{
	static uintptr_t started;
	pthread_t thread;

	if (!worker->index && started < POOL &&
	    (double)started < program_elapsed_s() * program_scale() / PERIOD_S &&
	    !pthread_create(&thread, NULL, pooled, (void *)(7919 * ++started)))
		pthread_detach(thread);
	return usual_work(worker);
}

const struct program the_program = {
	.begin = usual_begin,
	.work = work,
	.churn = 20000,
	.threads = 2,
};
