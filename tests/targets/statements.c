/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Statements to real databases by the real client libraries; the log has the times of each class.
 * --mode postgresql, sqlite or redis; --extra is the connection string, or the port. Every thread
 * has a connection of its own. Literals and parameters hold the word that nobody may see.
 */
#include "truth.h"

#include <hiredis/hiredis.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECRET "hunter2"

static struct truth_opts opts;

/* Times one statement of a class: what is between is the client's call. */
static uint64_t begin_ns(void)
{
	return truth_now_ns();
}

static void end(const char *class, uint64_t start_ns)
{
	truth_record(truth_fn(class), start_ns, truth_now_ns(), TRUTH_NORMAL);
}

/* --- PostgreSQL --- */

static void pg_took(PGresult *result, ExecStatusType expected, const char *what)
{
	truth_check(PQresultStatus(result) == expected, what);
	PQclear(result);
}

static void pg_exec(PGconn *conn, const char *class, const char *sql, ExecStatusType expected)
{
	uint64_t start_ns = begin_ns();
	PGresult *result = PQexec(conn, sql);

	end(class, start_ns);
	pg_took(result, expected, sql);
}

static void pg_params(PGconn *conn, bool prepared)
{
	const char *const values[] = {"3", SECRET};
	uint64_t start_ns = begin_ns();
	PGresult *result = prepared ? PQexecPrepared(conn, "by_id", 2, values, NULL, NULL, 0)
				    : PQexecParams(conn,
						   "SELECT v FROM notes WHERE id = $1 AND v <> $2",
						   2, NULL, values, NULL, NULL, 0);

	end("simple", start_ns);
	pg_took(result, PGRES_TUPLES_OK, "parameters");
}

static void pg_async(PGconn *conn)
{
	uint64_t start_ns = begin_ns(), end_ns = 0;
	PGresult *result;

	truth_check(PQsendQuery(conn, "SELECT count(*) FROM notes WHERE v <> '" SECRET "'"),
		    "sent");
	while ((result = PQgetResult(conn))) {
		end_ns = truth_now_ns();
		pg_took(result, PGRES_TUPLES_OK, "asynchronous");
	}
	truth_record(truth_fn("complex"), start_ns, end_ns, TRUTH_NORMAL);
}

static void pg_round(PGconn *conn, long i)
{
	char sql[256];

	snprintf(sql, sizeof(sql), "SELECT v FROM notes WHERE id = %ld AND v <> '" SECRET "%ld'",
		 i % 100, i);
	pg_exec(conn, "simple", sql, PGRES_TUPLES_OK);
	pg_params(conn, false);
	pg_params(conn, true);
	pg_async(conn);
	pg_exec(conn, "complex",
		"SELECT a.v FROM notes a JOIN notes b ON a.id = b.id WHERE a.v <> '" SECRET "'",
		PGRES_TUPLES_OK);
	pg_exec(conn, "fulltext",
		"SELECT id FROM notes WHERE to_tsvector('english', v) @@ to_tsquery('" SECRET "')",
		PGRES_TUPLES_OK);
	pg_exec(conn, "analytics", "SELECT id, rank() OVER (ORDER BY v) FROM notes",
		PGRES_TUPLES_OK);
	pg_exec(conn, "simple", "SELECT nothing FROM notes WHERE id = 1", PGRES_FATAL_ERROR);
	if (opts.us_hi) {
		snprintf(sql, sizeof(sql),
			 "SELECT v, pg_sleep(%.3f) FROM notes WHERE id = 1 AND v <> '" SECRET "'",
			 (double)opts.us_hi / 1e6);
		pg_exec(conn, "simple", sql, PGRES_TUPLES_OK);
	}
}

static void *pg_thread(void *arg)
{
	PGconn *conn = PQconnectdb(opts.extra);
	struct truth_pace pace;

	(void)arg;
	truth_check(PQstatus(conn) == CONNECTION_OK, "connection");
	pg_took(PQprepare(conn, "by_id", "SELECT v FROM notes WHERE id = $1 AND v <> $2 LIMIT 9", 2,
			  NULL),
		PGRES_COMMAND_OK, "prepare");
	truth_pace_start(&pace);
	for (long i = 0; truth_pace_next(&pace, &opts); i++)
		pg_round(conn, i);
	PQfinish(conn);
	return NULL;
}

/* --- SQLite --- */

/* So many rows, or all of them; then the statement is over. */
static void lite_run(sqlite3_stmt *stmt, const char *class, int rows)
{
	uint64_t start_ns = truth_now_ns(), took_ns = 0;
	int status;

	do {
		uint64_t step_ns = truth_now_ns();

		status = sqlite3_step(stmt);
		took_ns += truth_now_ns() - step_ns;
	} while (status == SQLITE_ROW && --rows);
	truth_check(status == SQLITE_ROW || status == SQLITE_DONE, class);
	truth_record(truth_fn(class), start_ns, start_ns + took_ns, TRUTH_NORMAL);
	sqlite3_reset(stmt);
}

static sqlite3_stmt *lite_prepare(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt = NULL;

	truth_check(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK, sql);
	return stmt;
}

static void lite_literal(sqlite3 *db, long i)
{
	sqlite3_stmt *stmt;
	char sql[128];

	snprintf(sql, sizeof(sql), "INSERT INTO log VALUES (%ld, '" SECRET "%ld')", i, i % 50);
	stmt = lite_prepare(db, sql);
	lite_run(stmt, "simple", -1);
	sqlite3_finalize(stmt);
}

static const char lite_schema[] =
	"CREATE TABLE notes(id INTEGER PRIMARY KEY, v TEXT); CREATE TABLE log(id INTEGER, v TEXT);"
	"CREATE VIRTUAL TABLE docs USING fts5(body);"
	"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200) "
	"INSERT INTO notes SELECT i, 'note ' || i FROM n;"
	"INSERT INTO docs SELECT v FROM notes";

static void *lite_thread(void *arg)
{
	sqlite3_stmt *by_id, *join, *search, *rank;
	struct truth_pace pace;
	sqlite3 *db = arg;

	by_id = lite_prepare(db, "SELECT v FROM notes WHERE id = 3 AND v <> '" SECRET "'");
	join = lite_prepare(db, "SELECT a.v FROM notes a JOIN notes b ON a.id = b.id LIMIT 3");
	search = lite_prepare(db, "SELECT rowid FROM docs WHERE docs MATCH '" SECRET " OR 17'");
	rank = lite_prepare(db, "SELECT id, rank() OVER (ORDER BY v) FROM notes");
	truth_pace_start(&pace);
	for (long i = 0; truth_pace_next(&pace, &opts); i++) {
		lite_run(by_id, "simple", -1);
		if (opts.rate_hz > 1000)
			continue;
		lite_run(join, "complex", -1);
		lite_run(search, "fulltext", -1);
		lite_run(rank, "analytics", 2);
		lite_literal(db, i);
	}
	sqlite3_finalize(by_id);
	sqlite3_finalize(join);
	sqlite3_finalize(search);
	sqlite3_finalize(rank);
	return NULL;
}

/* --- Redis --- */

static void redis_took(void *reply, int type, const char *what)
{
	truth_check(reply && ((redisReply *)reply)->type == type, what);
	freeReplyObject(reply);
}

static void redis_round(redisContext *c)
{
	const char *words[] = {"RPUSH", "list", SECRET};
	const size_t bytes[] = {5, 4, sizeof(SECRET) - 1};
	uint64_t start_ns = begin_ns();
	void *reply = redisCommand(c, "SET key %s", SECRET);

	end("simple", start_ns);
	redis_took(reply, REDIS_REPLY_STATUS, "SET");
	start_ns = begin_ns();
	reply = redisCommandArgv(c, 3, words, bytes);
	end("simple", start_ns);
	redis_took(reply, REDIS_REPLY_INTEGER, "RPUSH");
	start_ns = begin_ns();
	reply = redisCommand(c, "LRANGE list 0 3");
	end("complex", start_ns);
	redis_took(reply, REDIS_REPLY_ARRAY, "LRANGE");
	start_ns = begin_ns();
	reply = redisCommand(c, "HGET list " SECRET);
	end("simple", start_ns);
	redis_took(reply, REDIS_REPLY_ERROR, "HGET");
	start_ns = begin_ns();
	truth_check(!redisAppendCommand(c, "GET key"), "append");
	truth_check(!redisAppendCommand(c, "SORT list ALPHA"), "append");
	truth_check(!redisGetReply(c, &reply), "reply");
	end("simple", start_ns);
	redis_took(reply, REDIS_REPLY_STRING, "GET");
	truth_check(!redisGetReply(c, &reply), "reply");
	end("complex", start_ns);
	redis_took(reply, REDIS_REPLY_ARRAY, "SORT");
}

static void *redis_thread(void *arg)
{
	redisContext *c = redisConnect("127.0.0.1", atoi(opts.extra));
	struct truth_pace pace;

	(void)arg;
	truth_check(c && !c->err, "connection");
	truth_pace_start(&pace);
	while (truth_pace_next(&pace, &opts))
		redis_round(c);
	redisFree(c);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[64];
	sqlite3 *db[64] = {NULL};
	void *(*work)(void *);

	truth_init(&opts, argc, argv);
	if (opts.threads < 1 || opts.threads > 64 || !opts.mode)
		return 2;
	work = strcmp(opts.mode, "redis") == 0	  ? redis_thread
	       : strcmp(opts.mode, "sqlite") == 0 ? lite_thread
						  : pg_thread;
	truth_fn("simple");
	truth_fn("complex");
	truth_fn("fulltext");
	truth_fn("analytics");
	for (int i = 0; work == lite_thread && i < opts.threads; i++) {
		truth_check(!sqlite3_open(":memory:", &db[i]), "open");
		truth_check(!sqlite3_exec(db[i], lite_schema, NULL, NULL, NULL), "schema");
	}
	truth_ready(&opts);
	for (int i = 0; i < opts.threads; i++)
		truth_check(!pthread_create(&threads[i], NULL, work, db[i]), "thread");
	for (int i = 0; i < opts.threads; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < opts.threads; i++)
		sqlite3_close(db[i]);
	return truth_finish();
}
