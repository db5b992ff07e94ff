/* SPDX-License-Identifier: GPL-2.0-only */
/* See alice/backends.h. */
#include "../alice/backends.h"

#include <hiredis/hiredis.h>
#include <libpq-fe.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* How long the remote service takes, whose answers are kept in Redis. */
#define REMOTE_NS 2000000

struct backend {
	PGconn *postgres;
	redisContext *redis;
	struct backend_counts counts;
};

/* One statement; true when it worked. Its only value goes to @value, which may be NULL. */
static bool statement(struct backend *b, const char *text, const char *argument, long *value)
{
	const char *const values[] = {argument};
	PGresult *result =
		PQexecParams(b->postgres, text, argument ? 1 : 0, NULL, values, NULL, NULL, 0);
	ExecStatusType status = PQresultStatus(result);
	bool good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;

	if (!good)
		b->counts.failed++;
	if (value)
		*value = good && PQntuples(result) > 0 ? atol(PQgetvalue(result, 0, 0)) : -1;
	PQclear(result);
	return good;
}

static bool open_postgres(struct backend *b, unsigned int port)
{
	char where[96];

	snprintf(where, sizeof(where), "host=127.0.0.1 port=%u user=postgres dbname=postgres",
		 port);
	b->postgres = PQconnectdb(where);
	if (PQstatus(b->postgres) == CONNECTION_OK &&
	    /* Of users that open at the same time, one makes it: the lock is theirs in turn. */
	    statement(b, "SELECT pg_advisory_lock(1)", NULL, NULL) &&
	    statement(b, "CREATE TABLE IF NOT EXISTS asked (intent text, at timestamptz)", NULL,
		      NULL) &&
	    statement(b, "SELECT pg_advisory_unlock(1)", NULL, NULL))
		return true;
	fprintf(stderr, "alice: PostgreSQL on port %u: %s", port, PQerrorMessage(b->postgres));
	return false;
}

static bool open_redis(struct backend *b, unsigned int port)
{
	b->redis = redisConnect("127.0.0.1", (int)port);
	if (b->redis && !b->redis->err)
		return true;
	fprintf(stderr, "alice: Redis on port %u: %s\n", port,
		b->redis ? b->redis->errstr : "no memory");
	return false;
}

static void backend_close(struct backend *b)
{
	if (!b)
		return;
	if (b->postgres)
		PQfinish(b->postgres);
	if (b->redis)
		redisFree(b->redis);
	free(b);
}

static struct backend *backend_open(unsigned int postgres_port, unsigned int redis_port)
{
	struct backend *b = calloc(1, sizeof(*b));

	if (b && (!postgres_port || open_postgres(b, postgres_port)) &&
	    (!redis_port || open_redis(b, redis_port)))
		return b;
	backend_close(b);
	return NULL;
}

static long backend_remember(struct backend *b, const char *intent)
{
	long times = -1;

	if (!b->postgres)
		return 0;
	b->counts.simple++;
	if (!statement(b, "INSERT INTO asked VALUES ($1, now())", intent, NULL))
		return -1;
	b->counts.complex++;
	statement(b, "SELECT count(*) FROM asked WHERE intent = $1 GROUP BY intent", intent,
		  &times);
	return times;
}

static bool cached(struct backend *b, const char *intent, char *out, size_t size)
{
	redisReply *reply = redisCommand(b->redis, "GET api:%s", intent);
	bool found = reply && reply->type == REDIS_REPLY_STRING;

	b->counts.gets++;
	b->counts.hits += found;
	if (found)
		snprintf(out, size, "%s", reply->str);
	freeReplyObject(reply);
	return found;
}

static int backend_ask(struct backend *b, const char *intent, char *out, size_t size)
{
	const struct timespec remote = {.tv_nsec = REMOTE_NS};

	if (!b->redis)
		return 0;
	if (cached(b, intent, out, size))
		return 1;
	nanosleep(&remote, NULL);
	snprintf(out, size, "what there is to know about %s", intent);
	b->counts.sets++;
	freeReplyObject(redisCommand(b->redis, "SET api:%s %s EX 3600", intent, out));
	return 0;
}

static const struct backend_counts *backend_counts(const struct backend *b)
{
	return &b->counts;
}

const struct backends backends = {
	.open = backend_open,
	.close = backend_close,
	.remember = backend_remember,
	.ask = backend_ask,
	.counts = backend_counts,
};
