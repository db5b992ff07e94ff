/* SPDX-License-Identifier: GPL-2.0-only */
#include "background.h"

#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

#define MAX_EXTRA_THREADS 1000
#define MAX_EXTRA_FDS	  100000
#define LEAK_BLOCK_BYTES  (64ULL << 10)
#define WRITE_BLOCK_BYTES (8ULL << 20)

/* One running background fault. */
struct job {
	pthread_t thread;
	uint64_t value;
	atomic_bool stop;
	bool running;
};

static struct job jobs[FAULT_CNT];
static sem_t extra_threads_end;

/* Spends job->value percent of one CPU, in periods short enough to look steady. */
static void *burn(void *arg)
{
	const uint64_t period_ns = 10 * NSEC_PER_MSEC;
	struct job *job = arg;
	uint64_t next_ns = now_ns();

	while (!job->stop) {
		uint64_t until = clock_ns(CLOCK_THREAD_CPUTIME_ID) + period_ns * job->value / 100;

		while (clock_ns(CLOCK_THREAD_CPUTIME_ID) < until)
			;
		next_ns += period_ns;
		if (now_ns() < next_ns)
			sleep_until_ns(next_ns);
		else
			next_ns = now_ns();
	}
	log_line("{\"type\":\"burnt\",\"cpu_ns\":%llu}",
		 (unsigned long long)clock_ns(CLOCK_THREAD_CPUTIME_ID));
	return NULL;
}

/* A list of old audio that is only ever added to. */
struct old_audio {
	struct old_audio *next;
	char samples[];
};
static struct old_audio *audio_history;

static void keep_audio(uint64_t bytes)
{
	struct old_audio *audio = malloc(sizeof(*audio) + bytes);

	if (!audio)
		return;
	memset(audio->samples, 1, bytes);
	audio->next = audio_history;
	audio_history = audio;
}

static void *leak(void *arg)
{
	struct job *job = arg;
	uint64_t start_ns = now_ns(), kept = 0;

	while (!job->stop) {
		double elapsed_s = (double)(now_ns() - start_ns) / 1e9;
		uint64_t due = (uint64_t)(elapsed_s * (double)job->value);

		while (kept < due && !job->stop) {
			uint64_t block = due - kept;

			if (block > LEAK_BLOCK_BYTES)
				block = LEAK_BLOCK_BYTES;
			keep_audio(block);
			kept += block;
		}
		sleep_ns(50 * NSEC_PER_MSEC);
	}
	log_line("{\"type\":\"leaked\",\"bytes\":%llu}", (unsigned long long)kept);
	return NULL;
}

/* Touches job->value bytes, holds them for 50 ms, gives them back. */
static void *spike(void *arg)
{
	struct job *job = arg;
	uint64_t full_ns;
	volatile char *area = malloc(job->value);

	if (!area)
		return NULL;
	for (uint64_t i = 0; i < job->value; i += 4096)
		area[i] = 1;
	full_ns = now_ns();
	sleep_ns(50 * NSEC_PER_MSEC);
	log_line("{\"type\":\"spike\",\"bytes\":%llu,\"start_ns\":%llu,\"end_ns\":%llu}",
		 (unsigned long long)job->value, (unsigned long long)full_ns,
		 (unsigned long long)now_ns());
	free((void *)area);
	return NULL;
}

/* Touches job->value bytes and keeps them until it is stopped. */
static void *hold(void *arg)
{
	struct job *job = arg;
	volatile char *area = malloc(job->value);

	if (!area)
		return NULL;
	for (uint64_t i = 0; i < job->value && !job->stop; i += 4096)
		area[i] = 1;
	log_line("{\"type\":\"held\",\"bytes\":%llu,\"at_ns\":%llu}",
		 (unsigned long long)job->value, (unsigned long long)now_ns());
	while (!job->stop)
		sleep_ns(20 * NSEC_PER_MSEC);
	free((void *)area);
	return NULL;
}

/* Writes job->value bytes into a file without a name, once, and has them on the disk. */
static void *write_disk(void *arg)
{
	struct job *job = arg;
	char *block = calloc(1, WRITE_BLOCK_BYTES);
	char path[] = "audio-log.XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);
	uint64_t done = 0;

	if (fd >= 0)
		unlink(path);
	while (block && fd >= 0 && done < job->value && !job->stop) {
		uint64_t left = job->value - done;
		ssize_t n = write(fd, block, left < WRITE_BLOCK_BYTES ? left : WRITE_BLOCK_BYTES);

		/* Bit by bit: pages that are dropped before they reach the disk do not count. */
		if (n <= 0 || fdatasync(fd) != 0)
			break;
		done += (uint64_t)n;
	}
	log_line("{\"type\":\"written\",\"bytes\":%llu,\"at_ns\":%llu}", (unsigned long long)done,
		 (unsigned long long)now_ns());
	if (fd >= 0)
		close(fd);
	free(block);
	return NULL;
}

static void *idle_thread(void *arg)
{
	(void)arg;
	while (sem_wait(&extra_threads_end) != 0)
		;
	return NULL;
}

static void *start_threads(void *arg)
{
	static pthread_t threads[MAX_EXTRA_THREADS];
	struct job *job = arg;
	pthread_attr_t attr;
	unsigned int cnt = 0;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 64 << 10);
	while (cnt < job->value && cnt < MAX_EXTRA_THREADS &&
	       pthread_create(&threads[cnt], &attr, idle_thread, NULL) == 0)
		cnt++;
	pthread_attr_destroy(&attr);
	log_line("{\"type\":\"threads\",\"count\":%u}", cnt);
	while (!job->stop)
		sleep_ns(20 * NSEC_PER_MSEC);
	for (unsigned int i = 0; i < cnt; i++)
		sem_post(&extra_threads_end);
	for (unsigned int i = 0; i < cnt; i++)
		pthread_join(threads[i], NULL);
	return NULL;
}

static void *open_fds(void *arg)
{
	struct job *job = arg;
	uint64_t want = job->value < MAX_EXTRA_FDS ? job->value : MAX_EXTRA_FDS;
	int *fds = calloc(want ? want : 1, sizeof(*fds));
	unsigned int cnt = 0;

	if (!fds)
		return NULL;
	for (; cnt < want; cnt++) {
		fds[cnt] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (fds[cnt] < 0)
			break;
	}
	log_line("{\"type\":\"fds\",\"count\":%u}", cnt);
	while (!job->stop)
		sleep_ns(20 * NSEC_PER_MSEC);
	while (cnt > 0)
		close(fds[--cnt]);
	free(fds);
	return NULL;
}

static void *crash(void *arg)
{
	volatile int *nowhere = NULL;

	(void)arg;
	log_flush();
	*nowhere = 1;
	return NULL;
}

static void *leave(void *arg)
{
	struct job *job = arg;

	log_flush();
	_exit((int)(job->value & 0xff));
}

static void *(*const runners[FAULT_CNT])(void *) = {
	[FAULT_BURN_THREAD] = burn,	 [FAULT_LEAK] = leak,	[FAULT_SPIKE] = spike,
	[FAULT_THREADS] = start_threads, [FAULT_HOLD] = hold,	[FAULT_DISK_WRITE] = write_disk,
	[FAULT_FDS] = open_fds,		 [FAULT_CRASH] = crash, [FAULT_EXIT] = leave,
};

void background_start(enum fault_kind kind, uint64_t value)
{
	struct job *job = &jobs[kind];

	if (!runners[kind] || job->running)
		return;
	job->value = value;
	job->stop = false;
	if (kind == FAULT_THREADS)
		sem_init(&extra_threads_end, 0, 0);
	job->running = pthread_create(&job->thread, NULL, runners[kind], job) == 0;
	if (job->running)
		pthread_setname_np(job->thread, fault_name(kind));
}

void background_stop(enum fault_kind kind)
{
	struct job *job = &jobs[kind];

	if (!job->running)
		return;
	job->stop = true;
	pthread_join(job->thread, NULL);
	job->running = false;
}
