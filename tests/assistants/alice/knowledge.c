/* SPDX-License-Identifier: GPL-2.0-only */
#include "knowledge.h"

#include <errno.h>
#include <stdio.h>

#include "lookup.h"
#include "session.h"

static const char content[] =
	"CREATE VIRTUAL TABLE phrases USING fts5(phrase, intent UNINDEXED);"
	"INSERT INTO phrases VALUES"
	" ('what time is it', 'time'),"
	" ('turn on the kitchen bedroom living room light lights', 'lights'),"
	" ('turn off the kitchen bedroom living room light lights', 'lights'),"
	" ('set a timer for minutes', 'timer'),"
	" ('play some music', 'music'),"
	" ('stop the music', 'music'),"
	" ('what is the weather today tomorrow', 'weather'),"
	" ('open lock the front garage door', 'door'),"
	" ('go forward backward meter meters somewhere and do something', 'move'),"
	" ('ace jack queen king lady of clubs hearts diamonds spades', 'cards'),"
	" ('one two three four five six seven eight nine ten', 'cards');"
	"CREATE TABLE answers (intent TEXT PRIMARY KEY, template TEXT NOT NULL, fact TEXT);"
	"INSERT INTO answers VALUES"
	" ('time', 'It is {fact}.', 'time'),"
	" ('lights', 'Okay, I {words}.', NULL),"
	" ('timer', 'All right, I {words}.', NULL),"
	" ('music', 'I {words}. Enjoy.', NULL),"
	" ('weather', 'It will be {fact}.', 'weather'),"
	" ('door', 'I {words} now.', NULL),"
	" ('move', 'I {words}. Please stand clear.', NULL),"
	" ('cards', 'You have {words}. {fact}.', 'cards');"
	"CREATE TABLE facts (name TEXT, value TEXT);"
	"INSERT INTO facts VALUES"
	" ('time', 'ten past four'),"
	" ('weather', 'sunny, with light wind from the west'),"
	" ('cards', 'Nobody can beat that'),"
	" ('sorry', 'I am sorry, I did not understand');";

static int prepare(struct session *s, const char *sql, sqlite3_stmt **stmt)
{
	return sqlite3_prepare_v2(s->db, sql, -1, stmt, NULL) == SQLITE_OK ? 0 : -EIO;
}

int knowledge_open(struct session *s)
{
	int err = 0;

	if (sqlite3_open(":memory:", &s->db) != SQLITE_OK ||
	    sqlite3_exec(s->db, content, NULL, NULL, NULL) != SQLITE_OK)
		err = -EIO;
	if (!err)
		err = lookup_register(s->db);
	if (!err)
		err = prepare(s,
			      "SELECT intent FROM phrases WHERE phrases MATCH ?1"
			      " ORDER BY rank LIMIT 1",
			      &s->find_intent);
	if (!err)
		err = prepare(s, "SELECT template, fact FROM answers WHERE intent = ?1",
			      &s->find_answer);
	if (!err)
		err = prepare(s, "SELECT value FROM facts WHERE name = ?1", &s->find_fact);
	if (err)
		fprintf(stderr, "alice: data base: %s\n", sqlite3_errmsg(s->db));
	return err;
}

void knowledge_close(struct session *s)
{
	sqlite3_finalize(s->find_intent);
	sqlite3_finalize(s->find_answer);
	sqlite3_finalize(s->find_fact);
	sqlite3_close(s->db);
}
