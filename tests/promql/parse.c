/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Parses each of the expressions on standard input, which end in NUL, and says on a line for each
 * `ok TEXT`, printed from the tree, or `REFUSAL OFFSET MESSAGE`.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "promql/ast.h"

static const char *const refusals[] = {
	[PROMQL_SYNTAX] = "syntax",
	[PROMQL_TYPE] = "type",
	[PROMQL_UNKNOWN_FUNCTION] = "unknown-function",
	[PROMQL_UNSUPPORTED] = "unsupported",
	[PROMQL_TOO_LARGE] = "too-large",
};

static int say(const char *text, size_t len)
{
	struct promql_expr *expr;
	struct promql_error error;
	int err = promql_parse(text, len, &expr, &error);

	if (err == -EINVAL) {
		printf("%s %u %s\n", refusals[error.refusal], error.at, error.message);
		return 0;
	}
	if (err)
		return err;
	fputs("ok ", stdout);
	promql_print(expr->root, stdout);
	putchar('\n');
	promql_free(expr);
	return 0;
}

int main(void)
{
	char *text = NULL;
	size_t size = 0;
	ssize_t len;
	int err = 0;

	while (!err && (len = getdelim(&text, &size, '\0', stdin)) > 0)
		err = say(text, (size_t)len - (text[len - 1] == '\0'));
	free(text);
	return err ? 1 : 0;
}
