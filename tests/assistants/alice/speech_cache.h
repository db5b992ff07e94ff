/* SPDX-License-Identifier: GPL-2.0-only */
/* Answers that have been spoken before: their sound, up to so many bytes. Safe from any thread. */
#ifndef ALICE_SPEECH_CACHE_H
#define ALICE_SPEECH_CACHE_H

#include <stddef.h>
#include <stdint.h>

struct speech_cache;

/* The sound of one answer. */
struct spoken {
	uint64_t bytes; /* of the whole entry */
	uint64_t samples;
	uint32_t rate;
	int16_t *sound;
	struct spoken *next; /* the one that was used before it */
	unsigned int users;  /* those who play it, and the cache */
	char answer[];
};

/* NULL: no memory. */
struct speech_cache *speech_cache_open(uint64_t limit_bytes);
void speech_cache_close(struct speech_cache *cache);

/* The sound of an answer, to be given back by speech_cache_done(); NULL: never spoken, or lost. */
struct spoken *speech_cache_get(struct speech_cache *cache, const char *answer);
void speech_cache_done(struct speech_cache *cache, struct spoken *spoken);
/* Keeps a copy of the sound; what was not used for longest makes room. Returns its bytes: 0, it is
 * there already or does not fit. */
long speech_cache_put(struct speech_cache *cache, const char *answer, const int16_t *sound,
		      uint64_t samples, uint32_t rate);
/* One line of counters. */
void speech_cache_log(struct speech_cache *cache);

#endif
