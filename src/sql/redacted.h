/* SPDX-License-Identifier: GPL-2.0-only */
/* redacted.h - a text for people, put together from parts that may be shown. */
#ifndef CHESHIRE_SQL_REDACTED_H
#define CHESHIRE_SQL_REDACTED_H

#include <stdbool.h>
#include <stddef.h>

struct redacted {
	char *out;
	size_t used;
	bool full;	   /* the rest is left out */
	bool tight;	   /* no blank before the next part */
	bool name;	   /* the last part was one: a parenthesis is of it */
	unsigned int same; /* literals of a list so far */
	bool comma;	   /* held back: perhaps of a list of literals */
	bool more;	   /* ends in "..." */
};

/* `out` has SQL_REDACTED_MAX bytes; always NUL-terminated. */
void redacted_begin(struct redacted *r, char *out);
void redacted_word(struct redacted *r, const char *word);
void redacted_name(struct redacted *r, const char *name, size_t bytes);
void redacted_punct(struct redacted *r, const char *punct, size_t bytes);
/* "?"; from the second of a list on, "..." once. */
void redacted_literal(struct redacted *r);
/* There was more. */
void redacted_more(struct redacted *r);

#endif
