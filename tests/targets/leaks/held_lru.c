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
	struct lru *lru = usual_begin_with(worker, sizeof(*lru));

	while (lru->bytes < LIMIT_BYTES - 2000)
		lru_insert(worker, lru);
}

static unsigned int insert(struct worker *worker)
{
	lru_insert(worker, worker->own);
	return 1;
}

static unsigned int work(struct worker *worker)
{
	return usual_work_and(worker, INSERTED_PER_S, insert);
}

const struct program the_program = {
	.begin = begin,
	.work = work,
	.churn = 20000,
	.threads = 2,
};
