/* SPDX-License-Identifier: GPL-2.0-only */
#include "recording.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "corpus.h"
#include "faults.h"

struct audio_block {
	struct audio_block *next;
	size_t cnt;
	int16_t samples[SAMPLE_RATE];
};

/* A function of its own in any case: it is to be found. */
__attribute__((noinline)) static struct audio_block *audio_block_new(void)
{
	struct audio_block *block = malloc(sizeof(*block));

	if (!block)
		return NULL;
	block->next = NULL;
	block->cnt = 0;
	return block;
}

static struct audio_block *block_with_room(struct recording *recording)
{
	struct audio_block *block = recording->last;

	if (block && block->cnt < SAMPLE_RATE)
		return block;
	block = audio_block_new();
	if (!block)
		return NULL;
	if (recording->last)
		recording->last->next = block;
	else
		recording->first = block;
	recording->last = block;
	recording->bytes += sizeof(*block);
	return block;
}

void recording_add(struct recording *recording, const int16_t *samples, size_t cnt)
{
	while (cnt > 0) {
		struct audio_block *block = block_with_room(recording);
		size_t n;

		if (!block)
			return;
		n = SAMPLE_RATE - block->cnt < cnt ? SAMPLE_RATE - block->cnt : cnt;
		memcpy(block->samples + block->cnt, samples, n * sizeof(*samples));
		block->cnt += n;
		samples += n;
		cnt -= n;
	}
}

/* Spread evenly over the turns. */
static bool is_kept(uint32_t turn)
{
	uint64_t percent;

	return fault_active(FAULT_KEEP_AUDIO, &percent) &&
	       (turn + 1) * percent / 100 != turn * percent / 100;
}

uint64_t recording_end(struct recording *recording, uint32_t turn)
{
	bool kept = is_kept(turn);
	uint64_t kept_bytes = kept ? recording->bytes : 0;

	while (!kept && recording->first) {
		struct audio_block *next = recording->first->next;

		free(recording->first);
		recording->first = next;
	}
	*recording = (struct recording){0};
	return kept_bytes;
}
