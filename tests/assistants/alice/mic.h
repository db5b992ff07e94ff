/* SPDX-License-Identifier: GPL-2.0-only */
/* A microphone made of recordings: frames in real time, or as fast as they are taken. */
#ifndef ALICE_MIC_H
#define ALICE_MIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "corpus.h"
#include "options.h"

struct mic {
	const struct corpus *corpus;
	const struct utterance *speech; /* being said, NULL: quiet */
	size_t position;		/* in speech, samples */
	size_t room_position;
	size_t samples;	   /* of a frame */
	uint64_t frame_ns; /* of its sound */
	uint64_t next_ns;  /* when the next frame is complete */
	uint64_t dropped;  /* frames lost because nobody read them for a second */
	bool fast;
};

void mic_open(struct mic *mic, const struct corpus *corpus, const struct options *opt);

/* The user starts to say @utt, from sample @from. */
void mic_say(struct mic *mic, const struct utterance *utt, size_t from);

/* True once the utterance is over. */
bool mic_quiet(const struct mic *mic);

/* Waits for a frame and copies its mic->samples. Returns false if the assistant is to end. */
bool mic_read(struct mic *mic, int16_t frame[FRAME_SAMPLES_MAX]);

#endif
