/* SPDX-License-Identifier: GPL-2.0-only */
/* config_fixture.h - parsing a text in a test; cmocka.h must have been included before. */
#ifndef TESTS_UNIT_CONFIG_FIXTURE_H
#define TESTS_UNIT_CONFIG_FIXTURE_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"

/* Everything that config_errors__print() says; free it. */
static inline char *said(const struct config_errors *errors)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	config_errors__print(errors, out);
	fclose(out);
	return text;
}

/* A text without mistakes; config_free() the result. */
static inline struct config *parsed(const char *text)
{
	struct config_errors *errors = config_errors__new();
	struct config *config = NULL;
	int err = config_parse("t.yaml", text, strlen(text), errors, &config);
	char *messages = said(errors);

	if (err)
		fail_msg("%d\n%s", err, messages);
	assert_string_equal(messages, "");
	free(messages);
	config_errors__free(errors);
	return config;
}

/* A text with exactly `n` mistakes, one of which says `part`. */
static inline void refused(const char *text, size_t n, const char *part)
{
	struct config_errors *errors = config_errors__new();
	struct config *config = (struct config *)1;
	int err = config_parse("t.yaml", text, strlen(text), errors, &config);
	char *messages = said(errors);

	if (err != -EINVAL || config || config_errors__count(errors) != n ||
	    !strstr(messages, part))
		fail_msg("%s\ngave %d and %zu mistakes:\n%s\nwithout '%s'", text, err,
			 config_errors__count(errors), messages, part);
	free(messages);
	config_errors__free(errors);
}

#endif /* TESTS_UNIT_CONFIG_FIXTURE_H */
