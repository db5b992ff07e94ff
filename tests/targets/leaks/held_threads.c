/* SPDX-License-Identifier: GPL-2.0-only */
/* A thread a connection; what it keeps for itself is not freed when it ends. */
#include "program.h"

#include <pthread.h>
#include <stdlib.h>

#define CONTEXT_BYTES 2048

static pthread_key_t context_key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_key(void)
{
	if (pthread_key_create(&context_key, NULL))
		abort();
}

SITE void connection_begin(void)
{
	void *context = LEAKS_AT(malloc(CONTEXT_BYTES));

	pthread_setspecific(context_key, touched(context, CONTEXT_BYTES));
}

static void *serve(void *arg)
{
	pthread_once(&once, make_key);
	connection_begin();
	free(touched(malloc(300), 300));
	return arg;
}

static size_t connect_once(struct worker *worker)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, serve, worker))
		abort();
	pthread_join(thread, NULL);
	return CONTEXT_BYTES;
}

const struct program the_program = {
	.begin = usual_begin,
	.work = usual_work,
	.leak = connect_once,
	.churn = 20000,
	.rate = 65536,
	.threads = 2,
};
