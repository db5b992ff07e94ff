/* SPDX-License-Identifier: GPL-2.0-only */
/* lexer.h - SQL of any dialect in tokens; comments are not among them. */
#ifndef CHESHIRE_SQL_LEXER_H
#define CHESHIRE_SQL_LEXER_H

#include <stdbool.h>
#include <stddef.h>

enum sql_token_kind {
	SQL_END = 0, /* of the text, or of its first statement */
	SQL_WORD,
	SQL_QUOTED,  /* "a name": in some dialects it may be a text as well */
	SQL_LITERAL, /* text, number, parameter */
	SQL_PUNCT,   /* one of ( ) , . or an operator */
};

struct sql_token {
	enum sql_token_kind kind;
	const char *at;
	size_t n;
};

struct sql_lexer {
	const char *at, *end;
	bool unclosed; /* a quoted text had no end */
};

/*
 * The next token.  A literal without an end, and one whose end depends on the dialect (a backslash
 * before a quote), goes to the end of the text.
 */
struct sql_token sql_lex(struct sql_lexer *lexer);
bool sql_is(const struct sql_token *token, char punct);

#endif
