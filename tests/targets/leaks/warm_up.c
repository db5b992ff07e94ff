/* SPDX-License-Identifier: GPL-2.0-only */
/* A cache that fills, quickly at first, then ever more slowly: what is there already is a hit. */
#include "program.h"

#include <stdlib.h>

#define KEYS	    40000
#define ENTRY_BYTES 512
/* Look-ups a second of one thread: two thirds of the keys are there after KEYS of them. */
#define LOOKUPS_PER_S 2000

struct warm {
	void *entry[KEYS];
};

static void begin(struct worker *worker)
{
	usual_begin_with(worker, sizeof(struct warm));
}

SITE void *cache_fill(struct worker *worker)
{
	uint64_t *words = touched(malloc(ENTRY_BYTES), ENTRY_BYTES);

	program_holds(ENTRY_BYTES);
	words[0] = worker->blocks;
	return words;
}

static unsigned int look_up(struct worker *worker)
{
	struct warm *warm = worker->own;
	void **entry = &warm->entry[draw(worker, 0, KEYS - 1)];

	if (*entry)
		return 0;
	*entry = cache_fill(worker);
	return 1;
}

static unsigned int work(struct worker *worker)
{
	return usual_work_and(worker, LOOKUPS_PER_S, look_up);
}

const struct program the_program = {
	.begin = begin,
	.work = work,
	.churn = 20000,
	.threads = 2,
};
