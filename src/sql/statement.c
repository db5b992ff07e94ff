/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * statement.c - one walk over the tokens: what the statement does, and its text for people.
 *
 * A bare word in the place of a value (behind a comparison, in a list of values) is redacted as a
 * literal is: a program that forgot its quotes sends what people said as words.
 */
#include <stdint.h>
#include <string.h>

#include "sql/redacted.h"
#include "sql/redis.h"
#include "sql/sql.h"
#include "sql/words.h"

#define DEPTH_MAX 32 /* parentheses whose inside is told apart */

enum feature {
	HAS_JOIN = 1 << 0,
	HAS_AGGREGATE = 1 << 1,
	HAS_GROUP = 1 << 2,
	HAS_WITH = 1 << 3,
	HAS_WINDOW = 1 << 4, /* or another thing only reports do */
	HAS_SEARCH = 1 << 5,
	HAS_SUBQUERY = 1 << 6,
	HAS_SETS = 1 << 7,
	HAS_DISTINCT = 1 << 8,
};

/* This many aggregates by group are a report. */
#define REPORT_AGGREGATES 3

struct walk {
	struct sql_lexer lexer;
	enum language language;
	struct sql_token token, next, before; /* before: END at the beginning */
	enum sql_word word, word_before;
	unsigned int features; /* enum feature */
	unsigned int aggregates;
	bool begun;   /* the statement's first word was seen */
	bool reads;   /* ... and was SELECT or the like */
	bool garbled; /* a word too many was redacted: so are those behind it */
	bool hidden;  /* `before` was "...", and redacted: it may be a text */
	uint32_t depth;
	uint32_t tables; /* bit d: a list of tables at depth d */
	uint32_t values; /* ... a list of values */
	bool rows;	 /* VALUES: lists follow each other */
	struct redacted out;
};

static uint32_t depth_bit(const struct walk *w)
{
	return w->depth < DEPTH_MAX ? 1u << w->depth : 0;
}

/* --- what it does --- */

static void note_word(struct walk *w)
{
	bool dotted = sql_is(&w->before, '.');

	switch (w->word) {
	case WORD_SELECT:
		if (w->begun)
			w->features |= HAS_SUBQUERY;
		w->tables &= ~depth_bit(w);
		w->values &= ~depth_bit(w);
		break;
	case WORD_WITH:
		w->features |= w->begun ? 0 : HAS_WITH;
		break;
	case WORD_FROM:
		if (w->word_before != WORD_DISTINCT)
			w->tables |= depth_bit(w);
		break;
	case WORD_JOIN:
		w->features |= HAS_JOIN;
		break;
	case WORD_HAVING:
		w->features |= HAS_AGGREGATE;
		w->tables &= ~depth_bit(w);
		break;
	case WORD_CLAUSE:
		w->tables &= ~depth_bit(w);
		w->rows = false;
		break;
	case WORD_GROUP:
		w->tables &= ~depth_bit(w);
		/* WITHIN GROUP is no grouping. */
		if (w->word_before != WORD_WITHIN)
			w->features |= HAS_GROUP;
		break;
	case WORD_SETS:
		w->tables &= ~depth_bit(w);
		w->features |= HAS_SETS;
		break;
	case WORD_DISTINCT:
		/* Not of IS [NOT] DISTINCT FROM. */
		if (w->word_before != WORD_OTHER)
			w->features |= HAS_DISTINCT;
		break;
	case WORD_OVER:
		if (sql_is(&w->before, ')'))
			w->features |= HAS_WINDOW;
		break;
	case WORD_ROLLUP:
		if (w->features & HAS_GROUP)
			w->features |= HAS_WINDOW;
		break;
	case WORD_WITHIN:
		w->features |= HAS_WINDOW;
		break;
	case WORD_MATCH:
		if (w->language == LANGUAGE_SQL && !dotted)
			w->features |= HAS_SEARCH;
		break;
	case WORD_VALUES:
		w->rows = true;
		break;
	default:
		break;
	}
}

static void note_call(struct walk *w)
{
	if (!sql_is(&w->next, '('))
		return;
	if (sql_is_aggregate(&w->token)) {
		w->features |= HAS_AGGREGATE;
		w->aggregates++;
	}
	if (sql_is_search(&w->token))
		w->features |= HAS_SEARCH;
}

static void note_punct(struct walk *w)
{
	if (sql_is(&w->token, '(')) {
		w->depth++;
		w->tables &= ~depth_bit(w);
		w->values &= ~depth_bit(w);
		if (w->word_before == WORD_VALUE || w->rows)
			w->values |= depth_bit(w);
	} else if (sql_is(&w->token, ')')) {
		w->depth -= w->depth ? 1 : 0;
	} else if (sql_is(&w->token, ',') && (w->tables & depth_bit(w))) {
		w->features |= HAS_JOIN;
	} else if (w->token.n >= 2 && !memcmp(w->token.at, "@@", 2)) {
		w->features |= HAS_SEARCH;
	}
}

static enum wire_class class_of(const struct walk *w)
{
	const unsigned int complex = HAS_JOIN | HAS_AGGREGATE | HAS_GROUP | HAS_WITH |
				     HAS_SUBQUERY | HAS_SETS | HAS_DISTINCT;

	if (w->features & HAS_WINDOW)
		return WIRE_CLASS_ANALYTICS;
	if ((w->features & HAS_GROUP) &&
	    ((w->features & HAS_WITH) || w->aggregates >= REPORT_AGGREGATES))
		return WIRE_CLASS_ANALYTICS;
	if (w->features & HAS_SEARCH)
		return WIRE_CLASS_FULLTEXT;
	return w->features & complex ? WIRE_CLASS_COMPLEX : WIRE_CLASS_SIMPLE;
}

/* --- what of it is shown --- */

static bool is_comparison(const struct sql_token *token)
{
	return token->kind == SQL_PUNCT && memchr("=<>!~|+-*/%^&#@:", *token->at, 16) &&
	       !(token->n == 1 && *token->at == '*');
}

/* Here a bare word would be a value. */
static bool value_place(const struct walk *w)
{
	if (w->garbled)
		return true;
	if (sql_is(&w->next, '.') || sql_is(&w->next, '('))
		return false;
	if (is_comparison(&w->before) || w->word_before == WORD_VALUE ||
	    w->word_before == WORD_MATCH)
		return true;
	return (w->values & depth_bit(w)) && !sql_is(&w->before, '.');
}

static bool is_plain(const struct sql_token *token)
{
	for (size_t i = 0; i < token->n; i++)
		if (token->at[i] < '!' || token->at[i] > '~' || token->at[i] == '\'')
			return false;
	return true;
}

/*
 * Behind a text comes what cannot: the text was 'it's', and which parts of the rest are of it
 * cannot be known.  (Or a name was given without AS.)
 */
static bool ended_early(const struct walk *w, enum sql_word word)
{
	if (w->before.kind != SQL_LITERAL && !(w->before.kind == SQL_QUOTED && w->hidden))
		return false;
	if (w->token.kind == SQL_WORD)
		return word == WORD_NAME;
	return sql_is(&w->token, '.') || sql_is(&w->token, '(');
}

static void show_name(struct walk *w)
{
	if (value_place(w) || !is_plain(&w->token)) {
		w->garbled = true;
		redacted_literal(&w->out);
	} else {
		redacted_name(&w->out, w->token.at, w->token.n);
	}
}

/* "..." is a name for certain beside a dot and where only a name can be. */
static bool surely_name(const struct walk *w)
{
	return w->language == LANGUAGE_POSTGRESQL || sql_is(&w->next, '.') ||
	       sql_is(&w->before, '.') || w->word_before == WORD_NAMED ||
	       w->word_before == WORD_FROM || w->word_before == WORD_JOIN ||
	       w->word_before == WORD_WRITE;
}

static void show_quoted(struct walk *w)
{
	w->hidden = !surely_name(w) || value_place(w) || !is_plain(&w->token);
	if (!w->hidden)
		redacted_name(&w->out, w->token.at, w->token.n);
	else
		redacted_literal(&w->out);
}

static void show_punct(struct walk *w)
{
	if (sql_is(&w->token, '(') || sql_is(&w->token, ')') || sql_is(&w->token, ',') ||
	    is_comparison(&w->token))
		w->garbled = false;
	if (is_plain(&w->token))
		redacted_punct(&w->out, w->token.at, w->token.n);
}

static void take_word(struct walk *w)
{
	const char *text;

	w->word = sql_word(&w->token, &text);
	/* A column may be called as a word of the language is. */
	if (sql_is(&w->before, '.')) {
		w->word = WORD_NAME;
		if (w->garbled || !is_plain(&w->token))
			redacted_literal(&w->out);
		else
			redacted_name(&w->out, w->token.at, w->token.n);
		note_call(w);
		return;
	}
	note_word(w);
	note_call(w);
	if (text) {
		w->garbled = false;
		redacted_word(&w->out, text);
	} else {
		show_name(w);
	}
}

static void take(struct walk *w)
{
	const char *text;

	if (ended_early(w, sql_word(&w->token, &text))) {
		redacted_literal(&w->out);
		redacted_more(&w->out);
	}
	w->word = WORD_NAME;
	switch (w->token.kind) {
	case SQL_WORD:
		take_word(w);
		break;
	case SQL_QUOTED:
		note_call(w);
		show_quoted(w);
		break;
	case SQL_LITERAL:
		redacted_literal(&w->out);
		break;
	case SQL_PUNCT:
		note_punct(w);
		show_punct(w);
		break;
	case SQL_END:
		break;
	}
}

/* The first word says whether the rest is looked at at all. */
static enum wire_class first_word(struct walk *w)
{
	const char *text;
	enum wire_class cls;

	switch (sql_word(&w->token, &text)) {
	case WORD_SELECT:
	case WORD_VALUES:
	case WORD_WITH:
	case WORD_WRITE:
		return WIRE_CLASS_PENDING;
	case WORD_SESSION:
		cls = WIRE_CLASS_SIMPLE;
		break;
	case WORD_UTILITY:
		cls = WIRE_CLASS_UNCLASSIFIED;
		break;
	default:
		text = NULL;
		cls = WIRE_CLASS_UNCLASSIFIED;
		break;
	}
	if (text)
		redacted_word(&w->out, text);
	else
		redacted_literal(&w->out);
	if (w->next.kind != SQL_END)
		redacted_more(&w->out);
	return cls;
}

static enum wire_class read_sql(struct walk *w)
{
	for (w->next = sql_lex(&w->lexer); w->next.kind != SQL_END;) {
		enum wire_class cls;

		w->token = w->next;
		w->next = sql_lex(&w->lexer);
		/* (SELECT ...) UNION (SELECT ...) */
		if (!w->begun && !sql_is(&w->token, '(')) {
			cls = first_word(w);
			if (cls != WIRE_CLASS_PENDING)
				return cls;
			take(w);
			w->begun = true;
		} else {
			take(w);
		}
		w->before = w->token;
		w->word_before = w->word;
	}
	return w->begun ? class_of(w) : WIRE_CLASS_UNCLASSIFIED;
}

static void show_first_word(const char *text, size_t bytes, char *out)
{
	struct sql_lexer lexer = {.at = text, .end = text + bytes};
	struct sql_token token = sql_lex(&lexer);
	struct redacted shown;
	const char *word;

	redacted_begin(&shown, out);
	sql_word(&token, &word);
	if (word)
		redacted_word(&shown, word);
	else
		redacted_literal(&shown);
	redacted_more(&shown);
}

enum wire_class sql_read(const char *text, size_t bytes, enum language language,
			 char out[SQL_REDACTED_MAX])
{
	struct walk w = {.lexer = {.at = text, .end = text + bytes}, .language = language};
	enum wire_class cls;

	redacted_begin(&w.out, out);
	if (language == LANGUAGE_REDIS)
		cls = redis_read(text, bytes, &w.out);
	else
		cls = read_sql(&w);
	/* Not because it was cut: any of the quotes before may be one too many. */
	if (w.lexer.unclosed && bytes < WIRE_TEXT_MAX)
		show_first_word(text, bytes, out);
	if (bytes >= WIRE_TEXT_MAX)
		redacted_more(&w.out);
	return cls;
}
