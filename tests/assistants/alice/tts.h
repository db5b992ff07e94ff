/* SPDX-License-Identifier: GPL-2.0-only */
/* Speech: espeak-ng or flite, one sentence in one call. */
#ifndef ALICE_TTS_H
#define ALICE_TTS_H

#include <stddef.h>
#include <stdint.h>

#include "options.h"

struct session;

struct speech {
	uint32_t rate; /* Hz */
	uint64_t samples;
	uint64_t first_audio_ns;  /* the player is given the first piece; 0: there was none */
	uint64_t engine_start_ns; /* just around the engine's own call; 0: out of the cache */
	uint64_t engine_end_ns;
};

/* Once per process, with a cache of so many bytes (0: none). 0 or negative errno. */
int tts_open(enum tts_engine engine, uint64_t cache_bytes);
void tts_close(void);
/* One line of the cache's counters, if there is one. */
void tts_log(void);

/* Speaks @answer into memory. 0 or negative errno. Engines are not reentrant: callers queue. */
int synthesize(struct session *s, const char *answer, struct speech *out);

#endif
