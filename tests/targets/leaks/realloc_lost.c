/* SPDX-License-Identifier: GPL-2.0-only */
/* A text that is made longer bit by bit by realloc(); its owner is freed, it is not. */
#include "program.h"

#include <stdlib.h>
#include <string.h>

#define PIECES	    12
#define PIECE_BYTES 96

struct transcript {
	char *text;
	size_t bytes;
};

SITE void transcript_append(struct transcript *transcript, size_t bytes)
{
	transcript->text = LEAKS_AT(realloc(transcript->text, transcript->bytes + bytes));
	if (!transcript->text)
		abort();
	memset(transcript->text + transcript->bytes, 'a', bytes);
	transcript->bytes += bytes;
}

SITE size_t utterance_end(struct worker *worker)
{
	struct transcript *transcript = calloc(1, sizeof(*transcript));
	size_t bytes;

	(void)worker;
	if (!transcript)
		abort();
	for (int i = 0; i < PIECES; i++)
		transcript_append(transcript, PIECE_BYTES);
	bytes = transcript->bytes;
	free(transcript);
	return bytes;
}

const struct program the_program = {
	.begin = usual_begin,
	.work = usual_work,
	.leak = utterance_end,
	.churn = 20000,
	.rate = 65536,
	.threads = 2,
};
