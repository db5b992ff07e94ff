/* SPDX-License-Identifier: GPL-2.0-only */
/* A full cache where a new entry takes the place of any old one: some live for very long. */
#include "program.h"

#include <stdlib.h>

#define ENTRIES 20000
/* Entries a second that are replaced, by one thread. */
#define REPLACED_PER_S 1000

struct bounded {
	void *entry[ENTRIES];
};

SITE void *entry_new(struct worker *worker)
{
	size_t bytes = draw(worker, 100, 700);

	return touched(malloc(bytes), bytes);
}

static void begin(struct worker *worker)
{
	struct bounded *cache = usual_begin_with(worker, sizeof(*cache));

	for (int i = 0; i < ENTRIES; i++)
		cache->entry[i] = entry_new(worker);
}

static unsigned int replace(struct worker *worker)
{
	struct bounded *cache = worker->own;
	void **entry = &cache->entry[draw(worker, 0, ENTRIES - 1)];

	free(*entry);
	*entry = entry_new(worker);
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
