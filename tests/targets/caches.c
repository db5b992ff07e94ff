/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A cache whose own counters are the truth, and GETs of Redis; on command, one a line on stdin,
 * answered by "done":
 *   weight N            an entry has N times the bytes (of 1 KiB to 4 KiB: none is allocated)
 *   limit KB            the cache throws out what was used longest ago when it has more than that
 *   look THREADS N KEYS each of the threads looks up N keys out of KEYS; what is not there is put
 * in clear               throws everything out counters            logs what the cache counted so
 * far redis PORT THREADS N KEYS   the same on a Redis, every second by redisCommandArgv; between
 * them commands that are no look-ups idle MS             sleeps
 */
#include "truth.h"

#include <hiredis/hiredis.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_MAX    4096
#define THREADS_MAX 16

struct entry {
	uint64_t bytes; /* at 0 */
	uint64_t used;	/* when, in look-ups; 0: not there */
};

/* The offset of `bytes` is in the tests' configuration. */
struct cache {
	uint64_t limit_bytes;
	uint64_t bytes; /* at 8 */
	pthread_mutex_t lock;
	uint64_t time, weight;
	uint64_t lookups, hits, inserts, inserted_bytes, evictions, evicted_bytes;
	struct entry entry[KEYS_MAX];
};

static struct cache cache = {
	.limit_bytes = UINT64_MAX, .weight = 1, .lock = PTHREAD_MUTEX_INITIALIZER};

/* One thread's share of the work. */
struct share {
	pthread_t thread;
	long n, keys;
	int port;
	uint64_t seed;
};

/* What was found, or NULL. */
STAGE struct entry *cache_get(struct cache *c, long key)
{
	struct entry *found = NULL;

	pthread_mutex_lock(&c->lock);
	c->lookups++;
	if (c->entry[key].used) {
		found = &c->entry[key];
		found->used = ++c->time;
		c->hits++;
	}
	pthread_mutex_unlock(&c->lock);
	TRUTH_BARRIER();
	return found;
}

/* The lock is held. */
STAGE void cache_drop(struct cache *c, struct entry *entry)
{
	c->bytes -= entry->bytes;
	c->evicted_bytes += entry->bytes;
	c->evictions++;
	*entry = (struct entry){0, 0};
	TRUTH_BARRIER();
}

static struct entry *oldest(struct cache *c)
{
	struct entry *old = NULL;

	for (long i = 0; i < KEYS_MAX; i++)
		if (c->entry[i].used && (!old || c->entry[i].used < old->used))
			old = &c->entry[i];
	return old;
}

/* Returns how many bytes were put in: 0 where another thread was first. */
STAGE long cache_put(struct cache *c, long key, uint64_t bytes)
{
	long put = 0;

	pthread_mutex_lock(&c->lock);
	while (c->bytes + bytes > c->limit_bytes && oldest(c))
		cache_drop(c, oldest(c));
	if (!c->entry[key].used) {
		c->entry[key] = (struct entry){bytes, ++c->time};
		c->bytes += bytes;
		c->inserted_bytes += bytes;
		c->inserts++;
		put = (long)bytes;
	}
	pthread_mutex_unlock(&c->lock);
	TRUTH_BARRIER();
	return put;
}

static uint64_t draw(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return *seed >> 33;
}

static void *run_look(void *arg)
{
	struct share *share = arg;

	for (long i = 0; i < share->n; i++) {
		long key = (long)(draw(&share->seed) % (uint64_t)share->keys);

		if (!cache_get(&cache, key))
			cache_put(&cache, key, cache.weight * (1024 + (uint64_t)key % 7 * 512));
	}
	return NULL;
}

/* A GET, by one function or the other; true: found. */
static bool redis_get(redisContext *c, const char *key, bool by_argv)
{
	const char *argv[] = {"get", key};
	redisReply *reply = by_argv ? redisCommandArgv(c, 2, argv, NULL)
				    : redisCommand(c, "GET %s", key);
	bool found;

	truth_check(reply && (reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_NIL),
		    "GET");
	found = reply && reply->type == REDIS_REPLY_STRING;
	freeReplyObject(reply);
	return found;
}

static void *run_redis(void *arg)
{
	struct share *share = arg;
	redisContext *c = redisConnect("127.0.0.1", share->port);

	truth_check(c && !c->err, "redisConnect");
	for (long i = 0; i < share->n && c && !c->err; i++) {
		char key[32];

		snprintf(key, sizeof(key), "key:%llu",
			 (unsigned long long)(draw(&share->seed) % (uint64_t)share->keys));
		if (!redis_get(c, key, i & 1))
			freeReplyObject(redisCommand(c, "SET %s %s", key, "answer"));
		/* None of these is a look-up. */
		freeReplyObject(redisCommand(c, "EXISTS %s", key));
		freeReplyObject(redisCommand(c, "GETRANGE %s 0 1", key));
	}
	redisFree(c);
	return NULL;
}

static void run(void *(*work)(void *), long threads, const struct share *share)
{
	struct share shares[THREADS_MAX];

	if (threads > THREADS_MAX || share->keys > KEYS_MAX || share->keys < 1)
		abort();
	for (long i = 0; i < threads; i++) {
		shares[i] = *share;
		shares[i].seed = (uint64_t)i + 1;
		truth_check(!pthread_create(&shares[i].thread, NULL, work, &shares[i]), "thread");
	}
	for (long i = 0; i < threads; i++)
		pthread_join(shares[i].thread, NULL);
}

static void clear(void)
{
	pthread_mutex_lock(&cache.lock);
	for (long i = 0; i < KEYS_MAX; i++)
		if (cache.entry[i].used)
			cache_drop(&cache, &cache.entry[i]);
	pthread_mutex_unlock(&cache.lock);
}

static void counters(void)
{
	truth_log("{\"type\":\"cache\",\"lookups\":%llu,\"hits\":%llu,\"inserts\":%llu,"
		  "\"inserted_bytes\":%llu,\"evictions\":%llu,\"evicted_bytes\":%llu,"
		  "\"bytes\":%llu}",
		  (unsigned long long)cache.lookups, (unsigned long long)cache.hits,
		  (unsigned long long)cache.inserts, (unsigned long long)cache.inserted_bytes,
		  (unsigned long long)cache.evictions, (unsigned long long)cache.evicted_bytes,
		  (unsigned long long)cache.bytes);
}

static void obey(const char *verb, const long number[4])
{
	struct share share = {.n = number[1], .keys = number[2]};

	if (!strcmp(verb, "limit"))
		cache.limit_bytes = (uint64_t)number[0] * 1024;
	else if (!strcmp(verb, "weight"))
		cache.weight = (uint64_t)number[0];
	else if (!strcmp(verb, "look"))
		run(run_look, number[0], &share);
	else if (!strcmp(verb, "clear"))
		clear();
	else if (!strcmp(verb, "counters"))
		counters();
	else if (!strcmp(verb, "redis"))
		run(run_redis, number[1],
		    &(struct share){.port = (int)number[0], .n = number[2], .keys = number[3]});
	else if (!strcmp(verb, "idle"))
		truth_sleep_us(number[0] * 1000);
}

int main(int argc, char **argv)
{
	struct truth_opts opts;
	char line[256];

	truth_init(&opts, argc, argv);
	truth_ready(&opts);
	while (fgets(line, sizeof(line), stdin) && strcmp(line, "quit\n")) {
		char verb[16] = "";
		long number[4] = {0, 0, 0, 0};

		sscanf(line, "%15s %ld %ld %ld %ld", verb, &number[0], &number[1], &number[2],
		       &number[3]);
		obey(verb, number);
		puts("done");
		fflush(stdout);
	}
	return truth_finish();
}
