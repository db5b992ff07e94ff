/* SPDX-License-Identifier: GPL-2.0-only */
#include "sql/lexer.h"

#include <string.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_word_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	       (unsigned char)c >= 0x80;
}

static bool is_word(char c)
{
	return is_word_start(c) || is_digit(c) || c == '$';
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static size_t left(const struct sql_lexer *l)
{
	return (size_t)(l->end - l->at);
}

static char peek(const struct sql_lexer *l, size_t i)
{
	return i < left(l) ? l->at[i] : '\0';
}

/* Slashes and stars nest in PostgreSQL; where they do not, what follows is taken for a comment. */
static void skip_block(struct sql_lexer *l)
{
	size_t depth = 0;

	do {
		if (peek(l, 0) == '/' && peek(l, 1) == '*') {
			depth++;
			l->at += 2;
		} else if (peek(l, 0) == '*' && peek(l, 1) == '/') {
			depth--;
			l->at += 2;
		} else {
			l->at++;
		}
	} while (depth && left(l));
}

static void skip_blank(struct sql_lexer *l)
{
	while (left(l)) {
		if (is_space(*l->at)) {
			l->at++;
		} else if ((peek(l, 0) == '-' && peek(l, 1) == '-') ||
			   (peek(l, 0) == '#' && is_space(peek(l, 1)))) {
			/* "# " begins a comment in one dialect only, where it may hold anything. */
			while (left(l) && *l->at != '\n')
				l->at++;
		} else if (peek(l, 0) == '/' && peek(l, 1) == '*') {
			skip_block(l);
		} else {
			return;
		}
	}
}

/*
 * Behind the closing quote.  A quote twice is one of the text.  A backslash before a quote ends the
 * text in one dialect and not in the other: then all the rest may be of it.  False: no end.
 */
static bool skip_quoted(struct sql_lexer *l, char quote)
{
	for (l->at++; left(l); l->at++) {
		if (*l->at == '\\' && (peek(l, 1) == quote || peek(l, 1) == '\\')) {
			l->at = l->end;
			return false;
		}
		if (*l->at != quote)
			continue;
		if (peek(l, 1) != quote) {
			l->at++;
			return true;
		}
		l->at++;
	}
	l->at = l->end;
	l->unclosed = true;
	return false;
}

/* $tag$ ... $tag$, or false: it is none. */
static bool skip_dollars(struct sql_lexer *l)
{
	size_t tag = 1;

	while (is_word_start(peek(l, tag)) || is_digit(peek(l, tag)))
		tag++;
	if (peek(l, tag) != '$')
		return false;
	tag++;
	for (const char *at = l->at + tag; at < l->end && (size_t)(l->end - at) >= tag; at++) {
		if (memcmp(at, l->at, tag) == 0) {
			l->at = at + tag;
			return true;
		}
	}
	l->at = l->end;
	return true;
}

/* A parameter: its mark and what it is called. */
static void skip_parameter(struct sql_lexer *l)
{
	l->at++;
	while (is_word(peek(l, 0)))
		l->at++;
}

static void skip_number(struct sql_lexer *l)
{
	while (is_word(peek(l, 0)) || peek(l, 0) == '.' ||
	       ((peek(l, 0) == '+' || peek(l, 0) == '-') && (l->at[-1] | 0x20) == 'e'))
		l->at++;
}

/* E'text', X'00', _utf8'text': one literal.  LIKE'text' is a word before one. */
static bool is_prefix(const struct sql_token *word)
{
	return word->n == 1 || word->at[0] == '_';
}

static enum sql_token_kind lex_word(struct sql_lexer *l)
{
	struct sql_token word = {SQL_WORD, l->at, 0};

	while (is_word(peek(l, 0)))
		l->at++;
	word.n = (size_t)(l->at - word.at);
	if (peek(l, 0) != '\'' || !is_prefix(&word))
		return SQL_WORD;
	skip_quoted(l, '\'');
	return SQL_LITERAL;
}

static enum sql_token_kind lex_operator(struct sql_lexer *l)
{
	static const char chars[] = "+-*/<>=~!@#%^&|:";

	do
		l->at++;
	while (left(l) && strchr(chars, *l->at) && *l->at && !strchr("@:", *l->at) &&
	       !(peek(l, 0) == '-' && peek(l, 1) == '-') &&
	       !(peek(l, 0) == '/' && peek(l, 1) == '*'));
	return SQL_PUNCT;
}

static enum sql_token_kind lex_mark(struct sql_lexer *l)
{
	char c = peek(l, 0), next = peek(l, 1);

	if (c == '?' || ((c == ':' || c == '@' || c == '$' || c == '#') && is_word(next) &&
			 !(c == '$' && is_word_start(next)))) {
		skip_parameter(l);
		return SQL_LITERAL;
	}
	if ((c == ':' && next == ':') || (c == '@' && next == '@')) {
		l->at += 2;
		return SQL_PUNCT;
	}
	if (strchr("+-*/<>=~!@#%^&|:", c))
		return lex_operator(l);
	l->at++;
	return SQL_PUNCT;
}

static enum sql_token_kind lex_any(struct sql_lexer *l)
{
	char c = peek(l, 0);

	if (is_word_start(c))
		return lex_word(l);
	if (is_digit(c) || (c == '.' && is_digit(peek(l, 1)))) {
		l->at++;
		skip_number(l);
		return SQL_LITERAL;
	}
	if (c == '\'') {
		skip_quoted(l, c);
		return SQL_LITERAL;
	}
	if (c == '"' || c == '`')
		return skip_quoted(l, c) ? SQL_QUOTED : SQL_LITERAL;
	if (c == '$') {
		if (skip_dollars(l))
			return SQL_LITERAL;
		skip_parameter(l);
		return SQL_LITERAL;
	}
	return lex_mark(l);
}

struct sql_token sql_lex(struct sql_lexer *l)
{
	struct sql_token token = {.kind = SQL_END};

	skip_blank(l);
	token.at = l->at;
	if (!left(l) || *l->at == ';' || *l->at == '\0')
		return token;
	token.kind = lex_any(l);
	token.n = (size_t)(l->at - token.at);
	return token;
}

bool sql_is(const struct sql_token *token, char punct)
{
	return token->kind == SQL_PUNCT && token->n == 1 && *token->at == punct;
}
