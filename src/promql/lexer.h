/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lexer.h - the words of a PromQL text, cut as Prometheus cuts them.
 *
 * What a character means depends on what is open: inside braces there are no keywords, inside
 * brackets there are durations.  Comments and spaces are skipped.
 */
#ifndef CHESHIRE_PROMQL_LEXER_H
#define CHESHIRE_PROMQL_LEXER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum token_kind {
	TOKEN_ERROR = 0, /* lexer.message says why */
	TOKEN_EOF,
	TOKEN_IDENTIFIER,
	TOKEN_METRIC_IDENTIFIER, /* with a colon */
	TOKEN_NUMBER,
	TOKEN_DURATION,
	TOKEN_STRING, /* with its quotes */
	TOKEN_LEFT_PAREN,
	TOKEN_RIGHT_PAREN,
	TOKEN_LEFT_BRACE,
	TOKEN_RIGHT_BRACE,
	TOKEN_LEFT_BRACKET,
	TOKEN_RIGHT_BRACKET,
	TOKEN_COMMA,
	TOKEN_COLON,
	TOKEN_AT,
	TOKEN_MATCH_EQ,	 /* = */
	TOKEN_MATCH_RE,	 /* =~ */
	TOKEN_MATCH_NRE, /* !~ */
	TOKEN_ADD,
	TOKEN_SUB,
	TOKEN_MUL,
	TOKEN_DIV,
	TOKEN_MOD,
	TOKEN_POW,
	TOKEN_EQ, /* == */
	TOKEN_NE, /* != */
	TOKEN_LT,
	TOKEN_LE,
	TOKEN_GT,
	TOKEN_GE,
	/* Words, in any case. */
	TOKEN_ATAN2,
	TOKEN_AND,
	TOKEN_OR,
	TOKEN_UNLESS,
	TOKEN_SUM,
	TOKEN_AVG,
	TOKEN_MIN,
	TOKEN_MAX,
	TOKEN_COUNT,
	TOKEN_OTHER_AGGREGATE, /* topk and the like, which cheshire has not */
	TOKEN_BOOL,
	TOKEN_BY,
	TOKEN_WITHOUT,
	TOKEN_ON,
	TOKEN_IGNORING,
	TOKEN_GROUP_LEFT,
	TOKEN_GROUP_RIGHT,
	TOKEN_OFFSET,
	TOKEN_START_END, /* start, end */
};

struct token {
	enum token_kind kind;
	uint32_t start, end; /* bytes of the text */
};

struct lexer {
	const char *text;
	size_t len, pos, start;
	size_t paren_depth;
	bool brace_open, bracket_open, got_colon;
	bool duration_next; /* just behind [ */
	char message[160];  /* of TOKEN_ERROR; printable */
};

void lexer_init(struct lexer *lexer, const char *text, size_t len);
/* The next token; after TOKEN_ERROR and TOKEN_EOF it must not be called again. */
struct token lexer_next(struct lexer *lexer);

/* Whether it may name a metric, where one may stand; or a label in by, without, on, ignoring. */
bool token_names_metric(enum token_kind kind);
bool token_names_label(enum token_kind kind);

/* What Prometheus calls it in messages: `identifier "x"`, `<op:+>`, `end of input`. */
void token_describe(const struct lexer *lexer, struct token token, char *out, size_t size);

#endif /* CHESHIRE_PROMQL_LEXER_H */
