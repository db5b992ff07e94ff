/* SPDX-License-Identifier: GPL-2.0-only */
/* promql_fixture.h - an expression that must parse, must be refused, or must print so. */
#ifndef CHESHIRE_TESTS_PROMQL_FIXTURE_H
#define CHESHIRE_TESTS_PROMQL_FIXTURE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "promql/ast.h"

#define ARRAY_N(array) (sizeof(array) / sizeof((array)[0]))

static inline struct promql_expr *good(const char *text)
{
	struct promql_expr *expr;
	struct promql_error error;
	int err = promql_parse(text, strlen(text), &expr, &error);

	if (err)
		fail_msg("'%s': %d: %u: %s", text, err, error.at, error.message);
	return expr;
}

static inline void bad_bytes(const char *text, size_t len, enum promql_refusal refusal, int at,
			     const char *part)
{
	struct promql_expr *expr;
	struct promql_error error;
	int err = promql_parse(text, len, &expr, &error);

	if (err != -EINVAL)
		fail_msg("'%s' gives %d", text, err);
	assert_null(expr);
	if (error.refusal != refusal || (at >= 0 && error.at != (uint32_t)at) ||
	    !strstr(error.message, part))
		fail_msg("'%s': refusal %d at %u: %s", text, error.refusal, error.at,
			 error.message);
	assert_true(error.at <= len);
}

static inline void bad(const char *text, enum promql_refusal refusal, int at, const char *part)
{
	bad_bytes(text, strlen(text), refusal, at, part);
}

static inline char *printed(const struct promql_node *node)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	promql_print(node, out);
	fclose(out);
	return text;
}

/* The print must parse to the same print. */
static inline void prints(const char *text, const char *want)
{
	struct promql_expr *expr = good(text);
	char *once = printed(expr->root), *twice;

	assert_string_equal(once, want);
	promql_free(expr);
	expr = good(once);
	twice = printed(expr->root);
	assert_string_equal(twice, want);
	promql_free(expr);
	free(once);
	free(twice);
}

#endif /* CHESHIRE_TESTS_PROMQL_FIXTURE_H */
