/* SPDX-License-Identifier: GPL-2.0-only */
/* regex_class.h - the reader of a pattern, and its smaller parts: characters, escapes, classes. */
#ifndef CHESHIRE_PROMQL_REGEX_CLASS_H
#define CHESHIRE_PROMQL_REGEX_CLASS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "promql/regex.h"

struct regex_reader {
	const char *text; /* ends in NUL */
	size_t at;
	FILE *out; /* PCRE2's form */
	bool fold; /* (?i) is on */
	bool refused;
	struct promql_regex_error *error; /* of the first refusal */
};

void regex_refuse(struct regex_reader *in, enum promql_refusal refusal, const char *why);
/* Takes the next character; false, and refused, when it is not UTF-8. */
bool regex_rune(struct regex_reader *in, uint32_t *code);
/* Writes one character so that it means itself, in and outside of a class. */
void regex_literal(struct regex_reader *in, uint32_t code);
/* Takes an escape for one character, at its backslash; else refuses it. */
bool regex_escape(struct regex_reader *in, uint32_t *code);
/* \d \D \s \S \w \W and \p{...}, at the backslash: taken and written, or false. */
bool regex_perl_class(struct regex_reader *in, bool in_class);
bool regex_unicode_class(struct regex_reader *in);
/* [...], at the bracket. */
void regex_class(struct regex_reader *in);

#endif /* CHESHIRE_PROMQL_REGEX_CLASS_H */
