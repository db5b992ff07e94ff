/* SPDX-License-Identifier: GPL-2.0-only */
#include "player.h"

#include "clock.h"
#include "session.h"

void play_audio(struct session *s, const int16_t *sound, size_t samples)
{
	(void)sound;
	if (s->played_samples == 0)
		s->first_audio_ns = now_ns();
	s->played_samples += samples;
}
