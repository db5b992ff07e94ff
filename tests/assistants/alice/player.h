/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the loudspeaker would be. */
#ifndef ALICE_PLAYER_H
#define ALICE_PLAYER_H

#include <stddef.h>
#include <stdint.h>

struct session;

/* Takes a piece of the answer's sound and returns at once, as a queue of a sound device does. */
void play_audio(struct session *s, const int16_t *sound, size_t samples);

#endif
