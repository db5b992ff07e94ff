/* SPDX-License-Identifier: GPL-2.0-only */
/* Files that are mapped, read through and unmapped, and one that stays and is read bit by bit. */
#include "program.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define FILE_BYTES  (32UL << 20)
#define PAGE	    4096UL
#define READ_PER_S  (512UL << 10)
#define SMALL_BYTES (1UL << 20)

static int file = -1;
static const volatile char *model;

static void begin(struct worker *worker)
{
	usual_begin(worker);
	if (worker->index)
		return;
	file = fileno(tmpfile());
	if (ftruncate(file, FILE_BYTES))
		abort();
	model = mmap(NULL, FILE_BYTES, PROT_READ, MAP_SHARED, file, 0);
	if (model == MAP_FAILED)
		abort();
}

/* Resident, but nobody's memory: the file's. */
SITE void read_model(void)
{
	static unsigned long done;
	unsigned long due = (unsigned long)(program_elapsed_s() * program_scale() * READ_PER_S);

	for (; done < due && done < FILE_BYTES; done += PAGE)
		(void)model[done];
}

SITE void read_clip(struct worker *worker)
{
	off_t offset = (off_t)(draw(worker, 0, 30) * SMALL_BYTES);
	volatile char *clip =
		mmap(NULL, SMALL_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, offset);

	if (clip == MAP_FAILED)
		abort();
	for (unsigned long i = 0; i < SMALL_BYTES / 4; i += PAGE)
		clip[i] = 1;
	munmap((void *)clip, SMALL_BYTES);
}

static unsigned int work(struct worker *worker)
{
	if (!worker->index)
		read_model();
	if (draw(worker, 0, 1000) == 0)
		read_clip(worker);
	return usual_work(worker);
}

const struct program the_program = {
	.begin = begin,
	.work = work,
	.churn = 20000,
	.threads = 2,
};
