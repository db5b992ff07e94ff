/* SPDX-License-Identifier: GPL-2.0-only */
#include "speech_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

struct speech_cache {
	uint64_t bytes; /* at 0: in it now */
	uint64_t limit_bytes;
	pthread_mutex_t lock;
	struct spoken *newest;
	uint64_t lookups, hits, inserts, inserted_bytes, evictions, evicted_bytes;
};

/* Kept out of line in an optimised build: these are the cache's functions. */
#define CACHE_FUNCTION __attribute__((noinline, noclone, noipa))

void speech_cache_drop(struct speech_cache *cache, struct spoken *spoken);

struct speech_cache *speech_cache_open(uint64_t limit_bytes)
{
	struct speech_cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		return NULL;
	cache->limit_bytes = limit_bytes;
	pthread_mutex_init(&cache->lock, NULL);
	return cache;
}

static void leave(struct spoken *spoken)
{
	if (--spoken->users)
		return;
	free(spoken->sound);
	free(spoken);
}

/* Throws out one that is in the list no more; the lock is held. */
CACHE_FUNCTION void speech_cache_drop(struct speech_cache *cache, struct spoken *spoken)
{
	cache->bytes -= spoken->bytes;
	cache->evicted_bytes += spoken->bytes;
	cache->evictions++;
	leave(spoken);
}

void speech_cache_close(struct speech_cache *cache)
{
	struct spoken *spoken, *next;

	if (!cache)
		return;
	for (spoken = cache->newest; spoken; spoken = next) {
		next = spoken->next;
		leave(spoken);
	}
	free(cache);
}

/* Takes an answer out of the list; NULL: it is not there. */
static struct spoken *take(struct speech_cache *cache, const char *answer)
{
	for (struct spoken **at = &cache->newest; *at; at = &(*at)->next) {
		struct spoken *found = *at;

		if (strcmp(found->answer, answer) == 0) {
			*at = found->next;
			return found;
		}
	}
	return NULL;
}

static void put_first(struct speech_cache *cache, struct spoken *spoken)
{
	spoken->next = cache->newest;
	cache->newest = spoken;
}

CACHE_FUNCTION struct spoken *speech_cache_get(struct speech_cache *cache, const char *answer)
{
	struct spoken *found;

	pthread_mutex_lock(&cache->lock);
	cache->lookups++;
	found = take(cache, answer);
	if (found) {
		put_first(cache, found);
		found->users++;
		cache->hits++;
	}
	pthread_mutex_unlock(&cache->lock);
	return found;
}

void speech_cache_done(struct speech_cache *cache, struct spoken *spoken)
{
	pthread_mutex_lock(&cache->lock);
	leave(spoken);
	pthread_mutex_unlock(&cache->lock);
}

static struct spoken *spoken_new(const char *answer, const int16_t *sound, uint64_t samples,
				 uint32_t rate)
{
	size_t sound_bytes = samples * sizeof(*sound), text_bytes = strlen(answer) + 1;
	struct spoken *spoken = malloc(sizeof(*spoken) + text_bytes);

	if (!spoken)
		return NULL;
	*spoken = (struct spoken){
		.bytes = sizeof(*spoken) + text_bytes + sound_bytes,
		.samples = samples,
		.rate = rate,
		.sound = malloc(sound_bytes + 1),
		.users = 1,
	};
	if (!spoken->sound) {
		free(spoken);
		return NULL;
	}
	memcpy(spoken->answer, answer, text_bytes);
	memcpy(spoken->sound, sound, sound_bytes);
	return spoken;
}

static void make_room(struct speech_cache *cache, uint64_t bytes)
{
	while (cache->newest && cache->bytes + bytes > cache->limit_bytes) {
		struct spoken **at = &cache->newest, *oldest;

		while ((*at)->next)
			at = &(*at)->next;
		oldest = *at;
		*at = NULL;
		speech_cache_drop(cache, oldest);
	}
}

CACHE_FUNCTION long speech_cache_put(struct speech_cache *cache, const char *answer,
				     const int16_t *sound, uint64_t samples, uint32_t rate)
{
	struct spoken *spoken = spoken_new(answer, sound, samples, rate), *there;
	long put = 0;

	if (!spoken)
		return 0;
	pthread_mutex_lock(&cache->lock);
	there = take(cache, answer);
	if (there) {
		put_first(cache, there);
		leave(spoken);
	} else if (spoken->bytes > cache->limit_bytes) {
		leave(spoken);
	} else {
		make_room(cache, spoken->bytes);
		put_first(cache, spoken);
		put = (long)spoken->bytes;
		cache->bytes += spoken->bytes;
		cache->inserted_bytes += spoken->bytes;
		cache->inserts++;
	}
	pthread_mutex_unlock(&cache->lock);
	return put;
}

void speech_cache_log(struct speech_cache *cache)
{
	pthread_mutex_lock(&cache->lock);
	log_line("{\"type\":\"speech_cache\",\"lookups\":%llu,\"hits\":%llu,\"inserts\":%llu,"
		 "\"inserted_bytes\":%llu,\"evictions\":%llu,\"evicted_bytes\":%llu,"
		 "\"bytes\":%llu}",
		 (unsigned long long)cache->lookups, (unsigned long long)cache->hits,
		 (unsigned long long)cache->inserts, (unsigned long long)cache->inserted_bytes,
		 (unsigned long long)cache->evictions, (unsigned long long)cache->evicted_bytes,
		 (unsigned long long)cache->bytes);
	pthread_mutex_unlock(&cache->lock);
}
