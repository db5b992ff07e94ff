/* SPDX-License-Identifier: GPL-2.0-only */
/* A user's thread: turns with pauses between them, and a quiet room around them. */
#ifndef ALICE_USER_H
#define ALICE_USER_H

struct session;

/* Thread body for pthread_create(): runs the session until its turns or the assistant end. */
void *user_run(void *session);

#endif
