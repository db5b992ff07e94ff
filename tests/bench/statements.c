/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * statements.c - a client of SQLite that executes so many statements a second.
 *
 *   statements    commands on stdin: "load THREADS RATE MS", all threads together, a connection
 * each; answers: {"calls":N,"wall_ns":N,"cpu_ns":N,"median_ns":N}, the CPU time of the process and
 * a statement's own time in the median
 */
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

#define THREADS_MAX 64
#define SAMPLES_MAX 20000
#define ROWS	    1000

struct client {
	pthread_t thread;
	uint64_t start_ns;
	uint64_t end_ns;
	uint64_t period_ns;
	uint64_t calls;
	uint64_t took_ns[SAMPLES_MAX];
};

static struct client clients[THREADS_MAX];
static uint64_t merged_ns[THREADS_MAX * SAMPLES_MAX];

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

static void require(int good, sqlite3 *db, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "%s: %s\n", what, sqlite3_errmsg(db));
	exit(1);
}

static void sleep_until(uint64_t due_ns)
{
	const struct timespec due = {.tv_sec = (time_t)(due_ns / 1000000000ULL),
				     .tv_nsec = (long)(due_ns % 1000000000ULL)};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
}

static sqlite3 *filled(void)
{
	sqlite3 *db;

	if (sqlite3_open(":memory:", &db) != SQLITE_OK)
		exit(1);
	require(!sqlite3_exec(db,
			      "CREATE TABLE kept (id INTEGER PRIMARY KEY, word TEXT);"
			      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
			      "WHERE i < 1000) INSERT INTO kept SELECT i, 'word' || i FROM n",
			      NULL, NULL, NULL),
		db, "fill");
	return db;
}

static void execute(sqlite3 *db, sqlite3_stmt *statement, int64_t id)
{
	sqlite3_bind_int64(statement, 1, id);
	require(sqlite3_step(statement) == SQLITE_ROW, db, "a row");
	require(sqlite3_step(statement) == SQLITE_DONE, db, "the end");
	sqlite3_reset(statement);
}

static void *run_client(void *arg)
{
	struct client *c = arg;
	sqlite3 *db = filled();
	sqlite3_stmt *statement;

	require(!sqlite3_prepare_v2(db, "SELECT word FROM kept WHERE id = ?", -1, &statement, NULL),
		db, "prepare");
	for (uint64_t due_ns = c->start_ns; due_ns < c->end_ns && c->calls < SAMPLES_MAX;
	     due_ns += c->period_ns) {
		uint64_t start_ns;

		sleep_until(due_ns);
		start_ns = clock_ns(CLOCK_MONOTONIC);
		if (start_ns >= c->end_ns)
			break;
		execute(db, statement, (int64_t)(c->calls % ROWS) + 1);
		c->took_ns[c->calls++] = clock_ns(CLOCK_MONOTONIC) - start_ns;
	}
	sleep_until(c->end_ns + 20000000); /* ending costs, too */
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return NULL;
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void load(unsigned int threads, double rate, uint64_t ms)
{
	uint64_t period_ns = (uint64_t)(1e9 * threads / rate), calls = 0;
	uint64_t start_ns = clock_ns(CLOCK_MONOTONIC) + 200000000, cpu_ns, wall_ns;

	for (unsigned int i = 0; i < threads; i++) {
		clients[i].start_ns = start_ns + period_ns * i / threads;
		clients[i].end_ns = start_ns + ms * 1000000;
		clients[i].period_ns = period_ns;
		clients[i].calls = 0;
		if (pthread_create(&clients[i].thread, NULL, run_client, &clients[i]))
			exit(1);
	}
	sleep_until(start_ns);
	wall_ns = clock_ns(CLOCK_MONOTONIC);
	cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	sleep_until(start_ns + ms * 1000000);
	wall_ns = clock_ns(CLOCK_MONOTONIC) - wall_ns;
	cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_ns;
	for (unsigned int i = 0; i < threads; i++) {
		pthread_join(clients[i].thread, NULL);
		for (uint64_t n = 0; n < clients[i].calls; n++)
			merged_ns[calls++] = clients[i].took_ns[n];
	}
	qsort(merged_ns, calls, sizeof(merged_ns[0]), compare_u64);
	printf("{\"calls\":%llu,\"wall_ns\":%llu,\"cpu_ns\":%llu,\"median_ns\":%llu}\n",
	       (unsigned long long)calls, (unsigned long long)wall_ns, (unsigned long long)cpu_ns,
	       (unsigned long long)merged_ns[calls / 2]);
	fflush(stdout);
}

int main(void)
{
	unsigned long long threads, ms;
	char line[64];
	double rate;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "load %llu %lf %llu", &threads, &rate, &ms) != 3 || !threads ||
		    threads > THREADS_MAX || !(rate > 0))
			return 2;
		load((unsigned int)threads, rate, ms);
	}
	return 0;
}
