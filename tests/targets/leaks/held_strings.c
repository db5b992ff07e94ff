/* SPDX-License-Identifier: GPL-2.0-only */
/* A text that the C library allocates on behalf of its caller, in a helper that many call. */
#include "program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS "turn on the lights in the kitchen and then tell me what the weather will be"

SITE char *label(unsigned int number)
{
	char *text = NULL;

	if (LEAKS_AT(asprintf(&text, "turn %u: " WORDS " " WORDS, number)) < 0)
		abort();
	return text;
}

/* Freed by this caller ... */
SITE unsigned int announce(struct worker *worker)
{
	char *text = label(worker->turn);
	unsigned int length = (unsigned int)strlen(text);

	free(text);
	return length ? usual_work(worker) + 1 : 1;
}

/* ... but not by this one. */
SITE size_t remember(struct worker *worker)
{
	return strlen(label(worker->turn)) + 1;
}

const struct program the_program = {
	.begin = usual_begin,
	.work = announce,
	.leak = remember,
	.churn = 20000,
	.rate = 65536,
	.threads = 2,
};
