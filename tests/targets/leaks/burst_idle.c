/* SPDX-License-Identifier: GPL-2.0-only */
/* Twenty megabytes are built up and dropped again, then it is idle for a while. */
#include "program.h"

#include <stdlib.h>

#define BLOCKS	 10000
#define PERIOD_S 8.0
/* Parts of a period: building up, holding, and the rest is idle. */
#define BUILT 0.3
#define HELD  0.5

struct burst {
	unsigned int cnt;
	void *block[BLOCKS];
};

static void begin(struct worker *worker)
{
	usual_begin_with(worker, sizeof(struct burst));
}

SITE void *burst_block(struct worker *worker)
{
	size_t bytes = draw(worker, 200, 1800);

	return touched(malloc(bytes), bytes);
}

static unsigned int work(struct worker *worker)
{
	struct burst *burst = worker->own;
	double periods = program_elapsed_s() * program_scale() / PERIOD_S;
	double phase = periods - (double)(long)periods;
	unsigned int blocks = usual_work(worker);

	while (phase < BUILT && burst->cnt < BLOCKS * phase / BUILT) {
		burst->block[burst->cnt++] = burst_block(worker);
		blocks++;
	}
	while (phase >= HELD && burst->cnt)
		free(burst->block[--burst->cnt]);
	return blocks;
}

const struct program the_program = {
	.begin = begin,
	.work = work,
	.churn = 20000,
	.threads = 2,
};
