/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads pairs of a pattern and a text from standard input, each ending in NUL, and says on a line
 * for each whether the pattern matches the whole text: `yes`, `no`, or the reason to refuse it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "promql/regex.h"

static int say(const char *pattern, const char *text)
{
	struct promql_regex_error error;
	struct promql_regex *regex;
	int err = promql_regex__compile(pattern, &regex, &error);

	if (err && err != -EINVAL)
		return err;
	puts(err ? error.message : promql_regex__matches(regex, text) ? "yes" : "no");
	if (!err)
		promql_regex__free(regex);
	return 0;
}

int main(void)
{
	char *pattern = NULL, *text = NULL;
	size_t size[2] = {0, 0};
	int err = 0;

	while (!err && getdelim(&pattern, &size[0], '\0', stdin) > 0 &&
	       getdelim(&text, &size[1], '\0', stdin) > 0)
		err = say(pattern, text);
	free(pattern);
	free(text);
	return err ? 1 : 0;
}
