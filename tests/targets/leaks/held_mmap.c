/* SPDX-License-Identifier: GPL-2.0-only */
/* Buffers of a megabyte, mapped and forgotten; others are unmapped. */
#include "program.h"

#include <stdlib.h>
#include <sys/mman.h>

#define BUFFER_BYTES (1UL << 20)

SITE void *buffer_map(void)
{
	void *at = mmap(NULL, BUFFER_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			0);

	if (at == MAP_FAILED)
		abort();
	return touched(at, BUFFER_BYTES / 16);
}

SITE void *capture_map(void)
{
	void *at = LEAKS_AT(mmap(NULL, BUFFER_BYTES, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

	if (at == MAP_FAILED)
		abort();
	return touched(at, BUFFER_BYTES);
}

static unsigned int work(struct worker *worker)
{
	if (draw(worker, 0, 2000) == 0)
		munmap(buffer_map(), BUFFER_BYTES);
	return usual_work(worker);
}

static size_t leak(struct worker *worker)
{
	(void)worker;
	capture_map();
	return BUFFER_BYTES;
}

const struct program the_program = {
	.begin = usual_begin,
	.work = work,
	.leak = leak,
	.churn = 20000,
	.rate = 1 << 20,
	.threads = 2,
};
