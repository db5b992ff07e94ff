/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * syscalls.c - a program that does nothing but call the kernel, in the ways that hooks of a tracer
 * could make dearer: what a bystander pays.
 *
 *   syscalls      commands on stdin: "KIND MS"; answers: {"calls":N,"cpu_ns":N}, CPU time of the
 *                 process and its children
 *   kinds         getppid, file (open, read, close), mmap (map, touch, unmap), fork (and wait),
 *                 thread (create and join), yield (between two threads of one CPU)
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BATCH 16

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

/* Own time to the nanosecond; that of children is kept in microseconds. */
static uint64_t cpu_ns(void)
{
	struct rusage of;

	getrusage(RUSAGE_CHILDREN, &of);
	return clock_ns(CLOCK_PROCESS_CPUTIME_ID) +
	       (uint64_t)(of.ru_utime.tv_sec + of.ru_stime.tv_sec) * 1000000000ULL +
	       (uint64_t)(of.ru_utime.tv_usec + of.ru_stime.tv_usec) * 1000;
}

static void require(int good, const char *what)
{
	if (good)
		return;
	perror(what);
	exit(1);
}

static void call_getppid(void)
{
	syscall(SYS_getppid);
}

static void call_file(void)
{
	char bytes[64];
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	require(fd >= 0 && read(fd, bytes, sizeof(bytes)) == sizeof(bytes), "/dev/zero");
	close(fd);
}

static void call_mmap(void)
{
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	require(page != MAP_FAILED, "mmap");
	*(volatile char *)page = 1;
	munmap(page, 4096);
}

static void call_fork(void)
{
	pid_t child = fork();

	require(child >= 0, "fork");
	if (!child)
		_exit(0);
	require(waitpid(child, NULL, 0) == child, "waitpid");
}

static void *no_work(void *arg)
{
	return arg;
}

static void call_thread(void)
{
	pthread_t thread;

	require(!pthread_create(&thread, NULL, no_work, NULL), "pthread_create");
	pthread_join(thread, NULL);
}

static atomic_bool yielding;

static void *yield_back(void *arg)
{
	while (atomic_load_explicit(&yielding, memory_order_relaxed))
		sched_yield();
	return arg;
}

static void call_yield(void)
{
	sched_yield();
}

struct kind {
	const char *name;
	void (*call)(void);
};

static const struct kind kinds[] = {
	{"getppid", call_getppid}, {"file", call_file},	    {"mmap", call_mmap},
	{"fork", call_fork},	   {"thread", call_thread}, {"yield", call_yield},
};

static void run(const struct kind *kind, uint64_t ms)
{
	uint64_t until_ns = clock_ns(CLOCK_MONOTONIC) + ms * 1000000, begin_ns = cpu_ns(),
		 calls = 0;
	int two = kind->call == call_yield;
	pthread_t other;

	atomic_store(&yielding, 1);
	if (two)
		require(!pthread_create(&other, NULL, yield_back, NULL), "pthread_create");
	do {
		for (int i = 0; i < BATCH; i++)
			kind->call();
		calls += BATCH;
	} while (clock_ns(CLOCK_MONOTONIC) < until_ns);
	atomic_store(&yielding, 0);
	if (two)
		pthread_join(other, NULL);
	printf("{\"calls\":%llu,\"cpu_ns\":%llu}\n", (unsigned long long)calls,
	       (unsigned long long)(cpu_ns() - begin_ns));
	fflush(stdout);
}

static void obey(const char *line)
{
	unsigned long long ms;
	char name[16];

	if (sscanf(line, "%15s %llu", name, &ms) == 2) {
		for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
			if (!strcmp(kinds[i].name, name)) {
				run(&kinds[i], ms);
				return;
			}
		}
	}
	fprintf(stderr, "what is '%s'?\n", line);
	exit(2);
}

int main(void)
{
	char line[64];
	cpu_set_t cpus;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	require(!sched_setaffinity(0, sizeof(cpus), &cpus), "sched_setaffinity");
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		obey(line);
	return 0;
}
