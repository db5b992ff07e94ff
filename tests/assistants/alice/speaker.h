/* SPDX-License-Identifier: GPL-2.0-only */
/* A second thread of a session, which answers while the first may listen again. */
#ifndef ALICE_SPEAKER_H
#define ALICE_SPEAKER_H

#include <pthread.h>
#include <stdbool.h>

struct turn;

struct speaker {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct turn *turn; /* being answered; NULL: free */
	bool running, stop;
};

/* Starts the thread. 0 or negative errno. */
int speaker_start(struct speaker *speaker, unsigned int user);

/* Lets it finish and joins it. Harmless on a speaker that was never started. */
void speaker_stop(struct speaker *speaker);

/* Waits until the speaker is free and gives it @turn, with its memory. */
void speaker_give(struct speaker *speaker, struct turn *turn);

/* Waits until the speaker is free. */
void speaker_wait(struct speaker *speaker);

#endif
