/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Threads that wait for locks: for ever, or rightly. One command a line on stdin; each is answered
 * by "done NS" on stdout, where NS is CLOCK_MONOTONIC when the trouble was complete (every thread
 * that is to wait was just about to).
 *
 * Bad: abba (two threads, two locks), ring (five of each), self (a thread and a lock that it
 * holds), held (a lock that a sleeping thread keeps), owner-ended, robust (a lock whose word names
 * its owner, kept), inherit (one with priority inheritance, kept), shared (between processes,
 * kept). release: the kept locks are given back.
 *
 * Good: pool N (workers on a condition variable), semaphore, join, contend (eight threads and one
 * lock), recursive, barrier (two rounds, the third is never complete), leader (followers queue for
 * the lock of one that polls), read-write (readers wait for a writer that sleeps: a lock that does
 * not name its owner), timed (waits with a time-out).
 *
 * files DIR: maps DIR/mapped, opens DIR/opened, DIR/linked and DIR/deleted, and says so.
 */
#include "truth.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define RING 5

static pthread_mutex_t lock[RING];
static pthread_barrier_t all_hold;
static pthread_mutex_t kept = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t special;
static sem_t give_back, never;
static pthread_rwlock_t book = PTHREAD_RWLOCK_INITIALIZER;
static int quiet_pipe[2];

struct ring_part {
	int index, size;
};

static void start(const char *name, void *(*run)(void *), void *arg)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, run, arg))
		abort();
	pthread_setname_np(thread, name);
}

/* Long enough for the others to be at their locks. */
static void settle(void)
{
	truth_sleep_us(50000);
}

static void *run_ring(void *arg)
{
	const struct ring_part *part = arg;

	pthread_mutex_lock(&lock[part->index]);
	pthread_barrier_wait(&all_hold);
	pthread_mutex_lock(&lock[(part->index + 1) % part->size]);
	return NULL;
}

static void ring(int size)
{
	static struct ring_part parts[RING];
	char name[16];

	pthread_barrier_init(&all_hold, NULL, (unsigned int)size + 1);
	for (int i = 0; i < size; i++) {
		pthread_mutex_init(&lock[i], NULL);
		parts[i] = (struct ring_part){i, size};
		snprintf(name, sizeof(name), "ring-%d", i);
		start(name, run_ring, &parts[i]);
	}
	pthread_barrier_wait(&all_hold);
}

static void *run_self(void *arg)
{
	(void)arg;
	pthread_mutex_init(&lock[0], NULL);
	pthread_mutex_lock(&lock[0]);
	pthread_mutex_lock(&lock[0]);
	return NULL;
}

static void *run_keeper(void *arg)
{
	pthread_mutex_lock(arg);
	while (sem_wait(&give_back))
		;
	pthread_mutex_unlock(arg);
	return NULL;
}

static void *run_locker(void *arg)
{
	pthread_mutex_lock(arg);
	pthread_mutex_unlock(arg);
	return NULL;
}

static void *run_leaver(void *arg)
{
	pthread_mutex_lock(arg);
	return NULL;
}

static void keep(pthread_mutex_t *mutex, void *(*owner)(void *))
{
	start("keeper", owner, mutex);
	settle();
	start("waiter", run_locker, mutex);
}

static void start_crowd(int n)
{
	for (int i = 0; i < n; i++)
		start("crowd", run_locker, &kept);
}

enum special_kind { ROBUST, INHERIT, SHARED };

static void keep_special(enum special_kind kind)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	if (kind == ROBUST)
		pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	else if (kind == INHERIT)
		pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	else
		pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&special, &attr);
	keep(&special, run_keeper);
}

/* --- what is no trouble --- */

static pthread_mutex_t queue_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t queue_changed = PTHREAD_COND_INITIALIZER;

static void *run_worker(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&queue_lock);
	for (;;)
		pthread_cond_wait(&queue_changed, &queue_lock);
	return NULL;
}

static void *run_semaphore(void *arg)
{
	(void)arg;
	while (sem_wait(&never))
		;
	return NULL;
}

static void *run_joiner(void *arg)
{
	pthread_t other;

	(void)arg;
	pthread_create(&other, NULL, run_semaphore, NULL);
	pthread_join(other, NULL);
	return NULL;
}

static void *run_contender(void *arg)
{
	(void)arg;
	for (;;) {
		pthread_mutex_lock(&lock[0]);
		truth_sleep_us(20000);
		pthread_mutex_unlock(&lock[0]);
		truth_sleep_us(100);
	}
	return NULL;
}

static void *run_recursive(void *arg)
{
	pthread_mutexattr_t attr;

	(void)arg;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&lock[0], &attr);
	for (int i = 0; i < 3; i++)
		pthread_mutex_lock(&lock[0]);
	return run_semaphore(NULL);
}

static void *run_barrier(void *arg)
{
	for (int i = 0; i < 2 + (arg != NULL); i++)
		pthread_barrier_wait(&all_hold);
	return run_semaphore(NULL);
}

static void *run_follower(void *arg)
{
	struct pollfd quiet = {.fd = quiet_pipe[0], .events = POLLIN};

	(void)arg;
	pthread_mutex_lock(&kept);
	while (poll(&quiet, 1, -1) < 1)
		;
	pthread_mutex_unlock(&kept);
	return NULL;
}

static void *run_writer(void *arg)
{
	(void)arg;
	pthread_rwlock_wrlock(&book);
	return run_semaphore(NULL);
}

static void *run_reader(void *arg)
{
	(void)arg;
	pthread_rwlock_rdlock(&book);
	return NULL;
}

static void *run_timed(void *arg)
{
	struct timespec until;

	(void)arg;
	for (;;) {
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += 60;
		pthread_mutex_timedlock(&kept, &until);
	}
	return NULL;
}

static void start_many(const char *name, int n, void *(*run)(void *))
{
	for (int i = 0; i < n; i++)
		start(name, run, NULL);
}

/* --- files --- */

static const char *path_of(char *path, const char *folder, const char *name)
{
	snprintf(path, PATH_MAX + 16, "%s/%s", folder, name);
	return path;
}

static void use_files(const char *folder)
{
	static const char *const opened[] = {"opened", "linked", "deleted"};
	char path[PATH_MAX + 16];
	struct stat st;
	int fd = open(path_of(path, folder, "mapped"), O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) ||
	    mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED)
		abort();
	close(fd);
	for (size_t i = 0; i < sizeof(opened) / sizeof(opened[0]); i++)
		if (open(path_of(path, folder, opened[i]), O_RDONLY | O_CLOEXEC) < 0)
			abort();
	unlink(path);
}

static bool do_bad(const char *what)
{
	if (!strcmp(what, "abba"))
		ring(2);
	else if (!strcmp(what, "ring"))
		ring(RING);
	else if (!strcmp(what, "self"))
		start("selfish", run_self, NULL);
	else if (!strcmp(what, "held"))
		keep(&kept, run_keeper);
	else if (!strcmp(what, "owner-ended"))
		keep(&kept, run_leaver);
	else if (!strcmp(what, "robust"))
		keep_special(ROBUST);
	else if (!strcmp(what, "inherit"))
		keep_special(INHERIT);
	else if (!strcmp(what, "shared"))
		keep_special(SHARED);
	else if (!strncmp(what, "crowd ", 6))
		start_crowd(atoi(what + 6));
	else if (!strcmp(what, "release"))
		sem_post(&give_back);
	else
		return false;
	return true;
}

static bool do_good(const char *what)
{
	if (!strncmp(what, "pool ", 5))
		start_many("worker", atoi(what + 5), run_worker);
	else if (!strcmp(what, "semaphore"))
		start_many("semaphore", 3, run_semaphore);
	else if (!strcmp(what, "join"))
		start("joiner", run_joiner, NULL);
	else if (!strcmp(what, "contend"))
		start_many("contender", 8, run_contender);
	else if (!strcmp(what, "recursive"))
		start("recursive", run_recursive, NULL);
	else if (!strcmp(what, "barrier")) {
		pthread_barrier_init(&all_hold, NULL, 2);
		start("early", run_barrier, "");
		start("late", run_barrier, NULL);
	} else if (!strcmp(what, "leader"))
		start_many("follower", 5, run_follower);
	else if (!strcmp(what, "read-write")) {
		start("writer", run_writer, NULL);
		settle();
		start_many("reader", 3, run_reader);
	} else if (!strcmp(what, "timed")) {
		start("keeper", run_keeper, &kept);
		settle();
		start("timed", run_timed, NULL);
	} else
		return false;
	return true;
}

int main(int argc, char **argv)
{
	struct truth_opts opts;
	char line[PATH_MAX];

	truth_init(&opts, argc, argv);
	sem_init(&give_back, 0, 0);
	sem_init(&never, 0, 0);
	if (pipe2(quiet_pipe, O_CLOEXEC))
		return 2;
	truth_ready(&opts);
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		if (!strcmp(line, "quit"))
			break;
		if (!strncmp(line, "files ", 6))
			use_files(line + 6);
		else if (!strcmp(line, "abort"))
			abort();
		else if (!do_bad(line) && !do_good(line))
			return 2;
		printf("done %llu\n", (unsigned long long)truth_now_ns());
		fflush(stdout);
	}
	_exit(truth_finish());
}
