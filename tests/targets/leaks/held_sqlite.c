/* SPDX-License-Identifier: GPL-2.0-only */
/* A data base in memory: rows come, and as many go; statements are made and dropped. */
#include "program.h"

#include <sqlite3.h>
#include <stdlib.h>

#define ROWS 5000

struct base {
	sqlite3 *db;
	sqlite3_stmt *insert, *drop;
	long long row;
};

static void require(struct base *base, int status)
{
	(void)base;
	if (status != SQLITE_OK && status != SQLITE_DONE && status != SQLITE_ROW)
		abort();
}

static void put_row(struct worker *worker, struct base *base)
{
	sqlite3_bind_int64(base->insert, 1, base->row);
	sqlite3_bind_int(base->insert, 2, (int)draw(worker, 100, 800));
	require(base, sqlite3_step(base->insert));
	sqlite3_reset(base->insert);
	sqlite3_bind_int64(base->drop, 1, base->row++ - ROWS);
	require(base, sqlite3_step(base->drop));
	sqlite3_reset(base->drop);
}

static void begin(struct worker *worker)
{
	struct base *base = calloc(1, sizeof(*base));

	if (!base)
		abort();
	require(base, sqlite3_open(":memory:", &base->db));
	require(base,
		sqlite3_exec(base->db, "create table heard(id integer primary key, said blob)",
			     NULL, NULL, NULL));
	require(base, sqlite3_prepare_v2(base->db, "insert into heard values(?, randomblob(?))", -1,
					 &base->insert, NULL));
	require(base, sqlite3_prepare_v2(base->db, "delete from heard where id = ?", -1,
					 &base->drop, NULL));
	while (base->row < 2 * ROWS)
		put_row(worker, base);
	worker->own = base;
}

static unsigned int work(struct worker *worker)
{
	struct base *base = worker->own;
	sqlite3_stmt *look_up = NULL;

	put_row(worker, base);
	require(base, sqlite3_prepare_v2(base->db, "select said from heard where id = ?", -1,
					 &look_up, NULL));
	sqlite3_bind_int64(look_up, 1, base->row - draw(worker, 1, ROWS));
	require(base, sqlite3_step(look_up));
	sqlite3_finalize(look_up);
	return 12; /* about */
}

const struct program the_program = {
	.begin = begin,
	.work = work,
	.churn = 20000,
	.threads = 2,
};
