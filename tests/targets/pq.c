/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A client of a real PostgreSQL through the real libpq, whose PQexec succeeds only by a tail jump
 * to the local function that waits for the server. --extra is the connection string; --us says how
 * long the server is to sleep.
 */
#include "truth.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void timed_query(PGconn *connection, const char *sql, ExecStatusType expected,
			const char *value)
{
	uint64_t start_ns = truth_now_ns();
	PGresult *result = PQexec(connection, sql);

	truth_record(truth_fn("PQexec"), start_ns, truth_now_ns(), TRUTH_NORMAL);
	truth_check(PQresultStatus(result) == expected, sql);
	if (value)
		truth_check(!strcmp(PQgetvalue(result, 0, 0), value), sql);
	PQclear(result);
}

int main(int argc, char **argv)
{
	struct truth_opts opts;
	struct truth_pace pace;
	PGconn *connection;
	unsigned int random;
	char sql[128];

	truth_init(&opts, argc, argv);
	random = opts.seed;
	truth_fn("PQexec");
	connection = PQconnectdb(opts.extra ? opts.extra : "");
	if (PQstatus(connection) != CONNECTION_OK) {
		fprintf(stderr, "%s", PQerrorMessage(connection));
		return 2;
	}
	truth_ready(&opts);
	truth_pace_start(&pace);
	while (truth_pace_next(&pace, &opts)) {
		double sleep_s = (double)truth_draw_us(&opts, &random) / 1e6;

		timed_query(connection, "select 40 + 2", PGRES_TUPLES_OK, "42");
		snprintf(sql, sizeof(sql), "select pg_sleep(%.6f)", sleep_s);
		timed_query(connection, sql, PGRES_TUPLES_OK, "");
		timed_query(connection, "select nothing from nowhere", PGRES_FATAL_ERROR, NULL);
	}
	PQfinish(connection);
	return truth_finish();
}
