/* SPDX-License-Identifier: GPL-2.0-only */
/* A block of every session is forgotten: nothing points to it any more. */
#include "program.h"

#include <stdlib.h>

#define SESSION_BYTES 256

/* It returns to here: as the last thing that it does, the call would be a jump. */
SITE void *session_new(void)
{
	void *session = LEAKS_AT(malloc(SESSION_BYTES));

	return touched(session, SESSION_BYTES);
}

SITE size_t session_forget(struct worker *worker)
{
	(void)worker;
	session_new();
	return SESSION_BYTES;
}

const struct program the_program = {
	.begin = usual_begin,
	.work = usual_work,
	.leak = session_forget,
	.churn = 20000,
	.rate = 65536,
	.threads = 2,
};
