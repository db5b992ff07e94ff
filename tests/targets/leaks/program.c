/* SPDX-License-Identifier: GPL-2.0-only */
#include "program.h"

#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S    1000000000ULL
#define THREADS_MAX 16
#define TICK_NS	    2000000ULL
#define LOG_NS	    200000000ULL
/* Between two looks at the clock. */
#define BATCH	  64
#define BACKLOG_S 0.1

struct site {
	const char *function;
	const char *file;
	int line;
};

static struct {
	double rate, churn, duration_s, scale;
	int threads;
	FILE *log;
} options = {.scale = 1};
static struct worker workers[THREADS_MAX];
static pthread_barrier_t begun;
static uint64_t ready_ns;
static atomic_llong held_bytes;
static _Atomic(struct site *) leak_site;
static volatile sig_atomic_t ending;

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void sleep_ns(uint64_t ns)
{
	const struct timespec length = {(time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S)};

	nanosleep(&length, NULL);
}

double program_scale(void)
{
	return options.scale;
}

double program_elapsed_s(void)
{
	return ready_ns ? (double)(now_ns() - ready_ns) / NS_PER_S : 0;
}

void program_holds(int64_t bytes)
{
	atomic_fetch_add_explicit(&held_bytes, bytes, memory_order_relaxed);
}

void program_site(const char *function, const char *file, int line)
{
	static struct site only;
	static atomic_flag taken = ATOMIC_FLAG_INIT;

	if (atomic_load_explicit(&leak_site, memory_order_relaxed) ||
	    atomic_flag_test_and_set(&taken))
		return;
	only = (struct site){function, strrchr(file, '/') ? strrchr(file, '/') + 1 : file, line};
	atomic_store(&leak_site, &only);
}

uint32_t draw(struct worker *worker, uint32_t low, uint32_t high)
{
	uint64_t x = worker->random;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	worker->random = x;
	return low + (uint32_t)(x >> 16) % (high - low + 1);
}

void *touched(void *block, size_t bytes)
{
	if (!block)
		abort();
	memset(block, 0x5a, bytes);
	__asm__ volatile("" ::"r"(block) : "memory");
	return block;
}

static void leak_what_is_due(struct worker *worker, double elapsed_s)
{
	double due = options.rate / options.threads * elapsed_s;

	while (the_program.leak && options.rate > 0 && (double)worker->leaked_bytes < due) {
		worker->leaked_bytes += the_program.leak(worker);
		worker->leaked_cnt++;
	}
}

/* How many blocks are due; who was kept from its work does not make up for more than BACKLOG_S. */
static double blocks_due(const struct worker *worker, double pace, double elapsed_s,
			 double *skipped)
{
	double behind = pace * elapsed_s - *skipped - (double)worker->blocks;

	if (behind > pace * BACKLOG_S)
		*skipped += behind - pace * BACKLOG_S;
	return behind;
}

static void *run(void *arg)
{
	struct worker *worker = arg;
	double pace = options.churn / options.threads;
	double skipped = 0;

	if (the_program.begin)
		the_program.begin(worker);
	pthread_barrier_wait(&begun);
	pthread_barrier_wait(&begun);
	while (!ending) {
		double elapsed_s = program_elapsed_s();
		double due = pace > 0 ? blocks_due(worker, pace, elapsed_s, &skipped) : BATCH;

		for (int i = 0; i < BATCH && due > 0; i++) {
			unsigned int blocks = the_program.work(worker);

			worker->blocks += blocks;
			due -= blocks;
		}
		leak_what_is_due(worker, elapsed_s);
		if (pace > 0 && due <= 0)
			sleep_ns(TICK_NS);
	}
	return NULL;
}

static void write_site(void)
{
	static bool written;
	const struct site *site = atomic_load(&leak_site);

	if (!site || written)
		return;
	fprintf(options.log,
		"{\"type\":\"site\",\"function\":\"%s\",\"file\":\"%s\",\"line\":%d}\n",
		site->function, site->file, site->line);
	written = true;
}

/* The counters are read while they change: a line may be a block behind. */
static void write_log(void)
{
	uint64_t bytes = 0, cnt = 0, blocks = 0;

	if (!options.log)
		return;
	for (int i = 0; i < options.threads; i++) {
		bytes += __atomic_load_n(&workers[i].leaked_bytes, __ATOMIC_RELAXED);
		cnt += __atomic_load_n(&workers[i].leaked_cnt, __ATOMIC_RELAXED);
		blocks += __atomic_load_n(&workers[i].blocks, __ATOMIC_RELAXED);
	}
	write_site();
	fprintf(options.log,
		"{\"type\":\"leaked\",\"at_ns\":%llu,\"bytes\":%llu,\"count\":%llu,\"blocks\":%llu,"
		"\"live_bytes\":%lld}\n",
		(unsigned long long)now_ns(), (unsigned long long)bytes, (unsigned long long)cnt,
		(unsigned long long)blocks, atomic_load(&held_bytes));
	fflush(options.log);
}

static void on_term(int number)
{
	(void)number;
	ending = 1;
}

static void usage(const char *name)
{
	fprintf(stderr,
		"usage: %s [--rate BYTES] [--churn N] [--threads N] [--duration S] [--scale F]\n"
		"       [--log FILE]\n",
		name);
	exit(2);
}

static void read_option(int option, const char *name)
{
	switch (option) {
	case 'r':
		options.rate = atof(optarg);
		break;
	case 'c':
		options.churn = atof(optarg);
		break;
	case 't':
		options.threads = atoi(optarg);
		break;
	case 'd':
		options.duration_s = atof(optarg);
		break;
	case 's':
		options.scale = atof(optarg);
		break;
	case 'l':
		options.log = fopen(optarg, "we");
		if (options.log)
			break;
		perror(optarg);
		exit(2);
	default:
		usage(name);
	}
}

static void read_options(int argc, char **argv)
{
	static const struct option longs[] = {
		{"rate", required_argument, NULL, 'r'},
		{"churn", required_argument, NULL, 'c'},
		{"threads", required_argument, NULL, 't'},
		{"duration", required_argument, NULL, 'd'},
		{"scale", required_argument, NULL, 's'},
		{"log", required_argument, NULL, 'l'},
		{NULL, 0, NULL, 0},
	};
	int option;

	options.rate = the_program.rate;
	options.churn = the_program.churn;
	options.threads = the_program.threads;
	while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1)
		read_option(option, argv[0]);
	if (optind != argc || options.threads < 1 || options.threads > THREADS_MAX ||
	    options.scale <= 0)
		usage(argv[0]);
}

int main(int argc, char **argv)
{
	const struct sigaction on_end = {.sa_handler = on_term};
	pthread_t threads[THREADS_MAX];

	read_options(argc, argv);
	sigaction(SIGTERM, &on_end, NULL);
	pthread_barrier_init(&begun, NULL, (unsigned int)options.threads + 1);
	for (int i = 0; i < options.threads; i++) {
		workers[i].index = (unsigned int)i;
		workers[i].random = 88172645463325252ULL + (uint64_t)i * 7919;
		if (pthread_create(&threads[i], NULL, run, &workers[i]))
			abort();
	}
	pthread_barrier_wait(&begun);
	ready_ns = now_ns();
	pthread_barrier_wait(&begun);
	puts("ready");
	fflush(stdout);
	while (!ending && (options.duration_s == 0 || program_elapsed_s() < options.duration_s)) {
		write_log();
		sleep_ns(LOG_NS);
	}
	ending = 1;
	for (int i = 0; i < options.threads; i++)
		pthread_join(threads[i], NULL);
	write_log();
	return 0;
}
