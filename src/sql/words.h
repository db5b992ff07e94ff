/* SPDX-License-Identifier: GPL-2.0-only */
/* words.h - the words of SQL that say what a statement does, and those that are no names. */
#ifndef CHESHIRE_SQL_WORDS_H
#define CHESHIRE_SQL_WORDS_H

#include "sql/lexer.h"

enum sql_word {
	WORD_NAME = 0, /* no word of the language: a name, perhaps a value */
	WORD_OTHER,    /* ... a word without consequences */
	WORD_SELECT,   /* SELECT and VALUES as a statement read */
	WORD_VALUES,
	WORD_WITH,
	WORD_WRITE,   /* INSERT, UPDATE, DELETE, ... */
	WORD_SESSION, /* begins a statement about transactions or settings */
	WORD_UTILITY, /* begins any other */
	WORD_FROM,
	WORD_NAMED, /* a name follows: INTO, TABLE, AS, ... */
	WORD_JOIN,
	WORD_CLAUSE, /* ends a list of tables: WHERE, LIMIT, ... */
	WORD_GROUP,
	WORD_HAVING,
	WORD_SETS, /* UNION, INTERSECT, EXCEPT */
	WORD_DISTINCT,
	WORD_OVER,
	WORD_ROLLUP, /* ROLLUP, CUBE, GROUPING */
	WORD_WITHIN, /* WITHIN GROUP: an ordered aggregate */
	WORD_MATCH,
	WORD_VALUE, /* a value follows: LIKE, BETWEEN, IN, ... */
};

/* What a word is; *text is its spelling, NULL for names. */
enum sql_word sql_word(const struct sql_token *token, const char **text);
/* A function that makes one value of many rows; one that searches texts. */
bool sql_is_aggregate(const struct sql_token *token);
bool sql_is_search(const struct sql_token *token);

#endif
