/* SPDX-License-Identifier: GPL-2.0-only */
/* Speech-to-text: pocketsphinx with a small language model, fed while the user speaks. */
#ifndef ALICE_STT_H
#define ALICE_STT_H

#include <stddef.h>
#include <stdint.h>

struct session;

int stt_open(struct session *s); /* all: 0 or negative errno */
int begin_speech(struct session *s);
int hear_speech(struct session *s, const int16_t *frame, size_t samples);

/* The user has stopped speaking: what was said, into @text. -ENODATA: nothing was understood. */
int transcribe(struct session *s, char *text, size_t size);

#endif
