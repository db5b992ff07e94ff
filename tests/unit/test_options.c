/* SPDX-License-Identifier: GPL-2.0-only */
/* Command lines: what is taken, what is refused, everything wrong said at once. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cmd/options.h"
#include "log/log.h"
#include "watch/session.h"

#define WATCH	 (OPTIONS_PID | OPTIONS_CONFIG | OPTIONS_WATCH | OPTIONS_BTF)
#define ARGS_MAX 16

static unsigned int errors;

static void count_error(enum log_level level, const char *line, void *ctx)
{
	(void)ctx;
	(void)line;
	errors += level == LOG_LEVEL_ERR;
}

/* `line` is split at spaces. */
static int parse(unsigned int set, const char *line, struct options *o)
{
	static char text[256];
	char name[] = "cheshire test", *argv[ARGS_MAX + 1] = {name}, *save = NULL;
	int argc = 1;

	errors = 0;
	assert_true(strlen(line) < sizeof(text));
	strcpy(text, line);
	for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		assert_true(argc < ARGS_MAX);
		argv[argc++] = word;
	}
	return options_parse(set, "Test.", argc, argv, o);
}

static void a_whole_line_is_taken(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(
		parse(WATCH,
		      "--pid 42 --config a.yaml --output json --duration 90s "
		      "--summary-interval 1m --fail-on critical --attach perf --syslog=local3",
		      &o),
		-1);
	assert_int_equal(o.pid, 42);
	assert_string_equal(o.config_path, "a.yaml");
	assert_int_equal(o.output, OUTPUT_JSON);
	assert_int_equal(o.duration_ns, 90000000000ULL);
	assert_int_equal(o.summary_interval_ns, 60000000000ULL);
	assert_int_equal(o.fail_on, SEVERITY_CRITICAL);
	assert_true(o.force_perf);
	assert_true(o.syslog);
	assert_int_equal(errors, 0);
}

/* Never by itself. */
static void debuginfod_by_name(void **state)
{
	const unsigned int leaks = OPTIONS_PID | OPTIONS_DURATION | OPTIONS_DEBUGINFOD;
	struct options o;

	(void)state;
	assert_int_equal(parse(leaks, "--pid 1", &o), -1);
	assert_false(o.debuginfod);
	assert_int_equal(parse(leaks, "--pid 1 --debuginfod", &o), -1);
	assert_true(o.debuginfod);
}

static void nothing_is_fine_too(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(parse(WATCH, "", &o), -1);
	assert_int_equal(o.pid, 0);
	assert_int_equal(o.output, OUTPUT_TEXT);
	assert_int_equal(o.fail_on, SEVERITY_NONE);
	assert_false(o.syslog);
}

static void all_mistakes_are_said(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(parse(WATCH,
			       "--pid x --output xml --duration 5 --fail-on notice --attach kprobe "
			       "--syslog=nowhere surplus",
			       &o),
			 EXIT_USAGE);
	assert_int_equal(errors, 7);
}

static void numbers_of_processes(void **state)
{
	static const char *const wrong[] = {"--pid 0", "--pid -1", "--pid 99999999999999999999",
					    "--pid 12x", "--pid 4294967338"};
	struct options o;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(parse(WATCH, wrong[i], &o), EXIT_USAGE);
	assert_int_equal(parse(WATCH, "--pid 1", &o), -1);
	assert_int_equal(o.pid, 1);
}

static void a_time_too_short_is_refused(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(parse(WATCH, "--duration 99ms", &o), EXIT_USAGE);
	assert_int_equal(parse(WATCH, "--duration 100ms", &o), -1);
	assert_int_equal(o.duration_ns, 100000000);
}

static void each_command_has_its_own(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(parse(OPTIONS_PID | OPTIONS_PATTERN, "--pid 7 lib*:f", &o), -1);
	assert_string_equal(o.pattern, "lib*:f");
	assert_int_equal(parse(OPTIONS_PID | OPTIONS_PATTERN, "a b", &o), EXIT_USAGE);
	assert_int_equal(parse(0, "surplus", &o), EXIT_USAGE);
	assert_int_equal(parse(0, "", &o), -1);
}

static void errors_have_their_exit_codes(void **state)
{
	(void)state;
	assert_int_equal(session_exit_code(-EPERM), EXIT_NOT_PERMITTED);
	assert_int_equal(session_exit_code(-EACCES), EXIT_NOT_PERMITTED);
	assert_int_equal(session_exit_code(-EOPNOTSUPP), EXIT_NOT_PERMITTED);
	assert_int_equal(session_exit_code(-ENOMEM), EXIT_ERROR);
	assert_int_equal(session_exit_code(-ESRCH), EXIT_ERROR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_line_is_taken),
		cmocka_unit_test(debuginfod_by_name),
		cmocka_unit_test(nothing_is_fine_too),
		cmocka_unit_test(all_mistakes_are_said),
		cmocka_unit_test(numbers_of_processes),
		cmocka_unit_test(a_time_too_short_is_refused),
		cmocka_unit_test(each_command_has_its_own),
		cmocka_unit_test(errors_have_their_exit_codes),
	};

	log_set_sink(count_error, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
