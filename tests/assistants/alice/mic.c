/* SPDX-License-Identifier: GPL-2.0-only */
#include "mic.h"

#include <string.h>

#include "clock.h"
#include "faults.h"
#include "stop.h"

#define BACKLOG_NS NSEC_PER_SEC

void mic_open(struct mic *mic, const struct corpus *corpus, const struct options *opt)
{
	memset(mic, 0, sizeof(*mic));
	mic->corpus = corpus;
	mic->fast = opt->fast;
	mic->frame_ns = opt->frame_ns;
	mic->samples = (size_t)(opt->frame_ns * SAMPLE_RATE / NSEC_PER_SEC);
	mic->next_ns = now_ns() + mic->frame_ns;
}

void mic_say(struct mic *mic, const struct utterance *utt, size_t from)
{
	mic->speech = utt;
	mic->position = from;
}

bool mic_quiet(const struct mic *mic)
{
	return mic->speech == NULL;
}

/* Copies up to @want samples of @sound and returns how many. */
static size_t take(const struct sound *sound, size_t *position, int16_t *out, size_t want)
{
	size_t left = sound->cnt - *position;
	size_t n = want < left ? want : left;

	memcpy(out, sound->samples + *position, n * sizeof(*out));
	*position += n;
	return n;
}

/* A device that nobody reads in time overwrites its buffer: the backlog is bounded. */
static void wait_for_frame(struct mic *mic)
{
	uint64_t now = now_ns();

	if (now < mic->next_ns) {
		sleep_until_ns(mic->next_ns);
	} else if (now - mic->next_ns > BACKLOG_NS) {
		mic->dropped += (now - mic->next_ns) / mic->frame_ns;
		mic->next_ns = now;
	}
	mic->next_ns += mic->frame_ns;
}

bool mic_read(struct mic *mic, int16_t frame[FRAME_SAMPLES_MAX])
{
	const struct sound *room = &mic->corpus->room;
	size_t n = 0;

	while (fault_active(FAULT_MIC_STOP, NULL) && !stop_requested()) {
		sleep_ns(mic->frame_ns);
		mic->next_ns = now_ns();
	}
	if (!mic->fast)
		wait_for_frame(mic);
	if (mic->speech) {
		n = take(&mic->speech->sound, &mic->position, frame, mic->samples);
		if (mic->position == mic->speech->sound.cnt)
			mic->speech = NULL;
	}
	while (n < mic->samples) {
		n += take(room, &mic->room_position, frame + n, mic->samples - n);
		if (mic->room_position == room->cnt)
			mic->room_position = 0;
	}
	return !stop_requested();
}
