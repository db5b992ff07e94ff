/* SPDX-License-Identifier: GPL-2.0-only */
#include <time.h>

#include "promql/regex.h"
#include "promql_fixture.h"

static bool matches(const char *pattern, const char *text)
{
	struct promql_regex_error error;
	struct promql_regex *regex;
	bool yes;

	if (promql_regex__compile(pattern, &regex, &error))
		fail_msg("'%s': %s", pattern, error.message);
	yes = promql_regex__matches(regex, text);
	promql_regex__free(regex);
	return yes;
}

static void refused(const char *pattern, enum promql_refusal refusal, const char *part)
{
	struct promql_regex_error error;
	struct promql_regex *regex;

	if (promql_regex__compile(pattern, &regex, &error) != -EINVAL)
		fail_msg("'%s' was taken", pattern);
	assert_null(regex);
	if (error.refusal != refusal || !strstr(error.message, part))
		fail_msg("'%s': %d: %s", pattern, error.refusal, error.message);
}

static void whole_text(void **state)
{
	(void)state;
	assert_true(matches("a|b", "b"));
	assert_false(matches("a|b", "ab"));
	assert_false(matches("a", "ba"));
	assert_false(matches("a", "a\n"));
	assert_false(matches("a$", "a\n"));
	assert_true(matches("", ""));
	assert_false(matches("", "a"));
	assert_false(matches("a*", "b"));
	assert_true(matches("a*?", "aaa"));
	assert_false(matches(".", "\n"));
	assert_true(matches("(?s).", "\n"));
	assert_true(matches("(?m)a$\n^b", "a\nb"));
	assert_true(matches("^*a", "a"));
	assert_true(matches(".", "\xc3\xa9"));
	assert_false(matches(".*", "\xff"));
}

static void re2_not_pcre(void **state)
{
	(void)state;
	assert_false(matches("\\s", "\v"));
	assert_true(matches("[\\S]", "\v"));
	assert_true(matches("\\v", "\v"));
	assert_false(matches("\\v", "\n"));
	assert_true(matches("a{,3}", "a{,3}"));
	assert_true(matches("{", "{"));
	assert_true(matches("[a[]+", "a["));
	assert_true(matches("\\07", "\a"));
	assert_true(matches("\\_\\-", "_-"));
	assert_true(matches("\\Qa*(\\E+", "a*(("));
	assert_true(matches("(?i)\\w", "\xe2\x84\xaa"));
	refused("(a)\\1", PROMQL_SYNTAX, "invalid escape sequence");
	refused("(?=a)", PROMQL_SYNTAX, "Perl syntax");
	refused("(?<!a)", PROMQL_SYNTAX, "Perl syntax");
	refused("(?>a)", PROMQL_SYNTAX, "Perl syntax");
	refused("(?#a)", PROMQL_SYNTAX, "Perl syntax");
	refused("(*UTF)", PROMQL_SYNTAX, "missing argument");
	refused("a++", PROMQL_SYNTAX, "nested repetition");
	refused("a**", PROMQL_SYNTAX, "nested repetition");
	refused("*", PROMQL_SYNTAX, "missing argument");
	refused("a|*", PROMQL_SYNTAX, "missing argument");
	refused("a{2,1}", PROMQL_SYNTAX, "repeat count");
	refused("a{1001}", PROMQL_SYNTAX, "repeat count");
	refused("(a{100}){11}", PROMQL_SYNTAX, "repeat count");
	refused("(", PROMQL_SYNTAX, "missing closing )");
	refused(")", PROMQL_SYNTAX, "unexpected )");
	refused("a)|(b", PROMQL_SYNTAX, "unexpected )");
	refused("[", PROMQL_SYNTAX, "missing closing ]");
	refused("[]", PROMQL_SYNTAX, "missing closing ]");
	refused("[b-a]", PROMQL_SYNTAX, "class range");
	refused("[[:foo:]]", PROMQL_SYNTAX, "class range");
	refused("\\", PROMQL_SYNTAX, "trailing backslash");
	refused("\\Z", PROMQL_SYNTAX, "invalid escape");
	refused("\\C", PROMQL_SYNTAX, "invalid escape");
	refused("\\Qa", PROMQL_SYNTAX, "\\Q without \\E");
	refused("\\x{110000}", PROMQL_SYNTAX, "invalid escape");
	refused("(?P<n>a)(?P<n>b)", PROMQL_SYNTAX, "duplicate");
	refused("\xff", PROMQL_SYNTAX, "UTF-8");
	refused("\\p{Greek}", PROMQL_UNSUPPORTED, "by script");
	refused("a(?i)*", PROMQL_UNSUPPORTED, "behind (?flags)");
}

/* Patterns that take a backtracking matcher longer than anybody waits. */
static void hostile(void **state)
{
	static const char *const patterns[] = {
		"(a+)+b",     "(a*)*b",		 "(a|aa)+b",	     "(a|a?)+b",
		"(.*a){20}b", "(x+x+)+y|(a+)+b", "(a?){200}a{200}b",
	};
	char text[1001];
	clock_t start = clock();

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (size_t i = 0; i < ARRAY_N(patterns); i++)
		assert_false(matches(patterns[i], text));
	if (clock() - start > 20 * CLOCKS_PER_SEC)
		fail_msg("%.1f s", (double)(clock() - start) / CLOCKS_PER_SEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_text),
		cmocka_unit_test(re2_not_pcre),
		cmocka_unit_test(hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
