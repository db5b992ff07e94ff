/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Statements that are sent and answered, and those run in steps: nothing of one that was given up,
 * or whose end was not seen, is taken for part of another.
 */
#include "world.h"

#include <string.h>

#include "cheshire/wire_statement.h"

#define S      3
#define T0     (5ULL << 30)
#define MS     1000000ULL
#define HANDLE 0x5500ULL
#define TEXT   0x610000ULL

int statement_enter(struct pt_regs *regs);
int statement_exit(struct pt_regs *regs);

/* begin(handle, text) != 0; end(handle) == 0 with the last; step(handle) != 100 with the last. */
static __u32 begin, end, step, finish;

static __u32 with_handle(enum wire_role role, __u32 flags)
{
	__u32 f = function(S, role, flags);

	bind_at(f)->handle.base = WIRE_BASE_ARG;
	return f;
}

static void connection(void)
{
	static const char text[] = "SELECT 1";

	shim_map_user(TEXT, 4096);
	memcpy(shim_user(TEXT, sizeof(text)), text, sizeof(text));
	stage(S, 0);
	begin = with_handle(WIRE_ROLE_BEGIN, WIRE_BIND_AT_RETURN);
	bind_at(begin)->text = (struct wire_value){.base = WIRE_BASE_ARG, .arg = 1};
	end = with_handle(WIRE_ROLE_END, WIRE_BIND_AT_RETURN);
	bind_at(end)->when = (struct wire_value){.base = WIRE_BASE_RET, .op = WIRE_OP_EQ};
	step = with_handle(WIRE_ROLE_STEP, WIRE_BIND_AT_RETURN);
	bind_at(step)->when =
		(struct wire_value){.base = WIRE_BASE_RET, .op = WIRE_OP_NE, .rhs = 100};
	finish = with_handle(WIRE_ROLE_FREE, 0);
	at(T0);
}

static void run(int (*program)(struct pt_regs *), __u32 probe)
{
	const __u64 caller = CALLER;

	shim.cookie = probe;
	regs.sp = SP(8000);
	memcpy(shim_user(regs.sp, 8), &caller, 8);
	assert_int_equal(program(&regs), 0);
	shim_check();
}

static void call(__u32 f, __u64 ret)
{
	regs.di = HANDLE;
	regs.si = TEXT;
	run(statement_enter, 2 * f);
	regs.ax = ret;
	run(statement_exit, 2 * f + 1);
}

static void at_ms(__u64 ms)
{
	at(T0 + ms * MS);
}

static void sent_at(__u64 ms)
{
	at_ms(ms);
	call(begin, 1);
}

/* The result, and a call that says that there is no more. */
static void answered_at(__u64 ms)
{
	at_ms(ms);
	call(end, 0x6000);
	at_ms(ms + 1);
	call(end, 0);
}

static void taken_off_until(__u64 ms)
{
	stage(S, 0)->frames_since_ns = T0 + ms * MS;
}

static void expect_spans(__u64 n, __u64 sum_ms)
{
	assert_int_equal(stats(S)->spans, n);
	assert_int_equal(stats(S)->sum_ns, sum_ms * MS);
	expect_no_losses();
}

static void test_in_order(void **state)
{
	(void)state;
	connection();
	sent_at(0);
	sent_at(1);
	answered_at(5);
	answered_at(8);
	expect_spans(2, 5 + 7);
	answered_at(20);
	expect_spans(2, 5 + 7);
}

/* Closed with a statement on its way: the next connection at that address begins with none. */
static void test_connection_closed(void **state)
{
	(void)state;
	connection();
	sent_at(0);
	at_ms(3);
	regs.di = HANDLE;
	run(statement_enter, 2 * finish);
	for (int i = 1; i <= 3; i++) {
		sent_at(1000 * i);
		answered_at(1000 * i + 4);
		expect_spans(i, 4 * i);
	}
}

/* The answer came while nobody looked. */
static void test_answered_while_off(void **state)
{
	(void)state;
	connection();
	sent_at(0);
	taken_off_until(500);
	for (int i = 1; i <= 3; i++) {
		sent_at(1000 * i);
		answered_at(1000 * i + 4);
		expect_spans(i, 4 * i);
	}
}

/* ... or comes after: how long it took would be right by chance only. */
static void test_answered_after(void **state)
{
	(void)state;
	connection();
	sent_at(0);
	sent_at(1);
	taken_off_until(500);
	answered_at(600);
	answered_at(700);
	expect_spans(0, 0);
	sent_at(1000);
	answered_at(1004);
	expect_spans(1, 4);
}

static void step_of(__u64 from_ms, __u64 to_ms, __u64 ret)
{
	at_ms(from_ms);
	regs.di = HANDLE;
	run(statement_enter, 2 * step);
	at_ms(to_ms);
	regs.ax = ret;
	run(statement_exit, 2 * step + 1);
}

static void test_steps(void **state)
{
	(void)state;
	connection();
	step_of(0, 3, 100);
	step_of(10, 12, 101);
	expect_spans(1, 5);
	step_of(20, 23, 100);
	taken_off_until(500);
	step_of(600, 602, 101);
	expect_spans(2, 5 + 2);
	step_of(700, 703, 100);
	taken_off_until(800);
	at_ms(900);
	regs.di = HANDLE;
	run(statement_enter, 2 * finish);
	expect_spans(2, 5 + 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_in_order),
		world_test(test_connection_closed),
		world_test(test_answered_while_off),
		world_test(test_answered_after),
		world_test(test_steps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
