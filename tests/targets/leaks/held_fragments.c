/* SPDX-License-Identifier: GPL-2.0-only */
/* As many bytes all the time, of sizes that change slowly: the holes never fit. */
#include "program.h"

#include <stdlib.h>

#define LIVE_BYTES (6L << 20)
#define SLOTS	   16000
#define DRIFT_S	   20
/* Blocks a second that are replaced, in one thread. */
#define REPLACED_PER_S 1500

struct fragments {
	unsigned long replaced;
	long bytes;
	void *block[SLOTS];
	uint32_t size[SLOTS];
};

/* Small ones, then larger and larger ones, then small ones again. */
static uint32_t size_now(struct worker *worker, const struct fragments *all)
{
	double turns = (double)all->replaced / (REPLACED_PER_S * DRIFT_S);
	double phase = turns - (double)(long)turns;
	uint32_t typical = 120 + (uint32_t)(1200 * (phase < 0.5 ? phase : 1 - phase));

	return draw(worker, typical * 3 / 4, typical * 5 / 4);
}

SITE void *fragment_new(size_t bytes)
{
	return touched(malloc(bytes), bytes);
}

/* Any block goes, a new one comes; more go or come until there is as much as before. */
SITE void fragment_replace(struct worker *worker, struct fragments *all)
{
	unsigned int slot;

	do {
		slot = draw(worker, 0, SLOTS - 1);
		free(all->block[slot]);
		all->block[slot] = NULL;
		all->bytes -= all->size[slot];
		all->size[slot] = 0;
	} while (all->bytes > LIVE_BYTES);
	all->size[slot] = size_now(worker, all);
	all->block[slot] = fragment_new(all->size[slot]);
	all->bytes += all->size[slot];
	all->replaced++;
}

static void begin(struct worker *worker)
{
	struct fragments *all = usual_begin_with(worker, sizeof(*all));

	/* Twice through all sizes: what is new is over by then. */
	while (all->replaced < 2 * REPLACED_PER_S * DRIFT_S)
		fragment_replace(worker, all);
}

static unsigned int replace(struct worker *worker)
{
	fragment_replace(worker, worker->own);
	return 1;
}

static unsigned int work(struct worker *worker)
{
	return usual_work_and(worker, REPLACED_PER_S, replace);
}

const struct program the_program = {
	.begin = begin,
	.work = work,
	.churn = 20000,
	.threads = 2,
};
