/* SPDX-License-Identifier: GPL-2.0-only */
#include <math.h>

#include "promql_fixture.h"

/* Every operator in parentheses of its own. */
static void nest(const struct promql_node *node, FILE *out)
{
	static const char *const ops[] = {
		[PROMQL_ADD] = "+",	    [PROMQL_SUB] = "-",	  [PROMQL_MUL] = "*",
		[PROMQL_DIV] = "/",	    [PROMQL_MOD] = "%",	  [PROMQL_POW] = "^",
		[PROMQL_ATAN2] = "atan2",   [PROMQL_EQ] = "==",	  [PROMQL_NE] = "!=",
		[PROMQL_LT] = "<",	    [PROMQL_LE] = "<=",	  [PROMQL_GT] = ">",
		[PROMQL_GE] = ">=",	    [PROMQL_AND] = "and", [PROMQL_OR] = "or",
		[PROMQL_UNLESS] = "unless",
	};

	switch (node->kind) {
	case PROMQL_BINARY:
		putc('(', out);
		nest(node->arg[0], out);
		fprintf(out, " %s ", ops[node->op]);
		nest(node->arg[1], out);
		putc(')', out);
		break;
	case PROMQL_NEGATE:
	case PROMQL_PLUS:
		fputs(node->kind == PROMQL_NEGATE ? "(-" : "(+", out);
		nest(node->arg[0], out);
		putc(')', out);
		break;
	default:
		promql_print(node, out);
	}
}

static void nests(const char *text, const char *want)
{
	struct promql_expr *expr = good(text);
	char *got = NULL;
	size_t len;
	FILE *out = open_memstream(&got, &len);

	assert_non_null(out);
	nest(expr->root, out);
	fclose(out);
	assert_string_equal(got, want);
	free(got);
	promql_free(expr);
}

static void precedence(void **state)
{
	(void)state;
	nests("a or b and c", "(a or (b and c))");
	nests("a and b or c", "((a and b) or c)");
	nests("a and b unless c and d", "(((a and b) unless c) and d)");
	nests("a and b == c", "(a and (b == c))");
	nests("a == b > c", "((a == b) > c)");
	nests("a > b + c", "(a > (b + c))");
	nests("a - b - c", "((a - b) - c)");
	nests("a - b * c", "(a - (b * c))");
	nests("a * b / c % d atan2 e", "((((a * b) / c) % d) atan2 e)");
	nests("a * b ^ c", "(a * (b ^ c))");
	nests("a ^ b ^ c", "(a ^ (b ^ c))");
	nests("a ^ b * c", "((a ^ b) * c)");
	nests("a OR b AND c", "(a or (b and c))");
}

static void signs(void **state)
{
	(void)state;
	nests("-a ^ b", "(-(a ^ b))");
	nests("-2 ^ 2", "(-(2 ^ 2))");
	nests("-a * b", "((-a) * b)");
	nests("-a + b", "((-a) + b)");
	nests("a ^ -b", "(a ^ (-b))");
	nests("a ^ -b ^ c", "(a ^ (-(b ^ c)))");
	nests("a ^ -b * c", "((a ^ (-b)) * c)");
	nests("a * -b * c", "((a * (-b)) * c)");
	nests("--a", "(-(-a))");
	nests("+a", "(+a)");
	nests("-1 * 2", "(-1 * 2)");
	nests("2 ^ -1", "(2 ^ -1)");
	nests("-a offset 5m", "(-a offset 5m)");
	prints("--1", "1");
	prints("-(1)", "-(1)");
}

static void numbers(void **state)
{
	static const struct {
		const char *text;
		double want;
	} rows[] = {
		{"0", 0},
		{"1", 1},
		{"017", 15},
		{"08", 8},
		{"09.5", 9.5},
		{"0x1F", 31},
		{"0XfF", 255},
		{"1e3", 1000},
		{"1E+3", 1000},
		{"1.5e-3", 0.0015},
		{".5", 0.5},
		{"5.", 5},
		{"inf", INFINITY},
		{"+Inf", INFINITY},
		{"-INF", -INFINITY},
		{"1e-400", 0},
		{"0x7fffffffffffffff", 9223372036854775807.0},
		{"9223372036854775808", 9223372036854775808.0},
		{"18446744073709551616", 18446744073709551616.0},
		{"0777777777777777777777777", 777777777777777777777777.0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_N(rows); i++) {
		struct promql_expr *expr = good(rows[i].text);

		assert_int_equal(expr->root->kind, PROMQL_NUMBER);
		assert_int_equal(expr->root->type, PROMQL_SCALAR);
		if (expr->root->number != rows[i].want)
			fail_msg("'%s' is %g", rows[i].text, expr->root->number);
		promql_free(expr);
	}
	prints("NaN", "NaN");
	prints("nAn", "NaN");
	prints("0.1", "0.1");
	prints("123456789012345678", "1.2345678901234568e+17");
	prints("1e21", "1e+21");
	prints("-Inf ^ 2", "-Inf ^ 2");
	bad("1e400", PROMQL_SYNTAX, 0, "out of range");
	bad("0x", PROMQL_SYNTAX, 0, "invalid syntax");
	bad("0x1.8", PROMQL_SYNTAX, 0, "invalid syntax");
	bad("0x8000000000000000", PROMQL_SYNTAX, 0, "invalid syntax");
	bad("1e", PROMQL_SYNTAX, 0, "invalid syntax");
	bad("1_000", PROMQL_SYNTAX, 0, "bad number or duration");
	bad("0b1", PROMQL_SYNTAX, 0, "bad number or duration");
	bad("5m", PROMQL_SYNTAX, 0, "unexpected duration \"5m\"");
}

static void strings(void **state)
{
	(void)state;
	prints("\"a'b\"", "\"a'b\"");
	prints("'a\"b'", "\"a\\\"b\"");
	prints("`a\\n\"`", "\"a\\\\n\\\"\"");
	prints("`a\nb`", "\"a\\nb\"");
	prints("\"\\a\\b\\f\\n\\r\\t\\v\\\\\"", "\"\\x07\\x08\\x0c\\n\\x0d\\x09\\x0b\\\\\"");
	prints("\"\\x41\\101\\u00e9\\U0001F600\"", "\"AA\xc3\xa9\xf0\x9f\x98\x80\"");
	prints("\"\\xff\"", "\"\\xff\"");
	prints("\"\\ufffd\\u202e\"", "\"\\ufffd\\u202e\"");
	bad("\"\\'\"", PROMQL_SYNTAX, 0, "unknown escape sequence");
	bad("\"\\q\"", PROMQL_SYNTAX, 0, "unknown escape sequence");
	bad("\"\\400\"", PROMQL_SYNTAX, 0, "invalid Unicode code point");
	bad("\"\\ud800\"", PROMQL_SYNTAX, 0, "invalid Unicode code point");
	bad("\"\\xg0\"", PROMQL_SYNTAX, 0, "illegal character in escape sequence: 'g'");
	bad("\"a\nb\"", PROMQL_SYNTAX, 0, "unterminated quoted string");
	bad("1 + `a", PROMQL_SYNTAX, 4, "unterminated raw string");
	bad("\"\xff\"", PROMQL_SYNTAX, 0, "invalid UTF-8");
	bad("\"\\x00\"", PROMQL_UNSUPPORTED, 0, "a NUL in a string");
	bad_bytes("\"\0\"", 3, PROMQL_UNSUPPORTED, 0, "a NUL in a string");
	bad_bytes("a\0", 2, PROMQL_SYNTAX, 1, "unexpected character: '\\x00'");
}

static void selectors(void **state)
{
	struct promql_expr *expr = good("a{b=\"1\",c!='2',d=~\"3.*\",e!~\"4\",} [5m] offset -1h");
	const struct promql_node *node = expr->root;

	(void)state;
	assert_int_equal(node->kind, PROMQL_SELECTOR);
	assert_int_equal(node->type, PROMQL_MATRIX);
	assert_int_equal(node->matchers_n, 5);
	assert_true(node->named);
	assert_string_equal(node->matchers[0].name, PROMQL_METRIC_LABEL);
	assert_string_equal(node->matchers[0].value, "a");
	assert_int_equal(node->matchers[2].op, PROMQL_MATCH_NE);
	assert_string_equal(node->matchers[4].name, "e");
	assert_int_equal(node->range_ms, 300000);
	assert_int_equal(node->offset_ms, -3600000);
	assert_true(promql_matches(&node->matchers[3], "3rd"));
	assert_false(promql_matches(&node->matchers[3], "a 3"));
	assert_true(promql_matches(&node->matchers[4], NULL));
	assert_true(promql_matches(&node->matchers[2], NULL));
	assert_false(promql_matches(&node->matchers[1], NULL));
	promql_free(expr);
}

static void slots(void **state)
{
	struct promql_expr *expr = good("a + rate(b[5m]) * {c='1'}");

	(void)state;
	assert_int_equal(expr->selectors_n, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(expr->selectors[i]->slot, i);
		assert_int_equal(expr->selectors[i]->kind, PROMQL_SELECTOR);
	}
	assert_string_equal(expr->selectors[1]->matchers[0].value, "b");
	promql_free(expr);
}

static void keywords(void **state)
{
	(void)state;
	prints("and and and", "and and and");
	prints("sum + avg by (x) (count)", "sum + avg by (x) (count)");
	prints("by{by='x'} offset 5m", "by{by=\"x\"} offset 5m");
	prints("offset offset 5m", "offset offset 5m");
	prints("Sum(SUM) By (OFFSET, on,)", "sum by (OFFSET, on) (SUM)");
	prints("a + on (bool, group_left, start, atan2) b",
	       "a + on (atan2, bool, group_left, start) b");
	prints("sum without (b, a, b) (x)", "sum without (a, b) (x)");
	prints("sum by () (x)", "sum(x)");
	prints("start + end", "start + end");
	prints(":a:b:{}", ":a:b:");
	bad("bool", PROMQL_SYNTAX, 0, "unexpected <bool>");
	bad("on + 1", PROMQL_SYNTAX, 0, "unexpected <on>");
	bad("sum by (without) (x)", PROMQL_SYNTAX, 8, "expected label");
	bad("sum by (a:b) (x)", PROMQL_SYNTAX, 8, "expected label");
	bad("sum by (nan) (x)", PROMQL_SYNTAX, 8, "expected label");
	bad("a:b(x)", PROMQL_SYNTAX, 3, "unexpected \"(\"");
	bad("by (x)", PROMQL_SYNTAX, 3, "unexpected \"(\"");
}

static void matching(void **state)
{
	struct promql_expr *expr = good("a > bool ignoring (c, b) d");

	(void)state;
	assert_true(expr->root->return_bool);
	assert_true(expr->root->matching);
	assert_false(expr->root->on);
	assert_int_equal(expr->root->labels.n, 2);
	assert_string_equal(expr->root->labels.name[0], "b");
	promql_free(expr);
	/* Without labels it says nothing to a scalar, and is gone. */
	expr = good("1 + on () 2");
	assert_false(expr->root->matching);
	promql_free(expr);
	prints("a + on () b", "a + on () b");
	prints("a + ignoring () b", "a + b");
	bad("a + on (x) 1", PROMQL_TYPE, 0, "vector matching only allowed");
	bad("a + bool b", PROMQL_TYPE, 2, "bool modifier can only be used");
	bad("1 == 2", PROMQL_TYPE, 2, "must use BOOL");
	bad("a and 1", PROMQL_TYPE, 0, "set operators are not allowed");
	bad("a[5m] + 1", PROMQL_TYPE, 0, "only scalar and instant vector");
	bad("1 + \"x\"", PROMQL_TYPE, 4, "only scalar and instant vector");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(precedence), cmocka_unit_test(signs),
		cmocka_unit_test(numbers),    cmocka_unit_test(strings),
		cmocka_unit_test(selectors),  cmocka_unit_test(slots),
		cmocka_unit_test(keywords),   cmocka_unit_test(matching),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
