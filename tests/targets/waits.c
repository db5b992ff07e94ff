/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One stage for each reason to wait, with the truth by the target's own clocks. --mode names one of
 * them, or nothing for all in turn. Beside the usual function lines the log has, per stage,
 *   {"type":"wait","name":"stage_lock","spans":3,"wall_ns":…,"cpu_ns":…,"run_delay_ns":…,
 *    "switches":…,"process_cpu_ns":…}
 * where wall and CPU time are summed by clock_gettime(), run_delay by /proc/thread-self/schedstat,
 * and context switches of the thread, as many as it was off the CPU, by getrusage().
 * --extra is a file on a disk, made by the test, larger than 64 KiB for each span.
 */
#include "truth.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CHUNK_BYTES	65536
#define CHUNKS_PER_SPAN 16

/* One way of waiting: prepare() runs before the clock starts and may be NULL. */
struct way {
	const char *name;
	void (*prepare)(long us);
	uint64_t (*stage)(long us);
};

static pthread_mutex_t contended = PTHREAD_MUTEX_INITIALIZER;
static int socket_ends[2];
static int pipe_ends[2];
static int disk_file = -1;
static int map_file = -1;
static size_t file_bytes;
static char *map_start;
static void *chunk;
static volatile char touched; /* keeps the reads of stage_fault() */
static atomic_bool burner_stop;

/* The helper thread waits for an order, then for as long as it says, then lets the stage go on. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	void (*release)(void);
	long us;
	bool holding; /* the contended mutex is held: the stage may start */
} order = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void release_lock(void)
{
	pthread_mutex_unlock(&contended);
}

static void release_socket(void)
{
	truth_check(send(socket_ends[1], "x", 1, 0) == 1, "send");
}

static void release_pipe(void)
{
	truth_check(write(pipe_ends[1], "x", 1) == 1, "write");
}

static void *run_helper(void *arg)
{
	(void)arg;
	for (;;) {
		void (*release)(void);
		long us;

		pthread_mutex_lock(&order.lock);
		while (!order.release)
			pthread_cond_wait(&order.changed, &order.lock);
		release = order.release;
		us = order.us;
		order.release = NULL;
		if (release == release_lock)
			pthread_mutex_lock(&contended);
		order.holding = true;
		pthread_cond_broadcast(&order.changed);
		pthread_mutex_unlock(&order.lock);
		truth_sleep_us(us);
		release();
	}
	return NULL;
}

static void give_order(void (*release)(void), long us)
{
	pthread_mutex_lock(&order.lock);
	order.release = release;
	order.us = us;
	order.holding = false;
	pthread_cond_broadcast(&order.changed);
	while (!order.holding)
		pthread_cond_wait(&order.changed, &order.lock);
	pthread_mutex_unlock(&order.lock);
}

static void prepare_lock(long us)
{
	give_order(release_lock, us);
}

static void prepare_socket(long us)
{
	give_order(release_socket, us);
}

static void prepare_pipe(long us)
{
	give_order(release_pipe, us);
}

static void drop_cache(long us)
{
	(void)us;
	/* Dirty pages would stay. */
	truth_check(!fsync(map_file) && !posix_fadvise(map_file, 0, 0, POSIX_FADV_DONTNEED),
		    "drop");
}

static void prepare_fault(long us)
{
	if (map_start)
		munmap(map_start, file_bytes);
	drop_cache(us);
	map_start = mmap(NULL, file_bytes, PROT_READ, MAP_PRIVATE, map_file, 0);
	if (map_start == MAP_FAILED)
		abort();
	/* No read-ahead: every touched chunk is to be a fault that waits for the disk. */
	madvise(map_start, file_bytes, MADV_RANDOM);
}

STAGE uint64_t stage_cpu(long us)
{
	truth_burn_us(us);
	TRUTH_BARRIER();
	return 1;
}

STAGE uint64_t stage_lock(long us)
{
	(void)us;
	pthread_mutex_lock(&contended);
	pthread_mutex_unlock(&contended);
	TRUTH_BARRIER();
	return 1;
}

STAGE uint64_t stage_disk(long us)
{
	static off_t at;
	int i;

	(void)us;
	for (i = 0; i < CHUNKS_PER_SPAN; i++) {
		if (pread(disk_file, chunk, CHUNK_BYTES, at) != CHUNK_BYTES)
			return 0;
		at = (at + CHUNK_BYTES) % (off_t)file_bytes;
	}
	return 1;
}

STAGE uint64_t stage_socket(long us)
{
	char byte;
	ssize_t got = recv(socket_ends[0], &byte, 1, 0);

	(void)us;
	TRUTH_BARRIER();
	return got == 1;
}

STAGE uint64_t stage_pipe(long us)
{
	char byte;
	ssize_t got = read(pipe_ends[0], &byte, 1);

	(void)us;
	TRUTH_BARRIER();
	return got == 1;
}

STAGE uint64_t stage_poll(long us)
{
	struct pollfd end = {.fd = pipe_ends[0], .events = POLLIN};
	char byte;

	(void)us;
	if (poll(&end, 1, 10000) != 1)
		return 0;
	return read(pipe_ends[0], &byte, 1) == 1;
}

STAGE uint64_t stage_epoll(long us)
{
	struct epoll_event event = {.events = EPOLLIN};
	int set = epoll_create1(EPOLL_CLOEXEC);
	char byte;
	bool good;

	(void)us;
	good = !epoll_ctl(set, EPOLL_CTL_ADD, pipe_ends[0], &event) &&
	       epoll_wait(set, &event, 1, 10000) == 1 && read(pipe_ends[0], &byte, 1) == 1;
	close(set);
	return good;
}

STAGE uint64_t stage_sleep(long us)
{
	truth_sleep_us(us);
	TRUTH_BARRIER();
	return 1;
}

STAGE uint64_t stage_fault(long us)
{
	size_t at;

	(void)us;
	for (at = 0; at < file_bytes && at < CHUNKS_PER_SPAN * CHUNK_BYTES; at += CHUNK_BYTES)
		touched = map_start[at];
	TRUTH_BARRIER();
	return 1;
}

/* Shares its CPU with a burner of equal weight: about half of the wall time is spent runnable. */
STAGE uint64_t stage_runqueue(long us)
{
	truth_burn_us(us);
	TRUTH_BARRIER();
	return 1;
}

static const struct way ways[] = {
	{"stage_cpu", NULL, stage_cpu},
	{"stage_lock", prepare_lock, stage_lock},
	{"stage_disk", drop_cache, stage_disk},
	{"stage_socket", prepare_socket, stage_socket},
	{"stage_pipe", prepare_pipe, stage_pipe},
	{"stage_poll", prepare_pipe, stage_poll},
	{"stage_epoll", prepare_pipe, stage_epoll},
	{"stage_sleep", NULL, stage_sleep},
	{"stage_fault", prepare_fault, stage_fault},
	{"stage_runqueue", NULL, stage_runqueue},
};

static uint64_t run_delay_ns(void)
{
	unsigned long long on_cpu = 0;
	unsigned long long delay = 0;
	FILE *file = fopen("/proc/thread-self/schedstat", "re");

	if (file) {
		if (fscanf(file, "%llu %llu", &on_cpu, &delay) != 2)
			delay = 0;
		fclose(file);
	}
	return delay;
}

static uint64_t process_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static unsigned long switches(void)
{
	struct rusage usage = {0};

	getrusage(RUSAGE_THREAD, &usage);
	return (unsigned long)(usage.ru_nvcsw + usage.ru_nivcsw);
}

static void pin_to_first_cpu(pthread_t thread)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	pthread_setaffinity_np(thread, sizeof(one), &one);
}

static void *run_burner(void *arg)
{
	volatile unsigned long turns = 0;

	(void)arg;
	while (!atomic_load(&burner_stop))
		turns++;
	return NULL;
}

static void run_way(const struct way *way, const struct truth_opts *opts)
{
	struct truth_function *fn = truth_fn(way->name);
	uint64_t wall_ns = 0, cpu_ns = 0, delay_ns = 0;
	uint64_t process_cpu_ns = 0;
	unsigned long switched = 0;
	unsigned int random = opts->seed;
	struct truth_pace pace;

	truth_pace_start(&pace);
	while (truth_pace_next(&pace, opts)) {
		long us = truth_draw_us(opts, &random);
		uint64_t start_ns, end_ns, start_cpu_ns, start_delay_ns, good;

		if (way->prepare)
			way->prepare(us);
		start_delay_ns = run_delay_ns();
		switched -= switches();
		process_cpu_ns -= process_now_ns();
		start_ns = truth_now_ns();
		start_cpu_ns = truth_cpu_ns();
		good = way->stage(us);
		cpu_ns += truth_cpu_ns() - start_cpu_ns;
		end_ns = truth_now_ns();
		process_cpu_ns += process_now_ns();
		switched += switches();
		delay_ns += run_delay_ns() - start_delay_ns;
		wall_ns += end_ns - start_ns;
		truth_record(fn, start_ns, end_ns, TRUTH_NORMAL);
		truth_check(good == 1, way->name);
	}
	truth_log("{\"type\":\"wait\",\"name\":\"%s\",\"spans\":%ld,\"wall_ns\":%llu,"
		  "\"cpu_ns\":%llu,\"run_delay_ns\":%llu,\"switches\":%lu,"
		  "\"process_cpu_ns\":%llu}",
		  way->name, pace.done, (unsigned long long)wall_ns, (unsigned long long)cpu_ns,
		  (unsigned long long)delay_ns, switched, (unsigned long long)process_cpu_ns);
}

static void run_beside_burner(const struct way *way, const struct truth_opts *opts)
{
	pthread_t burner;

	pin_to_first_cpu(pthread_self());
	pthread_create(&burner, NULL, run_burner, NULL);
	pin_to_first_cpu(burner);
	run_way(way, opts);
	atomic_store(&burner_stop, true);
	pthread_join(burner, NULL);
}

static bool open_files(const struct truth_opts *opts)
{
	pthread_t helper;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socket_ends) ||
	    pipe2(pipe_ends, O_CLOEXEC) || posix_memalign(&chunk, 4096, CHUNK_BYTES) ||
	    pthread_create(&helper, NULL, run_helper, NULL))
		return false;
	if (!opts->extra)
		return true;
	map_file = open(opts->extra, O_RDONLY | O_CLOEXEC);
	disk_file = open(opts->extra, O_RDONLY | O_CLOEXEC | O_DIRECT);
	if (map_file < 0 || disk_file < 0)
		return false;
	file_bytes = (size_t)lseek(map_file, 0, SEEK_END) / CHUNK_BYTES * CHUNK_BYTES;
	return file_bytes > 0;
}

static bool needs_file(const struct way *way)
{
	return way->stage == stage_disk || way->stage == stage_fault;
}

int main(int argc, char **argv)
{
	struct truth_opts opts;
	size_t i;

	truth_init(&opts, argc, argv);
	if (!open_files(&opts)) {
		perror("waits");
		return 2;
	}
	truth_ready(&opts);
	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		const struct way *way = &ways[i];

		if ((opts.mode[0] && strcmp(opts.mode, way->name + strlen("stage_"))) ||
		    (needs_file(way) && disk_file < 0))
			continue;
		if (way->stage == stage_runqueue)
			run_beside_burner(way, &opts);
		else
			run_way(way, &opts);
	}
	return truth_finish();
}
