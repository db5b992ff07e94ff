/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory, threads, descriptors and CPU on command, one a line on stdin, answered by "done":
 *   grow MB        keeps that much more         free          gives all of it back
 *   spike MB MS    takes it, holds it, gives it back
 *   leak KB N US   N times KB kept, at distances of US
 *   threads N      has N sleeping threads more   fds N         opens N descriptors more
 *   burn MS        computes outside every stage  voice MS      computes inside stage_voice()
 *   work MS        sleeps inside stage_voice()   idle MS       sleeps outside every stage
 *   cycle N ON OFF N times ON ms of computing in stage_voice() and OFF ms of sleep
 */
#include "truth.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BLOCKS_MAX	   4096
#define MIB		   (1024UL * 1024)
#define THREAD_STACK_BYTES 65536

static struct {
	void *start;
	size_t bytes;
} blocks[BLOCKS_MAX];
static int block_cnt;
static struct truth_function *voice_fn;

STAGE uint64_t stage_voice(long burn_us, long sleep_us, uint64_t value)
{
	truth_burn_us(burn_us);
	truth_sleep_us(sleep_us);
	TRUTH_BARRIER();
	return truth_mix(value);
}

static void timed_voice(long burn_us, long sleep_us)
{
	uint64_t start_ns = truth_now_ns();
	uint64_t start_cpu_ns = truth_cpu_ns();
	uint64_t got = stage_voice(burn_us, sleep_us, 3);
	uint64_t cpu_ns = truth_cpu_ns() - start_cpu_ns;
	uint64_t end_ns = truth_now_ns();

	truth_record(voice_fn, start_ns, end_ns, TRUTH_NORMAL);
	truth_log("{\"type\":\"voice\",\"wall_ns\":%llu,\"cpu_ns\":%llu}",
		  (unsigned long long)(end_ns - start_ns), (unsigned long long)cpu_ns);
	truth_check(got == truth_mix(3), "stage_voice");
}

/* Touched page by page: only then does it count as resident. */
static void *take(size_t bytes)
{
	char *start = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t at;

	if (start == MAP_FAILED)
		abort();
	madvise(start, bytes, MADV_NOHUGEPAGE);
	for (at = 0; at < bytes; at += 4096)
		start[at] = (char)(at >> 12) | 1;
	return start;
}

static void keep(size_t bytes)
{
	if (block_cnt == BLOCKS_MAX)
		abort();
	blocks[block_cnt].start = take(bytes);
	blocks[block_cnt].bytes = bytes;
	block_cnt++;
}

static void give_back(void)
{
	while (block_cnt) {
		block_cnt--;
		munmap(blocks[block_cnt].start, blocks[block_cnt].bytes);
	}
}

static void *sleep_for_ever(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return NULL;
}

static void start_threads(long count)
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, THREAD_STACK_BYTES);
	while (count-- > 0)
		truth_check(!pthread_create(&thread, &attributes, sleep_for_ever, NULL), "thread");
	pthread_attr_destroy(&attributes);
}

static void open_descriptors(long count)
{
	while (count-- > 0)
		truth_check(open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0, "open");
}

static void obey_memory(const char *verb, long first, long second, long third)
{
	if (!strcmp(verb, "grow")) {
		keep((size_t)first * MIB);
	} else if (!strcmp(verb, "free")) {
		give_back();
	} else if (!strcmp(verb, "spike")) {
		void *start = take((size_t)first * MIB);

		truth_sleep_us(second * 1000);
		munmap(start, (size_t)first * MIB);
	} else if (!strcmp(verb, "leak")) {
		while (second-- > 0) {
			keep((size_t)first * 1024);
			truth_sleep_us(third);
		}
	}
}

static void obey_work(const char *verb, long first, long second, long third)
{
	if (!strcmp(verb, "threads")) {
		start_threads(first);
	} else if (!strcmp(verb, "fds")) {
		open_descriptors(first);
	} else if (!strcmp(verb, "burn")) {
		truth_burn_us(first * 1000);
	} else if (!strcmp(verb, "idle")) {
		truth_sleep_us(first * 1000);
	} else if (!strcmp(verb, "voice")) {
		timed_voice(first * 1000, 0);
	} else if (!strcmp(verb, "work")) {
		timed_voice(0, first * 1000);
	} else if (!strcmp(verb, "cycle")) {
		while (first-- > 0) {
			timed_voice(second * 1000, 0);
			truth_sleep_us(third * 1000);
		}
	}
}

int main(int argc, char **argv)
{
	struct truth_opts opts;
	char line[256];

	truth_init(&opts, argc, argv);
	voice_fn = truth_fn("stage_voice");
	truth_ready(&opts);
	while (fgets(line, sizeof(line), stdin) && strcmp(line, "quit\n")) {
		char verb[16] = "";
		long number[3] = {0, 0, 0};

		sscanf(line, "%15s %ld %ld %ld", verb, &number[0], &number[1], &number[2]);
		obey_memory(verb, number[0], number[1], number[2]);
		obey_work(verb, number[0], number[1], number[2]);
		puts("done");
		fflush(stdout);
	}
	return truth_finish();
}
