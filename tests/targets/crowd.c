/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Many users at once, and what they cost: up to USERS_MAX threads that talk without a pause to
 * speak of, one CPU that is busy for a part of its time, and memory that is held. Everything comes
 * and goes by lines on standard input, each answered by "done":
 *   users N      so many threads talk
 *   turn US      a turn lasts so long: half of it stt, half of it tts
 *   burn PERCENT of one CPU
 *   hold BYTES   touched, in place of what was held before
 *   quit
 * One line a turn:
 *   {"type":"turn","user":0,"start_ns":…,"end_ns":…}
 */
#include "truth.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define USERS_MAX 64
#define PERIOD_US 10000
#define PAUSE_US  20000
#define AWAY_US	  100000
#define PAGE	  4096

static atomic_int users_now;
static atomic_long turn_us = 200000;
static atomic_long burn_percent;
static atomic_bool over;
static struct truth_function *stt_fn, *tts_fn;

static char *held;
static size_t held_bytes;

STAGE int crowd_stt(int user, long us)
{
	truth_sleep_us(us);
	TRUTH_BARRIER();
	return user;
}

STAGE int crowd_tts(int user, long us)
{
	truth_sleep_us(us);
	TRUTH_BARRIER();
	return user;
}

static void talk(int user)
{
	long us = turn_us / 2;
	uint64_t start_ns = truth_now_ns();
	uint64_t heard_ns, end_ns;

	truth_check(crowd_stt(user, us) == user, "stt's result");
	heard_ns = truth_now_ns();
	truth_check(crowd_tts(user, us) == user, "tts's result");
	end_ns = truth_now_ns();
	truth_record(stt_fn, start_ns, heard_ns, TRUTH_NORMAL);
	truth_record(tts_fn, heard_ns, end_ns, TRUTH_NORMAL);
	truth_log("{\"type\":\"turn\",\"user\":%d,\"start_ns\":%llu,\"end_ns\":%llu}", user,
		  (unsigned long long)start_ns, (unsigned long long)end_ns);
}

static void *run_user(void *arg)
{
	int user = (int)(long)arg;

	while (!over) {
		if (user < users_now)
			talk(user);
		truth_sleep_us(user < users_now ? PAUSE_US : AWAY_US);
	}
	return NULL;
}

/* In periods short enough to look steady. What a busy machine held up is made up for. */
static void *run_burner(void *arg)
{
	uint64_t due_ns = truth_cpu_ns();

	(void)arg;
	while (!over) {
		uint64_t start_ns = truth_now_ns();
		uint64_t used_ns;

		due_ns += (uint64_t)burn_percent * PERIOD_US * 10;
		used_ns = truth_cpu_ns();
		if (due_ns > used_ns)
			truth_burn_us((long)((due_ns - used_ns) / 1000));
		used_ns = (truth_now_ns() - start_ns) / 1000;
		if (used_ns < PERIOD_US)
			truth_sleep_us(PERIOD_US - (long)used_ns);
		else
			due_ns = truth_cpu_ns();
	}
	return NULL;
}

static void hold(size_t bytes)
{
	size_t i;

	if (held)
		munmap(held, held_bytes);
	held = NULL;
	held_bytes = bytes;
	if (!bytes)
		return;
	held = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	truth_check(held != MAP_FAILED, "memory to hold");
	for (i = 0; held != MAP_FAILED && i < bytes; i += PAGE)
		held[i] = 1;
}

static bool obey(const char *line)
{
	char word[16];
	long value = 0;

	if (sscanf(line, "%15s %ld", word, &value) < 1)
		return true;
	if (!strcmp(word, "quit"))
		return false;
	if (!strcmp(word, "users"))
		users_now = (int)value;
	else if (!strcmp(word, "turn"))
		turn_us = value;
	else if (!strcmp(word, "burn"))
		burn_percent = value;
	else if (!strcmp(word, "hold"))
		hold((size_t)value);
	puts("done");
	fflush(stdout);
	return true;
}

int main(int argc, char **argv)
{
	pthread_t users[USERS_MAX], burner;
	struct truth_opts opts;
	char line[128];
	long i;

	truth_init(&opts, argc, argv);
	stt_fn = truth_fn("crowd_stt");
	tts_fn = truth_fn("crowd_tts");
	for (i = 0; i < USERS_MAX; i++)
		pthread_create(&users[i], NULL, run_user, (void *)i);
	pthread_create(&burner, NULL, run_burner, NULL);
	truth_ready(&opts);
	while (fgets(line, sizeof(line), stdin) && obey(line))
		;
	over = true;
	for (i = 0; i < USERS_MAX; i++)
		pthread_join(users[i], NULL);
	pthread_join(burner, NULL);
	return truth_finish();
}
