/* SPDX-License-Identifier: GPL-2.0-only */
#include "speaker.h"

#include <stdio.h>

#include "turn.h"

static void *speak(void *arg)
{
	struct speaker *sp = arg;

	pthread_mutex_lock(&sp->lock);
	for (;;) {
		while (!sp->turn && !sp->stop)
			pthread_cond_wait(&sp->changed, &sp->lock);
		if (!sp->turn)
			break;
		pthread_mutex_unlock(&sp->lock);
		turn_answer(sp->turn);
		pthread_mutex_lock(&sp->lock);
		sp->turn = NULL;
		pthread_cond_broadcast(&sp->changed);
	}
	pthread_mutex_unlock(&sp->lock);
	return NULL;
}

int speaker_start(struct speaker *sp, unsigned int user)
{
	char name[16];
	int err;

	pthread_mutex_init(&sp->lock, NULL);
	pthread_cond_init(&sp->changed, NULL);
	err = -pthread_create(&sp->thread, NULL, speak, sp);
	if (err)
		return err;
	snprintf(name, sizeof(name), "speaker-%u", user % 100);
	pthread_setname_np(sp->thread, name);
	sp->running = true;
	return 0;
}

void speaker_stop(struct speaker *sp)
{
	if (!sp->running)
		return;
	pthread_mutex_lock(&sp->lock);
	sp->stop = true;
	pthread_cond_broadcast(&sp->changed);
	pthread_mutex_unlock(&sp->lock);
	pthread_join(sp->thread, NULL);
	sp->running = false;
}

void speaker_wait(struct speaker *sp)
{
	pthread_mutex_lock(&sp->lock);
	while (sp->turn)
		pthread_cond_wait(&sp->changed, &sp->lock);
	pthread_mutex_unlock(&sp->lock);
}

void speaker_give(struct speaker *sp, struct turn *turn)
{
	pthread_mutex_lock(&sp->lock);
	while (sp->turn)
		pthread_cond_wait(&sp->changed, &sp->lock);
	sp->turn = turn;
	pthread_cond_broadcast(&sp->changed);
	pthread_mutex_unlock(&sp->lock);
}
