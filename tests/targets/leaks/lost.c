/* SPDX-License-Identifier: GPL-2.0-only */
/* A block of every session is forgotten: nothing points to it any more. */
#include "program.h"

#include <stdlib.h>

#define SESSION_BYTES 256

SITE void *session_new(void)
{
	return LEAKS_AT(malloc(SESSION_BYTES));
}

SITE size_t session_forget(struct worker *worker)
{
	(void)worker;
	touched(session_new(), SESSION_BYTES);
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
