/* SPDX-License-Identifier: GPL-2.0-only */
/* A cache that fills, quickly at first, then ever more slowly: what is there already is a hit. */
#include "program.h"

#include <stdlib.h>

#define KEYS	    40000
#define ENTRY_BYTES 512
/* Look-ups a second of one thread: two thirds of the keys are there after KEYS of them. */
#define LOOKUPS_PER_S 2000

struct warm {
	double done;
	void *entry[KEYS];
};

static void begin(struct worker *worker)
{
	usual_begin(worker);
	worker->own = calloc(1, sizeof(struct warm));
	if (!worker->own)
		abort();
}

SITE void *cache_fill(struct worker *worker)
{
	uint64_t *words = touched(malloc(ENTRY_BYTES), ENTRY_BYTES);

	program_holds(ENTRY_BYTES);
	words[0] = worker->blocks;
	return words;
}

static unsigned int work(struct worker *worker)
{
	struct warm *warm = worker->own;
	unsigned int blocks = usual_work(worker);
	double due = program_elapsed_s() * LOOKUPS_PER_S * program_scale();

	while (warm->done < due) {
		void **entry = &warm->entry[draw(worker, 0, KEYS - 1)];

		warm->done++;
		if (*entry)
			continue;
		*entry = cache_fill(worker);
		blocks++;
	}
	return blocks;
}

const struct program the_program = {
	.begin = begin,
	.work = work,
	.churn = 20000,
	.threads = 2,
};
