/* SPDX-License-Identifier: GPL-2.0-only */
/* Values read from registers and memory of the target, and conditions on them. */
#include "world.h"

#include <string.h>

#define PAGE	 0x10000ULL
#define UNMAPPED 0xdead0000ULL

static const struct value_ctx regs_at = {
	.arg = {10, 11, 12, 13, 14, 0xffffffff85868788ULL},
	.ret = 0x8000000180018081ULL,
	.sp = SP(8000),
};

static struct value_ctx ctx;

static void new_page(void)
{
	ctx = regs_at;
	shim_map_user(PAGE, 4096);
}

static void put(__u64 addr, __u64 value, __u32 bytes)
{
	memcpy(shim_user(addr, bytes), &value, bytes);
}

static __u64 eval(struct wire_value v)
{
	__u64 out = 0x5555;

	assert_int_equal(value_eval(&v, &ctx, &out), 0);
	return out;
}

#define arg(n, ...) eval((struct wire_value){.base = WIRE_BASE_ARG, .arg = (n), __VA_ARGS__})
#define ret(...)    eval((struct wire_value){.base = WIRE_BASE_RET, __VA_ARGS__})

static void test_registers(void **state)
{
	(void)state;
	new_page();
	for (int n = 0; n < 5; n++)
		assert_int_equal(arg(n), 10 + n);
	assert_int_equal(arg(2, .off = {-4}), 8);
	assert_int_equal(eval((struct wire_value){.base = WIRE_BASE_CONST, .rhs = 16000}), 16000);
	assert_int_equal(ret(), regs_at.ret);
	assert_int_equal(ret(.type = WIRE_TYPE_I64), regs_at.ret);
	assert_int_equal(ret(.type = WIRE_TYPE_U32), 0x80018081);
	assert_int_equal(ret(.type = WIRE_TYPE_I32), 0xffffffff80018081ULL);
	assert_int_equal(ret(.type = WIRE_TYPE_U16), 0x8081);
	assert_int_equal(ret(.type = WIRE_TYPE_I16), 0xffffffffffff8081ULL);
	assert_int_equal(ret(.type = WIRE_TYPE_U8), 0x81);
	assert_int_equal(ret(.type = WIRE_TYPE_I8), 0xffffffffffffff81ULL);
	assert_int_equal(arg(5, .type = WIRE_TYPE_U32), 0x85868788);
}

/* From the seventh on they lie above the return address. */
static void test_stack_arguments(void **state)
{
	struct wire_value v = {.base = WIRE_BASE_ARG, .arg = 15};
	__u64 out;

	(void)state;
	new_page();
	for (int n = 6; n < 16; n++)
		put(SP(8000) + 8 + 8 * (n - 6), 100 + n, 8);
	for (int n = 6; n < 16; n++)
		assert_int_equal(arg(n), 100 + n);
	ctx.sp = UNMAPPED;
	assert_true(value_eval(&v, &ctx, &out) < 0);
}

static void test_memory_types(void **state)
{
	(void)state;
	new_page();
	ctx.arg[0] = PAGE + 16;
	put(PAGE + 8, 0x1111111111111111ULL, 8);
	put(PAGE + 16, 0xf1f2f3f4f5f6f7f8ULL, 8);
	assert_int_equal(arg(0, .derefs = 1), 0xf1f2f3f4f5f6f7f8ULL);
	assert_int_equal(arg(0, .derefs = 1, .type = WIRE_TYPE_I64), 0xf1f2f3f4f5f6f7f8ULL);
	assert_int_equal(arg(0, .derefs = 1, .type = WIRE_TYPE_U32), 0xf5f6f7f8);
	assert_int_equal(arg(0, .derefs = 1, .type = WIRE_TYPE_I32), 0xfffffffff5f6f7f8ULL);
	assert_int_equal(arg(0, .derefs = 1, .type = WIRE_TYPE_U16), 0xf7f8);
	assert_int_equal(arg(0, .derefs = 1, .type = WIRE_TYPE_I16), 0xfffffffffffff7f8ULL);
	assert_int_equal(arg(0, .derefs = 1, .type = WIRE_TYPE_U8), 0xf8);
	assert_int_equal(arg(0, .derefs = 1, .type = WIRE_TYPE_I8), 0xfffffffffffffff8ULL);
	/* Offsets before and after the last dereference. */
	assert_int_equal(arg(0, .derefs = 1, .off = {-8}), 0x1111111111111111ULL);
	assert_int_equal(arg(0, .derefs = 1, .type = WIRE_TYPE_U8, .off = {-8, 5}), 0x16);
}

/* *(*(*(*(arg1 + 8) - 16) + 0) + 24), an i16, minus 1. */
static void test_pointer_chain(void **state)
{
	(void)state;
	new_page();
	ctx.arg[1] = PAGE;
	put(PAGE + 8, PAGE + 116, 8);
	put(PAGE + 100, PAGE + 200, 8);
	put(PAGE + 200, PAGE + 300, 8);
	put(PAGE + 324, (__u16)-300, 2);
	assert_int_equal(arg(1, .derefs = 4, .type = WIRE_TYPE_I16, .off = {8, -16, 0, 24, -1}),
			 (__u64)-301);
	/* A pointer is read whole, whatever the type of the last. */
	assert_int_equal(arg(1, .derefs = 2, .type = WIRE_TYPE_U8, .off = {8, -16}),
			 (PAGE + 200) & 0xff);
}

/* A read that crosses the end of the mapping fails as a whole. */
static void test_unreadable(void **state)
{
	struct wire_value v = {.base = WIRE_BASE_ARG, .derefs = 1};
	__u64 out;

	(void)state;
	new_page();
	ctx.arg[0] = PAGE + 4092;
	assert_true(value_eval(&v, &ctx, &out) < 0);
	v.type = WIRE_TYPE_U32;
	assert_int_equal(value_eval(&v, &ctx, &out), 0);
	ctx.arg[0] = PAGE + 4093;
	assert_true(value_eval(&v, &ctx, &out) < 0);
	assert_true(value_holds(&v, &ctx) < 0);
	ctx.arg[0] = 0;
	assert_true(value_eval(&v, &ctx, &out) < 0);
}

static int holds(__u64 value, __u32 type, enum wire_op op, __u64 rhs)
{
	struct wire_value v = {.base = WIRE_BASE_ARG, .type = type, .op = op, .rhs = rhs};

	ctx.arg[0] = value;
	return value_holds(&v, &ctx);
}

static void test_comparisons(void **state)
{
	/* For value < rhs, value == rhs, value > rhs. */
	static const int want[][3] = {
		[WIRE_OP_NONE] = {1, 1, 1}, [WIRE_OP_EQ] = {0, 1, 0}, [WIRE_OP_NE] = {1, 0, 1},
		[WIRE_OP_LT] = {1, 0, 0},   [WIRE_OP_LE] = {1, 1, 0}, [WIRE_OP_GT] = {0, 0, 1},
		[WIRE_OP_GE] = {0, 1, 1},
	};

	(void)state;
	new_page();
	for (int op = WIRE_OP_NONE; op <= WIRE_OP_GE; op++) {
		for (int i = 0; i < 3; i++) {
			assert_int_equal(holds(4 + i, WIRE_TYPE_U64, op, 5), want[op][i]);
			/* Signed: -6, -5, -4 against -5; and across 0. */
			assert_int_equal(holds((__u32)(-6 + i), WIRE_TYPE_I32, op, (__u64)-5),
					 want[op][i]);
			assert_int_equal(holds((__u64)(-1 + i), WIRE_TYPE_I64, op, 0), want[op][i]);
			assert_int_equal(holds((__u8)(-1 + i), WIRE_TYPE_I8, op, 0), want[op][i]);
			assert_int_equal(holds((__u16)(-1 + i), WIRE_TYPE_I16, op, 0), want[op][i]);
		}
	}
	/* Unsigned: all ones is the highest. */
	assert_int_equal(holds(~0ULL, WIRE_TYPE_U64, WIRE_OP_GT, 1), 1);
	assert_int_equal(holds(~0ULL, WIRE_TYPE_U32, WIRE_OP_EQ, 0xffffffff), 1);
}

static int text_is(__u64 addr, const char *text, enum wire_op op)
{
	struct wire_value v = {.base = WIRE_BASE_ARG, .type = WIRE_TYPE_STR, .op = op};

	v.str_bytes = strlen(text) + 1 < 8 ? strlen(text) + 1 : 8;
	memcpy(&v.rhs, text, v.str_bytes);
	ctx.arg[0] = addr;
	return value_holds(&v, &ctx);
}

static void put_text(__u64 addr, const char *text)
{
	memcpy(shim_user(addr, strlen(text) + 1), text, strlen(text) + 1);
}

static void test_text(void **state)
{
	(void)state;
	new_page();
	memset(shim_user(PAGE, 4096), '~', 4096);
	put_text(PAGE, "wake");
	assert_int_equal(text_is(PAGE, "wake", WIRE_OP_EQ), 1);
	assert_int_equal(text_is(PAGE, "wak", WIRE_OP_EQ), 0); /* the NUL counts */
	assert_int_equal(text_is(PAGE, "waker", WIRE_OP_EQ), 0);
	assert_int_equal(text_is(PAGE, "wake", WIRE_OP_NE), 0);
	assert_int_equal(text_is(PAGE, "", WIRE_OP_NE), 1);
	put_text(PAGE + 100, "partial"); /* 7 characters and the NUL: all eight bytes */
	assert_int_equal(text_is(PAGE + 100, "partial", WIRE_OP_EQ), 1);
	put_text(PAGE + 100, "partials");
	assert_int_equal(text_is(PAGE + 100, "partial", WIRE_OP_EQ), 0);
}

/* Texts of 0 to 7 characters that end with the page. */
static void test_text_at_page_end(void **state)
{
	static const char text[] = "hotword";

	(void)state;
	new_page();
	for (int n = 0; n <= 7; n++) {
		const char *part = text + 7 - n;
		__u64 addr = PAGE + 4096 - (n + 1);

		put_text(addr, part);
		assert_int_equal(text_is(addr, part, WIRE_OP_EQ), 1);
		assert_int_equal(text_is(addr, "x", WIRE_OP_EQ), 0);
	}
	/* No NUL before the end: not readable, which is neither equal nor different. */
	memset(shim_user(PAGE + 4090, 6), 'x', 6);
	assert_true(text_is(PAGE + 4090, "xxxxxx", WIRE_OP_EQ) < 0);
	assert_true(text_is(PAGE + 4090, "xxxxxx", WIRE_OP_NE) < 0);
	assert_true(text_is(UNMAPPED, "x", WIRE_OP_EQ) < 0);
	assert_true(text_is(0, "x", WIRE_OP_NE) < 0);
}

/* Text behind a pointer in a structure. */
static void test_text_behind_pointer(void **state)
{
	struct wire_value v = {.base = WIRE_BASE_ARG,
			       .type = WIRE_TYPE_STR,
			       .op = WIRE_OP_EQ,
			       .derefs = 1,
			       .off = {8},
			       .str_bytes = 3};

	(void)state;
	new_page();
	memcpy(&v.rhs, "on", 3);
	put(PAGE + 8, PAGE + 40, 8);
	put_text(PAGE + 40, "on");
	ctx.arg[0] = PAGE;
	assert_int_equal(value_holds(&v, &ctx), 1);
	put_text(PAGE + 40, "off");
	assert_int_equal(value_holds(&v, &ctx), 0);
}

/* What the verifier asks of functions that are checked by themselves. */
static void test_null_arguments(void **state)
{
	struct wire_value v = {.base = WIRE_BASE_RET};
	__u64 out;

	(void)state;
	assert_true(value_eval(NULL, &ctx, &out) < 0);
	assert_true(value_eval(&v, NULL, &out) < 0);
	assert_true(value_eval(&v, &ctx, NULL) < 0);
	assert_true(value_holds(NULL, &ctx) < 0);
	assert_true(value_holds(&v, NULL) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_registers),
		world_test(test_stack_arguments),
		world_test(test_memory_types),
		world_test(test_pointer_chain),
		world_test(test_unreadable),
		world_test(test_comparisons),
		world_test(test_text),
		world_test(test_text_at_page_end),
		world_test(test_text_behind_pointer),
		world_test(test_null_arguments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
