/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pingpong.c - two threads that wake each other through two pipes, on one CPU: two context
 * switches a round trip and nothing else, so that what is added to a switch shows.
 *
 *   pingpong CPU      commands on stdin: "run MS" and "stage MS", the same inside exchange();
 *                     answers: {"trips":N,"ns":N}
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static int to_pong[2];
static int to_ping[2];

uint64_t exchange(uint64_t until_ns);

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

static void *pong(void *arg)
{
	char byte;

	while (read(to_pong[0], &byte, 1) == 1)
		if (write(to_ping[1], &byte, 1) != 1)
			break;
	return arg;
}

static void trip(void)
{
	char byte = 0;

	if (write(to_pong[1], &byte, 1) != 1 || read(to_ping[0], &byte, 1) != 1)
		exit(1);
}

/* Round trips until a moment; a stage to be watched while its thread does nothing but switch. */
__attribute__((noinline)) uint64_t exchange(uint64_t until_ns)
{
	uint64_t trips = 0;

	do {
		trip();
		trips++;
	} while (now_ns() < until_ns);
	return trips;
}

static uint64_t plain(uint64_t until_ns)
{
	uint64_t trips = 0;

	do {
		trip();
		trips++;
	} while (now_ns() < until_ns);
	return trips;
}

int main(int argc, char **argv)
{
	char line[64];
	pthread_t thread;
	cpu_set_t cpus;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	CPU_ZERO(&cpus);
	CPU_SET(argc > 1 ? atoi(argv[1]) : 0, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus) || pipe(to_pong) || pipe(to_ping) ||
	    pthread_create(&thread, NULL, pong, NULL))
		return 1;
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		int inside = !strncmp(line, "stage ", 6);
		uint64_t ms = strtoull(strchr(line, ' ') ? strchr(line, ' ') : "0", NULL, 10);
		uint64_t start_ns = now_ns();
		uint64_t until_ns = start_ns + ms * 1000000;
		uint64_t trips = inside ? exchange(until_ns) : plain(until_ns);

		printf("{\"trips\":%llu,\"ns\":%llu}\n", (unsigned long long)trips,
		       (unsigned long long)(now_ns() - start_ns));
		fflush(stdout);
	}
	return 0;
}
