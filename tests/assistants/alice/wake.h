/* SPDX-License-Identifier: GPL-2.0-only */
/* Wake word: pocketsphinx keyphrase spotting. */
#ifndef ALICE_WAKE_H
#define ALICE_WAKE_H

#include <stddef.h>
#include <stdint.h>

struct session;

int wake_open(struct session *s); /* 0 or negative errno */

/* One frame. 1: the wake word was heard, 0: not yet, negative errno. */
int detect_wake_word(struct session *s, const int16_t *frame, size_t samples);

/* Listens afresh after a hit. */
int rearm_wake_word(struct session *s);

#endif
