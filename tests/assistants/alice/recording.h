/* SPDX-License-Identifier: GPL-2.0-only */
/* What was said in a turn, kept until it is understood. */
#ifndef ALICE_RECORDING_H
#define ALICE_RECORDING_H

#include <stddef.h>
#include <stdint.h>

struct audio_block;

/* Blocks of a second each, in order; all zero: empty. */
struct recording {
	struct audio_block *first, *last;
	uint64_t bytes; /* of its blocks */
};

/* Without memory the sound is lost. */
void recording_add(struct recording *recording, const int16_t *samples, size_t cnt);

/*
 * The sound is not needed any more. With the fault keep-audio its blocks are not given back in so
 * many percent of the turns, of which this is number @turn. Returns the bytes that were kept.
 */
uint64_t recording_end(struct recording *recording, uint32_t turn);

#endif
