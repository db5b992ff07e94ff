/* SPDX-License-Identifier: GPL-2.0-only */
/* literal.h - what the words that the lexer cut are worth. */
#ifndef CHESHIRE_PROMQL_LITERAL_H
#define CHESHIRE_PROMQL_LITERAL_H

#include <stddef.h>

struct arena;

/* 017 is octal and 08 is not, as in Prometheus.  0, -EINVAL, -ERANGE or -ENOMEM. */
int literal_number(struct arena *arena, const char *text, size_t len, double *value);

/*
 * The inside of a string that the lexer has checked, in the arena.  0, -ENOMEM, or -EINVAL: it
 * holds a NUL, which strings here cannot.
 */
int literal_string(struct arena *arena, const char *text, size_t len, const char **value);

#endif /* CHESHIRE_PROMQL_LITERAL_H */
