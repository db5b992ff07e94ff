/* SPDX-License-Identifier: GPL-2.0-only */
/* Types, places of mistakes, what lies outside of the subset, and the bounds. */
#include "promql/functions.h"
#include "promql/regex.h"
#include "promql_fixture.h"

/* An argument of each type, and how Prometheus calls it. */
static const struct sample {
	enum promql_type type;
	const char *text, *called;
} samples[] = {
	{PROMQL_SCALAR, "1", "scalar"},
	{PROMQL_VECTOR, "a", "instant vector"},
	{PROMQL_MATRIX, "a[5m]", "range vector"},
	{PROMQL_STRING, "\"x\"", "string"},
};

/* The function with right arguments, but for the one at `wrong`, which is of another type. */
static void compose(const struct promql_function *f, size_t n, size_t wrong, enum promql_type type,
		    char *text, size_t size)
{
	size_t len = (size_t)snprintf(text, size, "%s(", f->name);

	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(text + len, size - len, "%s%s", i ? ", " : "",
					samples[(i == wrong ? type : f->args[i % 3]) - 1].text);
	snprintf(text + len, size - len, ")");
}

static void check_function(const struct promql_function *f)
{
	struct promql_expr *expr;
	char text[128], want[128];

	for (size_t n = f->args_min; n <= f->args_max; n++) {
		compose(f, n, n, 0, text, sizeof(text));
		expr = good(text);
		assert_ptr_equal(expr->root->function, f);
		assert_int_equal(expr->root->type, f->result);
		assert_int_equal(expr->root->args_n, n);
		promql_free(expr);
	}
	for (size_t i = 0; i < f->args_max; i++)
		for (size_t s = 0; s < ARRAY_N(samples); s++) {
			if (samples[s].type == f->args[i])
				continue;
			compose(f, f->args_max, i, samples[s].type, text, sizeof(text));
			snprintf(want, sizeof(want),
				 "expected type %s in call to function \"%s\", got %s",
				 promql_type_name(f->args[i]), f->name, samples[s].called);
			bad(text, PROMQL_TYPE, -1, want);
		}
}

static void functions(void **state)
{
	const struct promql_function *f;
	size_t n = 0;
	char text[128];

	(void)state;
	for (; (f = promql_function_at(n)); n++) {
		assert_ptr_equal(promql_function_find(f->name, strlen(f->name)), f);
		assert_false(promql_function_unsupported(f->name, strlen(f->name)));
		assert_int_equal(f->id, n + 1);
		check_function(f);
		snprintf(text, sizeof(text), "%s(1, 1, 1, 1)", f->name);
		bad(text, PROMQL_TYPE, 0, "argument(s) in call to");
		if (f->args_min) {
			snprintf(text, sizeof(text), "%s()", f->name);
			bad(text, PROMQL_TYPE, 0, "got 0");
		}
	}
	assert_int_equal(n, FUNCTION_COUNT - 1);
	bad("round()", PROMQL_TYPE, 0,
	    "expected at least 1 argument(s) in call to \"round\", got 0");
	bad("round(a, 1, 2)", PROMQL_TYPE, 0, "expected at most 2 argument(s)");
	bad("clamp(a, 1)", PROMQL_TYPE, 0, "expected 3 argument(s)");
}

static void aggregations(void **state)
{
	static const char *const names[] = {"sum", "avg", "min", "max", "count"};
	char text[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_N(names); i++) {
		struct promql_expr *expr;

		snprintf(text, sizeof(text), "%s(a) by (b)", names[i]);
		expr = good(text);
		assert_int_equal(expr->root->agg, i + 1);
		assert_int_equal(expr->root->type, PROMQL_VECTOR);
		promql_free(expr);
		snprintf(text, sizeof(text), "%s(1)", names[i]);
		bad(text, PROMQL_TYPE, (int)strlen(names[i]) + 1,
		    "expected type instant vector in aggregation expression, got scalar");
	}
	bad("sum()", PROMQL_TYPE, 0, "no arguments for aggregate");
	bad("sum(a, b)", PROMQL_TYPE, 0, "expected 1, got 2");
	bad("sum by (a) (b) by (c)", PROMQL_SYNTAX, 15, "unexpected <by>");
}

static void outside(void **state)
{
	(void)state;
	bad("a[5m:1m]", PROMQL_UNSUPPORTED, 1, "subqueries");
	bad("a[5m:]", PROMQL_UNSUPPORTED, 1, "subqueries");
	bad("a @ 5", PROMQL_UNSUPPORTED, 2, "@ modifier");
	bad("a[5m] @ start()", PROMQL_UNSUPPORTED, 6, "@ modifier");
	bad("a * on (b) group_left (c) d", PROMQL_UNSUPPORTED, 11, "group_left");
	bad("a * ignoring (b) group_right d", PROMQL_UNSUPPORTED, 17, "group_right");
	bad("topk(3, a)", PROMQL_UNSUPPORTED, 0, "aggregation \"topk\"");
	bad("1 + quantile by (b) (0.9, a)", PROMQL_UNSUPPORTED, 4, "aggregation \"quantile\"");
	bad("histogram_quantile(0.9, a)", PROMQL_UNSUPPORTED, 0, "\"histogram_quantile\"");
	bad("label_replace(a, \"b\", \"c\", \"d\", \"e\")", PROMQL_UNSUPPORTED, 0,
	    "function \"label_replace\" is not supported");
	bad("Rate(a[5m])", PROMQL_UNKNOWN_FUNCTION, 0, "unknown function with name \"Rate\"");
	bad("a + foo(b)", PROMQL_UNKNOWN_FUNCTION, 4, "unknown function with name \"foo\"");
	bad("a{b=~\"\\\\p{Greek}\"}", PROMQL_UNSUPPORTED, 2, "by script");
}

static void places(void **state)
{
	(void)state;
	bad("", PROMQL_SYNTAX, 0, "no expression found");
	bad(" # only this", PROMQL_SYNTAX, 0, "no expression found");
	bad("a +", PROMQL_SYNTAX, 3, "unexpected end of input");
	bad("a b", PROMQL_SYNTAX, 2, "unexpected identifier \"b\"");
	bad("a + * b", PROMQL_SYNTAX, 4, "unexpected <op:*>");
	bad("(a", PROMQL_SYNTAX, 2, "unclosed left parenthesis");
	bad("a)", PROMQL_SYNTAX, 1, "unexpected right parenthesis");
	bad("a[5m", PROMQL_SYNTAX, 4, "unclosed left bracket");
	bad("a[5]", PROMQL_SYNTAX, 2, "missing unit character");
	bad("a[5mm]", PROMQL_SYNTAX, 2, "bad duration syntax");
	bad("a[1m1h]", PROMQL_SYNTAX, 2, "not a valid duration");
	bad("a[0s]", PROMQL_SYNTAX, 2, "greater than 0");
	bad("a[300y]", PROMQL_SYNTAX, 2, "292 years");
	bad("a{b}", PROMQL_SYNTAX, 3, "expected label matching operator");
	bad("a{b=c}", PROMQL_SYNTAX, 4, "expected string");
	bad("a{b=\"c\" d=\"e\"}", PROMQL_SYNTAX, 8, "expected \",\" or \"}\"");
	bad("a{,}", PROMQL_SYNTAX, 2, "expected identifier or \"}\"");
	bad("a{1=\"c\"}", PROMQL_SYNTAX, 2, "unexpected character inside braces: '1'");
	bad("a{b=\"c\"", PROMQL_SYNTAX, 7, "unexpected end of input inside braces");
	bad("a{b=~\"(\"}", PROMQL_SYNTAX, 2, "missing closing )");
	bad("abs(a,)", PROMQL_SYNTAX, 5, "trailing commas");
	bad("a =~ b", PROMQL_SYNTAX, 2, "unexpected character after '='");
	bad("a ! b", PROMQL_SYNTAX, 2, "unexpected character after '!'");
	bad("a \x01", PROMQL_SYNTAX, 2, "'\\x01'");
	bad("a \xc2\xb5", PROMQL_SYNTAX, 2, "unexpected character: '\xc2\xb5'");
	bad("-a[5m]", PROMQL_TYPE, 0, "got \"range vector\"");
	bad("+\"x\"", PROMQL_TYPE, 0, "got \"string\"");
	bad("{}", PROMQL_TYPE, 0, "non-empty matcher");
	bad("{a=~\".*\",b!=\"x\"}", PROMQL_TYPE, 0, "non-empty matcher");
	bad("1 + a{__name__=\"b\"}", PROMQL_TYPE, 4, "must not be set twice: \"a\" or \"b\"");
	bad("(a)[5m]", PROMQL_TYPE, 3, "ranges only allowed for vector selectors");
	bad("a[5m][5m]", PROMQL_TYPE, 5, "ranges only allowed for vector selectors");
	bad("a offset 5m [5m]", PROMQL_TYPE, 12, "no offset modifiers allowed before range");
	bad("1 + sum(a) offset 5m", PROMQL_TYPE, 4, "offset modifier must be preceded");
	bad("a offset 5m offset 5m", PROMQL_TYPE, 0, "multiple times");
	bad("a offset 5", PROMQL_SYNTAX, 9, "unexpected number \"5\" in offset, expected duration");
}

/* `n` times `part`, between `before` and `after`. */
static char *repeated(const char *before, const char *part, size_t n, const char *after)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	fputs(before, out);
	while (n--)
		fputs(part, out);
	fputs(after, out);
	fclose(out);
	return text;
}

static void bound(const char *before, const char *part, size_t most, const char *after,
		  const char *why)
{
	char *text = repeated(before, part, most, after);

	promql_free(good(text));
	free(text);
	text = repeated(before, part, most + 1, after);
	bad(text, PROMQL_TOO_LARGE, -1, why);
	free(text);
}

static void bounds(void **state)
{
	char *text;

	(void)state;
	bound("a", " ", PROMQL_TEXT_MAX - 1, "", "longer than");
	bound("1", "+1", PROMQL_DEPTH_MAX - 1, "", "nested deeper");
	bound("", "-", PROMQL_DEPTH_MAX - 1, "a", "nested deeper");
	bound("", "1^", PROMQL_DEPTH_MAX - 1, "1", "nested deeper");
	bound("a{", "b=\"1\",", PROMQL_MATCHERS_MAX - 1, "}", "label matchers");
	bound("sum by (", "a,", PROMQL_LABELS_MAX, ") (b)", "labels in a list");
	bound("a{b=~\"", "a", PROMQL_REGEX_ATOMS_MAX, "\"}", "too large");
	text = repeated("", "(", 10000, "");
	bad(text, PROMQL_TOO_LARGE, -1, "nested deeper");
	free(text);
	/* Wide, not deep. */
	text = repeated("sum(1", "+(1+1+1+1+1+1)", 100, ")");
	bad(text, PROMQL_TOO_LARGE, -1, "parts in one expression");
	free(text);
}

static void durations(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} rows[] = {
		{"0", 0},	    {"0s", 0},	       {"1ms", 1},
		{"1s", 1000},	    {"1m", 60000},     {"1h30m", 5400000},
		{"1d", 86400000},   {"1w", 604800000}, {"1y", 31536000000},
		{"1m5s7ms", 65007}, {"0h5m", 300000},  {"007s", 7000},
	};
	static const char *const wrong[] = {"",	    "5",    "m",    "-5m",
					    "5m ",  "1m1h", "1h1h", "5hs",
					    "5M",   "1.5h", "300y", "99999999999999999999s",
					    "293y", "5m1"};
	int64_t ms;

	(void)state;
	for (size_t i = 0; i < ARRAY_N(rows); i++) {
		assert_int_equal(promql_duration(rows[i].text, strlen(rows[i].text), &ms), 0);
		assert_int_equal(ms, rows[i].ms);
	}
	for (size_t i = 0; i < ARRAY_N(wrong); i++)
		if (promql_duration(wrong[i], strlen(wrong[i]), &ms) != -EINVAL)
			fail_msg("'%s' is %lld ms", wrong[i], (long long)ms);
	prints("a[5400s] offset -1500ms", "a[1h30m] offset -1s500ms");
	prints("a[7d]", "a[1w]");
	prints("a[8d]", "a[8d]");
	prints("a[366d]", "a[366d]");
	prints("a[730d]", "a[2y]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(functions), cmocka_unit_test(aggregations),
		cmocka_unit_test(outside),   cmocka_unit_test(places),
		cmocka_unit_test(bounds),    cmocka_unit_test(durations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
