/* SPDX-License-Identifier: GPL-2.0-only */
/* asking.h - one question and its answer, for those who ask (keeper*.c).  One thread at a time. */
#ifndef CHESHIRE_KEEPER_ASKING_H
#define CHESHIRE_KEEPER_ASKING_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "keeper/keeper.h"
#include "keeper/protocol.h"

struct keeper {
	pthread_mutex_t lock; /* from the question until all of the answer was taken */
	int fd;		      /* -1: lost */
	pid_t pid;
	bool multi;
	/* The last answer. */
	struct keeper_reply reply;
	const void *bytes;
	int fds[KEEPER_FDS_MAX];
	size_t fds_n;
	char buffer[KEEPER_REPLY_MAX] __attribute__((aligned(8)));
};

/*
 * Asks and waits.  What was sent along stays in k until the next time; its descriptors are the
 * caller's from now on.  Whoever does not answer in time or in order is not asked again: the next
 * answer could be that to another question.
 */
int keeper_ask(struct keeper *k, const struct keeper_request *request, const void *rest,
	       size_t rest_bytes);
/* Closes the descriptors of the last answer. */
void keeper_close_answer(struct keeper *k);

/* The value of an int call on k, while no other thread asks. */
#define KEEPER_LOCKED(k, call)                                                                     \
	({                                                                                         \
		struct keeper *locked = (k);                                                       \
		int result;                                                                        \
                                                                                                   \
		pthread_mutex_lock(&locked->lock);                                                 \
		result = (call);                                                                   \
		pthread_mutex_unlock(&locked->lock);                                               \
		result;                                                                            \
	})

#endif
