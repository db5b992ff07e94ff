/* SPDX-License-Identifier: GPL-2.0-only */
/* lex.h - the words of a template: text, and what is inside of {{ and }}. */
#ifndef CHESHIRE_TEMPLATE_LEX_H
#define CHESHIRE_TEMPLATE_LEX_H

#include <stdbool.h>
#include <stddef.h>

enum word_kind {
	WORD_ERROR = 0, /* lex.message says why */
	WORD_EOF,
	WORD_TEXT,  /* between actions, trimmed; never empty */
	WORD_OPEN,  /* {{ */
	WORD_CLOSE, /* }} */
	WORD_SPACE,
	WORD_PIPE,
	WORD_LEFT_PAREN,
	WORD_RIGHT_PAREN,
	WORD_NAME,     /* of a function or keyword */
	WORD_FIELD,    /* .name */
	WORD_DOT,      /* a lone . */
	WORD_VARIABLE, /* $name or $ */
	WORD_NUMBER,
	WORD_STRING,  /* in quotes, as written */
	WORD_DECLARE, /* := or = */
	WORD_COMMA,
};

struct word {
	enum word_kind kind;
	size_t at, len; /* bytes of the text */
};

struct lex {
	const char *text;
	size_t pos;
	bool inside; /* of an action */
	bool trim;   /* the last action ended with -}} */
	const char *message;
};

/* The next word; comments are left out.  After WORD_ERROR or WORD_EOF: do not call again. */
struct word lex_next(struct lex *lex);

#endif /* CHESHIRE_TEMPLATE_LEX_H */
