/* SPDX-License-Identifier: GPL-2.0-only */
/* What is heard: recorded utterances and the sound of a quiet room, 16 kHz mono. */
#ifndef ALICE_CORPUS_H
#define ALICE_CORPUS_H

#include <stddef.h>
#include <stdint.h>

#define SAMPLE_RATE	  16000
#define FRAME_SAMPLES_MAX 8000 /* 500 ms */

struct sound {
	int16_t *samples;
	size_t cnt;
};

struct utterance {
	char name[64];
	char text[128];	   /* what is said after the wake word */
	size_t command_at; /* sample where the command begins */
	struct sound sound;
};

struct corpus {
	struct utterance *utterances;
	size_t cnt;
	struct sound room;
};

/* Reads DIR/manifest.tsv and all that it names. 0 or negative errno, with a message on stderr. */
int corpus_load(struct corpus *corpus, const char *dir);
void corpus_free(struct corpus *corpus);

#endif
