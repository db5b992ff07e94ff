/* SPDX-License-Identifier: GPL-2.0-only */
/* test_escape.c - strings of the target on output, and the log that uses them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>

#include <cmocka.h>

#include "log/escape.h"
#include "log/log.h"

static void test_styles(void **state)
{
	static const struct {
		const char *in, *text, *json, *line;
	} cases[] = {
		{"plain \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
		 "plain \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
		 "plain \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
		 "plain \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
		{"a\nb\tc\rd", "a\\nb\\tc\\rd", "a\\nb\\tc\\rd", "a\\nb\\tc\\rd"},
		{"\033[2J\x7f\x01", "\\x1b[2J\\x7f\\x01", "\\u001b[2J\\u007f\\u0001",
		 "\\x1b[2J\\x7f\\x01"},
		{"q\"\\", "q\"\\\\", "q\\\"\\\\", "q\"\\"},
		/* C1 control, right-to-left override, zero width, tag, byte order mark */
		{"\xc2\x9b", "\\u009b", "\\u009b", "\\u009b"},
		{"\xe2\x80\xae", "\\u202e", "\\u202e", "\\u202e"},
		{"\xf3\xa0\x81\x81", "\\U000e0041", "\\udb40\\udc41", "\\U000e0041"},
		{"\xef\xbb\xbf", "\\ufeff", "\\ufeff", "\\ufeff"},
		/* overlong, surrogate, beyond the end, lone continuation, truncated */
		{"\xc0\xaf", "\\xc0\\xaf", "\\ufffd\\ufffd", "\\xc0\\xaf"},
		{"\xe0\x80\xaf", "\\xe0\\x80\\xaf", "\\ufffd\\ufffd\\ufffd", "\\xe0\\x80\\xaf"},
		{"\xed\xa0\x80", "\\xed\\xa0\\x80", "\\ufffd\\ufffd\\ufffd", "\\xed\\xa0\\x80"},
		{"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", "\\ufffd\\ufffd\\ufffd\\ufffd",
		 "\\xf4\\x90\\x80\\x80"},
		{"\x80", "\\x80", "\\ufffd", "\\x80"},
		{"\xe2\x82", "\\xe2\\x82", "\\ufffd\\ufffd", "\\xe2\\x82"},
		{"", "", "", ""},
	};
	char out[128];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		escape_name(ESCAPE_TEXT, out, sizeof(out), cases[i].in);
		assert_string_equal(out, cases[i].text);
		escape_name(ESCAPE_JSON, out, sizeof(out), cases[i].in);
		assert_string_equal(out, cases[i].json);
		escape_name(ESCAPE_LINE, out, sizeof(out), cases[i].in);
		assert_string_equal(out, cases[i].line);
	}
	assert_int_equal(escape_name(ESCAPE_TEXT, out, sizeof(out), NULL), 0);
	assert_string_equal(out, "");
	assert_int_equal(escape_columns("\xc3\xa9\xe2\x82\xac"), 2);
}

/* Whatever the room, the result ends in it, never in the middle of a character or an escape. */
static void test_bounds(void **state)
{
	static const char in[] = "ab\n\xe2\x82\xac\xff"
				 "cd";
	static const char whole[] = "ab\\n\xe2\x82\xac\\xff"
				    "cd";
	size_t size, n;
	char *out;

	(void)state;
	for (size = 0; size < sizeof(whole) + 4; size++) {
		out = malloc(size ? size
				  : 1); /* exact, so that the sanitizer sees a byte too many */
		assert_non_null(out);
		n = escape_bytes(ESCAPE_TEXT, out, size, in, sizeof(in) - 1, 0);
		if (size) {
			assert_true(n < size);
			assert_int_equal(out[n], 0);
		}
		if (size >= sizeof(whole))
			assert_string_equal(out, whole);
		else if (size > 4)
			assert_string_equal(out + n - 3, "...");
		free(out);
	}
}

static void test_long_name(void **state)
{
	char name[ESCAPE_NAME_MAX + 8], out[2 * ESCAPE_NAME_MAX];

	(void)state;
	memset(name, 'x', sizeof(name));
	name[ESCAPE_NAME_MAX] = '\0';
	assert_int_equal(escape_name(ESCAPE_TEXT, out, sizeof(out), name), ESCAPE_NAME_MAX);
	name[ESCAPE_NAME_MAX] = 'x';
	name[ESCAPE_NAME_MAX + 1] = '\0';
	assert_int_equal(escape_name(ESCAPE_TEXT, out, sizeof(out), name), ESCAPE_NAME_MAX + 3);
	assert_string_equal(out + ESCAPE_NAME_MAX, "...");
}

struct capture {
	int calls;
	enum log_level level;
	char line[8192];
};

static void capture_line(enum log_level level, const char *line, void *ctx)
{
	struct capture *capture = ctx;

	capture->calls++;
	capture->level = level;
	strncpy(capture->line, line, sizeof(capture->line) - 1);
	errno = EIO;
}

static void test_log(void **state)
{
	struct capture capture = {0};
	char longer[3 * LOG_MESSAGE_MAX];

	(void)state;
	log_set_sink(capture_line, &capture);
	errno = ENOENT;
	log_err("failed to open '%s'\n", "a\n\033[31mb\\c");
	assert_int_equal(errno, ENOENT);
	assert_string_equal(capture.line, "failed to open 'a\\n\\x1b[31mb\\c'");
	assert_int_equal(capture.level, LOG_LEVEL_ERR);
	log_info("not wanted");
	log_debug("not wanted");
	assert_int_equal(capture.calls, 1);
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("wanted");
	assert_int_equal(capture.calls, 2);
	log_at(LOG_LEVEL_WARN, "%d", 1);
	assert_int_equal(capture.level, LOG_LEVEL_WARN);
	memset(longer, '\001', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	log_warn("%s", longer);
	assert_string_equal(capture.line + strlen(capture.line) - 3, "...");
	log_set_level(LOG_LEVEL_WARN);
	log_set_sink(NULL, NULL);
}

static void test_err_str(void **state)
{
	(void)state;
	assert_string_equal(err_str(-ENOENT), "-ENOENT");
	assert_string_equal(err_str(EPERM), "-EPERM");
	assert_string_equal(err_str(0), "0");
	assert_string_equal(err_str(-9999), "-E9999");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_styles),	  cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_long_name), cmocka_unit_test(test_log),
		cmocka_unit_test(test_err_str),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
