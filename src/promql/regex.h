/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * regex.h - the regular expressions of label matchers: RE2's syntax, as Prometheus has it, and
 * matching in bounded time.
 *
 * A pattern is read by our own reader of RE2's syntax (regex_syntax.c), which refuses what RE2
 * refuses, such as back references, and writes it anew for PCRE2.  It is then matched by PCRE2's
 * DFA, which goes through the text once and never back: a hostile pattern costs at most
 * length x states^2.  What bounds the states is PROMQL_REGEX_ATOMS_MAX, counted with repetitions
 * written out.
 */
#ifndef CHESHIRE_PROMQL_REGEX_H
#define CHESHIRE_PROMQL_REGEX_H

#include <stdbool.h>
#include <stddef.h>

#include "promql/ast.h"

#define PROMQL_REGEX_ATOMS_MAX 2000
#define PROMQL_REGEX_DEPTH_MAX 100 /* of groups */

struct promql_regex;

struct promql_regex_error {
	enum promql_refusal refusal; /* PROMQL_SYNTAX, PROMQL_UNSUPPORTED or PROMQL_TOO_LARGE */
	char message[160];	     /* printable */
};

/* 0, -EINVAL with *error filled, or -ENOMEM. */
int promql_regex__compile(const char *pattern, struct promql_regex **out,
			  struct promql_regex_error *error);
void promql_regex__free(struct promql_regex *regex);
/* The whole text; false too for what is not UTF-8.  Not for two threads at once. */
bool promql_regex__matches(const struct promql_regex *regex, const char *text);

/* RE2's syntax to PCRE2's; *out is freed by the caller.  As promql_regex__compile. */
int promql_regex_translate(const char *pattern, char **out, struct promql_regex_error *error);

#endif /* CHESHIRE_PROMQL_REGEX_H */
