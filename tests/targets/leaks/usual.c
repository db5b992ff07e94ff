/* SPDX-License-Identifier: GPL-2.0-only */
/* What a server does all day: blocks of many sizes, most of them short-lived. */
#include "program.h"

#include <stdlib.h>
#include <string.h>

/* At the usual pace an entry is replaced after some four seconds. */
#define CACHE_MAX 500

SITE void *parse_request(struct worker *worker, size_t bytes)
{
	uint64_t *words = touched(malloc(bytes), bytes);

	words[0] = worker->blocks;
	words[1] = (uintptr_t)worker;
	return words;
}

SITE void *build_reply(size_t bytes)
{
	return touched(calloc(1, bytes), bytes / 2);
}

SITE void *cache_reply(struct worker *worker, size_t bytes)
{
	uint64_t *words = touched(malloc(bytes), bytes);

	words[0] = worker->blocks * 0x9e3779b97f4a7c15ULL;
	words[1] = worker->blocks;
	return words;
}

void usual_begin(struct worker *worker)
{
	worker->cache = calloc(CACHE_MAX, sizeof(*worker->cache));
	if (!worker->cache)
		abort();
	for (unsigned int i = 0; i < CACHE_MAX; i++)
		worker->cache[i] = cache_reply(worker, draw(worker, 64, 256));
}

unsigned int usual_work(struct worker *worker)
{
	/* Most are small, one in sixteen is not. */
	size_t bytes = draw(worker, 0, 15) ? draw(worker, 16, 256) : draw(worker, 16, 4016);
	unsigned int at = worker->turn++ % FIFO_MAX;
	unsigned int blocks = 1;

	free(worker->fifo[at]);
	worker->fifo[at] = parse_request(worker, bytes);
	if (draw(worker, 0, 3) == 0) {
		free(build_reply(draw(worker, 32, 544)));
		blocks++;
	}
	if (draw(worker, 0, 63) == 0) {
		unsigned int slot = draw(worker, 0, CACHE_MAX - 1);

		free(worker->cache[slot]);
		worker->cache[slot] = cache_reply(worker, draw(worker, 64, 256));
		blocks++;
	}
	return blocks;
}

void *usual_begin_with(struct worker *worker, size_t bytes)
{
	usual_begin(worker);
	worker->own = calloc(1, bytes);
	if (!worker->own)
		abort();
	return worker->own;
}

unsigned int usual_work_and(struct worker *worker, double per_s,
			    unsigned int (*step)(struct worker *worker))
{
	unsigned int blocks = usual_work(worker);
	double due = program_elapsed_s() * per_s * program_scale();

	while (worker->steps < due) {
		blocks += step(worker);
		worker->steps++;
	}
	return blocks;
}
