/* SPDX-License-Identifier: GPL-2.0-only */
/* What was not used for longest makes room: entries live long, and all about as long. */
#include "program.h"

#include <stdlib.h>

#define LIMIT_BYTES (8L << 20)
/* Entries a second that come in, in one thread. At 600 bytes each they live for 14 s. */
#define INSERTED_PER_S 1000

struct entry {
	struct entry *newer;
	size_t bytes;
};

struct lru {
	double done;
	struct entry *oldest, *newest;
	long bytes;
};

SITE void lru_insert(struct worker *worker, struct lru *lru)
{
	size_t bytes = draw(worker, 100, 1100);
	struct entry *entry = touched(malloc(bytes), bytes);

	*entry = (struct entry){.bytes = bytes};
	if (lru->newest)
		lru->newest->newer = entry;
	else
		lru->oldest = entry;
	lru->newest = entry;
	lru->bytes += (long)bytes;
	while (lru->bytes > LIMIT_BYTES) {
		struct entry *oldest = lru->oldest;

		lru->oldest = oldest->newer;
		lru->bytes -= (long)oldest->bytes;
		free(oldest);
	}
}

static void begin(struct worker *worker)
{
	struct lru *lru = calloc(1, sizeof(*lru));

	usual_begin(worker);
	if (!lru)
		abort();
	while (lru->bytes < LIMIT_BYTES - 2000)
		lru_insert(worker, lru);
	worker->own = lru;
}

static unsigned int work(struct worker *worker)
{
	struct lru *lru = worker->own;
	unsigned int blocks = usual_work(worker);

	while (lru->done < program_elapsed_s() * INSERTED_PER_S * program_scale()) {
		lru_insert(worker, lru);
		lru->done++;
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
