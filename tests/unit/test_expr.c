/* SPDX-License-Identifier: GPL-2.0-only */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "config/expr.h"

static struct wire_value good(const char *text, unsigned int flags)
{
	struct wire_value v;
	char err[256] = "";
	size_t at;

	if (expr_parse(text, flags, -1, &v, err, sizeof(err), &at))
		fail_msg("'%s' at %zu: %s", text, at, err);
	return v;
}

static void bad(const char *text, unsigned int flags, size_t column, const char *part)
{
	struct wire_value v, zero;
	char err[256] = "";
	size_t at = 0;

	memset(&zero, 0, sizeof(zero));
	if (!expr_parse(text, flags, -1, &v, err, sizeof(err), &at))
		fail_msg("'%s' was taken", text);
	if (!strstr(err, part) || at != column)
		fail_msg("'%s' at %zu: '%s' lacks '%s' at %zu", text, at, err, part, column);
	assert_memory_equal(&v, &zero, sizeof(v));
}

/*
 * An evaluator of its own, by the definition in wire.h, over this process's memory: what an
 * expression means is tested, not how it is stored.
 */
static uint64_t evaluate(const struct wire_value *v, const uint64_t *args, uint64_t ret)
{
	uint64_t value = v->base == WIRE_BASE_RET ? ret : args[v->arg];

	if (v->base == WIRE_BASE_CONST)
		return v->rhs;
	for (int i = 0; i < v->derefs; i++)
		memcpy(&value, (const void *)(uintptr_t)(value + (uint64_t)(int64_t)v->off[i]), 8);
	return value + (uint64_t)(int64_t)v->off[v->derefs];
}

static void meaning(void **state)
{
	uint64_t inner[4] = {10, 11, 12, 13};
	uint64_t outer[4] = {1, (uintptr_t)inner, 3, (uintptr_t)&inner[2]};
	uint64_t args[16] = {(uintptr_t)outer, 5, [15] = 77};
	struct {
		const char *text;
		uint64_t want;
	} cases[] = {
		{"arg1", 5},
		{"arg15", 77},
		{"ret", (uintptr_t)inner},
		{"ret + 0x10", (uintptr_t)&inner[2]},
		{"*ret", 10},
		{"*(ret + 8)", 11},
		{"*(arg0 + 16) - 1", 2},
		{"*(*(arg0 + 8) + 24)", 13},
		{"**(arg0 + 0x18)", 12},
		{"*(*(arg0+24)-8)", 11},
		{"*(*(arg0 + 8) + 24) + 7", 20},
		{" * ( ( arg0 ) + 8 + 8 ) ", 3},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wire_value v = good(cases[i].text, 0);

		assert_int_equal(evaluate(&v, args, (uintptr_t)inner), cases[i].want);
		assert_int_equal(v.op, WIRE_OP_NONE);
		assert_int_equal(v.type, WIRE_TYPE_U64);
	}
}

static void conditions(void **state)
{
	struct wire_value v = good("ret != 0", EXPR_CONDITION);

	(void)state;
	assert_int_equal(v.op, WIRE_OP_NE);
	assert_int_equal(v.type, WIRE_TYPE_U64);
	v = good("ret != NULL", EXPR_CONDITION);
	assert_int_equal(v.rhs, 0);
	/* An int in a register: the sign is in its lower half. */
	v = good("ret < 0", EXPR_CONDITION);
	assert_int_equal(v.op, WIRE_OP_LT);
	assert_int_equal(v.type, WIRE_TYPE_I32);
	v = good("ret == -1", EXPR_CONDITION);
	assert_int_equal(v.type, WIRE_TYPE_I32);
	assert_true((int64_t)v.rhs == -1);
	v = good("arg1 >= 5000000000", EXPR_CONDITION);
	assert_int_equal(v.type, WIRE_TYPE_I64);
	v = good("i32 *(arg2) >= 0", EXPR_CONDITION);
	assert_int_equal(v.type, WIRE_TYPE_I32);
	assert_int_equal(v.derefs, 1);
	v = good("u8 ret == 255", EXPR_CONDITION);
	assert_int_equal(v.type, WIRE_TYPE_U8);
	v = good("i64 ret >= -9223372036854775808", EXPR_CONDITION);
	assert_true((int64_t)v.rhs == INT64_MIN);
	v = good("u64 ret == 0xffffffffffffffff", EXPR_CONDITION);
	assert_true(v.rhs == UINT64_MAX);
	v = good("ptr arg0 == 0", EXPR_CONDITION);
	assert_int_equal(v.type, WIRE_TYPE_U64);
}

static void text_comparison(void **state)
{
	struct wire_value v = good("str *(*(arg0 + 56) + 8) == \"kws\"", EXPR_CONDITION);

	(void)state;
	assert_int_equal(v.type, WIRE_TYPE_STR);
	assert_int_equal(v.str_bytes, 4);
	assert_memory_equal(&v.rhs, "kws\0\0\0\0", 8);
	assert_int_equal(v.derefs, 2);
	assert_int_equal(v.off[0], 56);
	assert_int_equal(v.off[1], 8);
	v = good("arg1 != 'seven77'", EXPR_CONDITION);
	assert_int_equal(v.str_bytes, 8);
	bad("arg1 == \"eight888\"", EXPR_CONDITION, 8, "at most 7 bytes");
	bad("arg1 < \"kws\"", EXPR_CONDITION, 5, "by ==, !=");
	bad("i32 arg1 == \"kws\"", EXPR_CONDITION, 12, "type str only");
	bad("str arg1 == 5", EXPR_CONDITION, 12, "text in quotes");
	bad("arg1 == \"kws", EXPR_CONDITION, 8, "not closed");
	bad("arg1 == \"k\\0\"", EXPR_CONDITION, 10, "no escapes");
	bad("str arg1", 0, 0, "comparisons only");
}

static void text_of_either_case(void **state)
{
	struct wire_value v = good("str *(arg2) ~= 'GET'", EXPR_CONDITION);

	(void)state;
	assert_int_equal(v.op, WIRE_OP_LIKE);
	assert_int_equal(v.str_bytes, 4);
	assert_memory_equal(&v.rhs, "get\0\0\0\0", 8);
	v = good("arg1 ^= 'Get '", EXPR_CONDITION);
	assert_int_equal(v.op, WIRE_OP_LIKE);
	assert_int_equal(v.type, WIRE_TYPE_STR);
	assert_int_equal(v.str_bytes, 4);
	assert_memory_equal(&v.rhs, "get \0\0\0", 8);
	bad("arg1 ^= ''", EXPR_CONDITION, 8, "begins with nothing");
	bad("arg1 ~= '{x}'", EXPR_CONDITION, 8, "no other characters");
	bad("arg1 ~= 5", EXPR_CONDITION, 5, "text in quotes");
	bad("u64 arg1 ^= 'get'", EXPR_CONDITION, 12, "type str only");
}

static void constants(void **state)
{
	struct wire_value v = good("16000", EXPR_CONSTANT);

	(void)state;
	assert_int_equal(v.base, WIRE_BASE_CONST);
	assert_int_equal(v.rhs, 16000);
	bad("16000", 0, 0, "expected argN or ret");
	bad("-5", EXPR_CONSTANT, 0, "expected argN");
}

static void mistakes_at_their_place(void **state)
{
	(void)state;
	bad("", 0, 0, "expected argN");
	bad("argo", 0, 0, "not 'argo'");
	bad("arg16", 0, 0, "arg0 to arg15");
	bad("arg01", 0, 0, "arg0 to arg15");
	bad("*(arg1 + )", 0, 9, "expected an integer");
	bad("*(arg1 + 8", 0, 10, "expected ')'");
	bad("arg0 arg1", 0, 5, "unexpected text");
	bad("ret == 0", 0, 4, "unexpected text");
	bad("ret", EXPR_CONDITION, 3, "expected a comparison");
	bad("ret = 0", EXPR_CONDITION, 4, "expected a comparison");
	bad("ret == 0 x", EXPR_CONDITION, 9, "unexpected text");
	bad("ret == 12ab", EXPR_CONDITION, 7, "not an integer");
	bad("ret == 99999999999999999999", EXPR_CONDITION, 7, "64 bits");
	bad("arg0 + 2147483648", 0, 7, "32 bits");
	bad("arg0 + 2147483647 + 1", 0, 20, "32 bits");
	bad("*****arg0", 0, 0, "more than 4");
	bad("((((((((((((((((((((arg0))))))))))))))))))))", 0, 16, "nested too deep");
	bad("i31 arg0", 0, 0, "unknown type 'i31'");
	bad("i8 ret == 128", EXPR_CONDITION, 10, "does not fit");
	bad("i8 ret == -129", EXPR_CONDITION, 10, "does not fit");
	bad("u32 ret < -1", EXPR_CONDITION, 10, "never negative");
	bad("u8 ret != 256", EXPR_CONDITION, 10, "does not fit");
}

static void no_return_at_the_entry(void **state)
{
	(void)state;
	bad("ret", EXPR_NO_RET, 0, "does not exist at the entry");
	bad("*(ret + 8)", EXPR_NO_RET, 2, "does not exist at the entry");
	good("arg0", EXPR_NO_RET);
}

static void floating_point_is_refused(void **state)
{
	(void)state;
	bad("xmm0", 0, 0, "vector registers");
	bad("f32 arg0", 0, 0, "vector registers");
	bad("double arg0", 0, 0, "vector registers");
	bad("*(xmm1 + 8)", 0, 2, "vector registers");
}

static void printed_text_reads_back(void **state)
{
	static const struct {
		const char *text;
		unsigned int flags;
	} cases[] = {
		{"str arg1 ~= \"get\"", EXPR_CONDITION},
		{"str *(arg2) ^= \"get \"", EXPR_CONDITION},
		{"arg0", 0},
		{"ret", 0},
		{"*(ret + 12)", 0},
		{"i32 *(ret - 8) + 3", 0},
		{"*(*(*(*(arg15 + 1) + 2) + 3) + 4) + 5", 0},
		{"42", EXPR_CONSTANT},
		{"ret < 0", EXPR_CONDITION},
		{"u64 ret > 5", EXPR_CONDITION},
		{"ret == -1", EXPR_CONDITION},
		{"i64 ret <= -5000000000", EXPR_CONDITION},
		{"ret == 18446744073709551615", EXPR_CONDITION},
		{"u8 *(arg2) >= 200", EXPR_CONDITION},
		{"str *(*(arg0 + 56) + 8) != \"kws\"", EXPR_CONDITION},
		{"str arg1 == 'a\"b'", EXPR_CONDITION},
		{"str arg1 == \"\"", EXPR_CONDITION},
	};
	char text[EXPR_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wire_value v = good(cases[i].text, cases[i].flags), again;

		expr_print(&v, text, sizeof(text));
		again = good(text, cases[i].flags);
		assert_memory_equal(&v, &again, sizeof(v));
	}
	expr_print(&(struct wire_value){.base = WIRE_BASE_NONE}, text, sizeof(text));
	assert_string_equal(text, "");
}

static void longest_text_fits(void **state)
{
	char text[EXPR_TEXT_MAX];
	struct wire_value v = good("i64 *(*(*(*(arg15 - 2147483647) - 2147483647) - 2147483647) "
				   "- 2147483647) - 2147483647 == -9223372036854775808",
				   EXPR_CONDITION),
			  again;

	(void)state;
	expr_print(&v, text, sizeof(text));
	again = good(text, EXPR_CONDITION);
	assert_memory_equal(&v, &again, sizeof(v));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(meaning),
		cmocka_unit_test(conditions),
		cmocka_unit_test(text_comparison),
		cmocka_unit_test(text_of_either_case),
		cmocka_unit_test(constants),
		cmocka_unit_test(mistakes_at_their_place),
		cmocka_unit_test(no_return_at_the_entry),
		cmocka_unit_test(floating_point_is_refused),
		cmocka_unit_test(printed_text_reads_back),
		cmocka_unit_test(longest_text_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
