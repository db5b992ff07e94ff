/* SPDX-License-Identifier: GPL-2.0-only */
#include "lookup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "options.h"
#include "session.h"
#include "stage.h"

#define BLOCK_BYTES (1 << 20)

/* The catalogue of phrases is locked by whoever changes it. */
static pthread_mutex_t catalogue_lock = PTHREAD_MUTEX_INITIALIZER;
static sem_t change_wanted, change_begun;
static atomic_uint_fast64_t change_ns;

/* The catalogue on disk: a file without a name. */
static int catalogue_fd = -1;

static void wait_for_remote(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	(void)argc;
	sleep_ns((uint64_t)sqlite3_value_int64(argv[0]));
	sqlite3_result_int(ctx, 1);
}

/* True until the thread has spent so much CPU time from the first call in this statement. */
static void still_busy(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	static _Thread_local uint64_t until_ns;
	uint64_t cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);

	(void)argc;
	if (until_ns == 0)
		until_ns = cpu_ns + (uint64_t)sqlite3_value_int64(argv[0]);
	if (cpu_ns < until_ns) {
		sqlite3_result_int(ctx, 1);
		return;
	}
	until_ns = 0;
	sqlite3_result_int(ctx, 0);
}

int lookup_register(sqlite3 *db)
{
	if (sqlite3_create_function(db, "wait_for_remote", 1, SQLITE_UTF8, NULL, wait_for_remote,
				    NULL, NULL) != SQLITE_OK ||
	    sqlite3_create_function(db, "still_busy", 1, SQLITE_UTF8, NULL, still_busy, NULL,
				    NULL) != SQLITE_OK)
		return -EIO;
	return 0;
}

/* Holds the lock for as long as the one who asked wants, so that the wait is of a known length. */
static void *change_catalogue(void *arg)
{
	(void)arg;
	for (;;) {
		while (sem_wait(&change_wanted) != 0)
			;
		pthread_mutex_lock(&catalogue_lock);
		sem_post(&change_begun);
		sleep_ns(change_ns);
		pthread_mutex_unlock(&catalogue_lock);
	}
	return NULL;
}

static int start_changer(void)
{
	pthread_t thread;
	int err;

	sem_init(&change_wanted, 0, 0);
	sem_init(&change_begun, 0, 0);
	err = -pthread_create(&thread, NULL, change_catalogue, NULL);
	if (!err) {
		pthread_setname_np(thread, "catalogue");
		pthread_detach(thread);
	}
	return err;
}

static int write_catalogue(const char *dir, uint64_t bytes)
{
	char path[PATH_MAX];
	char *block = calloc(1, BLOCK_BYTES);
	int err = 0;

	if (!block)
		return -ENOMEM;
	snprintf(path, sizeof(path), "%s/catalogue.XXXXXX", dir);
	catalogue_fd = mkostemp(path, O_CLOEXEC);
	if (catalogue_fd < 0)
		err = -errno;
	else
		unlink(path);
	for (uint64_t done = 0; !err && done < bytes; done += BLOCK_BYTES) {
		if (write(catalogue_fd, block, BLOCK_BYTES) != BLOCK_BYTES)
			err = errno ? -errno : -ENOSPC;
	}
	/* Only clean pages can be dropped from the cache. */
	if (!err && fdatasync(catalogue_fd) != 0)
		err = -errno;
	free(block);
	return err;
}

int lookup_prepare(const struct options *opt)
{
	uint64_t disk_bytes = 0;
	bool lock = opt->control;
	int err = 0;

	for (unsigned int i = 0; i < opt->fault_cnt; i++) {
		const struct fault *f = &opt->faults[i];

		lock = lock || f->kind == FAULT_LOCK;
		if (f->kind == FAULT_DISK && f->value > disk_bytes)
			disk_bytes = f->value;
	}
	if (lock)
		err = start_changer();
	if (!err && disk_bytes)
		err = write_catalogue(opt->audio_dir, disk_bytes);
	if (err)
		fprintf(stderr, "alice: cannot prepare the look-ups: %s\n", strerror(-err));
	return err;
}

static void run_sql(struct session *s, const char *sql, uint64_t value)
{
	sqlite3_stmt *stmt;

	if (sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL) != SQLITE_OK)
		return;
	sqlite3_bind_int64(stmt, 1, (sqlite3_int64)value);
	while (sqlite3_step(stmt) == SQLITE_ROW)
		;
	sqlite3_finalize(stmt);
}

static void read_catalogue(uint64_t bytes)
{
	char *block = malloc(BLOCK_BYTES);
	off_t at = 0;
	ssize_t n = 1;

	posix_fadvise(catalogue_fd, 0, 0, POSIX_FADV_DONTNEED);
	while (block && n > 0 && (uint64_t)at < bytes) {
		n = pread(catalogue_fd, block, BLOCK_BYTES, at);
		at += n;
	}
	free(block);
}

void lookup_delays(struct session *s)
{
	uint64_t value;

	if (fault_active(FAULT_SLOW_INTENT, &value))
		run_sql(s, "SELECT wait_for_remote(?1)", value);
	if (fault_active(FAULT_CPU_INTENT, &value))
		run_sql(s,
			"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
			" WHERE still_busy(?1)) SELECT max(i) FROM n",
			value);
	if (fault_active(FAULT_LOCK, &value)) {
		change_ns = value;
		sem_post(&change_wanted);
		while (sem_wait(&change_begun) != 0)
			;
		pthread_mutex_lock(&catalogue_lock);
		pthread_mutex_unlock(&catalogue_lock);
	}
	if (fault_active(FAULT_DISK, &value))
		read_catalogue(value);
	stage_hangs(FAULT_HANG_INTENT);
}
