/* SPDX-License-Identifier: GPL-2.0-only */
/* Exits at conditional jumps: conditions against the processor's own, and what comes of a hit. */
#include "world.h"

#define S     2
#define DELTA 24
#define FLAGS 0x8d5UL /* OF SF ZF AF PF CF */

#define SETCC(cc, name)                                                                            \
	case cc:                                                                                   \
		asm volatile("push %1\n\tpopfq\n\tset" name " %0"                                  \
			     : "=r"(set)                                                           \
			     : "r"(flags)                                                          \
			     : "cc");                                                              \
		break

/* What the processor says of a condition code under these flags. */
static int processor(__u8 condition, unsigned long flags)
{
	unsigned char set = 0;

	switch (condition) {
		SETCC(0, "o");
		SETCC(1, "no");
		SETCC(2, "b");
		SETCC(3, "ae");
		SETCC(4, "e");
		SETCC(5, "ne");
		SETCC(6, "be");
		SETCC(7, "a");
		SETCC(8, "s");
		SETCC(9, "ns");
		SETCC(10, "p");
		SETCC(11, "np");
		SETCC(12, "l");
		SETCC(13, "ge");
		SETCC(14, "le");
		SETCC(15, "g");
	}
	return set;
}

static void test_conditions(void **state)
{
	unsigned int n = 0;

	(void)state;
	for (unsigned long flags = 0; flags <= FLAGS; flags++) {
		if (flags & ~FLAGS)
			continue;
		regs.flags = flags;
		for (__u8 condition = 0; condition < 16; condition++, n++)
			if (!!arch_condition(&regs, condition) != processor(condition, flags))
				fail_msg("condition %u, flags 0x%lx", condition, flags);
	}
	assert_int_equal(n, 64 * 16);
}

/* The probe is hit three times in one call; the third time the jump goes the way of the return. */
static void test_exit_when_it_does_not_hold(void **state)
{
	__u32 f = (stage(S, 0), function(S, WIRE_ROLE_CALL, 0));

	(void)state;
	probe_at(2 * f + 1)->unless = 4 + 1; /* equal */
	probe_at(2 * f + 1)->sp_delta = DELTA;
	enter(f, SP(8000));
	regs.flags = X86_ZF;
	leave(f, SP(8000) - DELTA);
	leave(f, SP(8000) - DELTA);
	assert_int_equal(stats(S)->spans, 0);
	assert_int_equal(stats(S)->exit_hits, 2);
	regs.flags = 0;
	leave(f, SP(8000) - DELTA);
	assert_int_equal(stats(S)->spans, 1);
	assert_int_equal(stats(S)->exit_hits, 3);
	assert_int_equal(stats(S)->unmatched, 0);
	expect_no_losses();
}

/* The return address is still in its place: another function's frame at that SP is not ours. */
static void test_return_address_is_compared(void **state)
{
	__u32 f = (stage(S, 0), function(S, WIRE_ROLE_CALL, 0));

	(void)state;
	probe_at(2 * f + 1)->unless = 4 + 1;
	probe_at(2 * f + 1)->sp_delta = DELTA;
	regs.flags = 0;
	enter(f, SP(8000));
	leave(f, SP(7000) - DELTA);
	assert_int_equal(stats(S)->spans, 0);
	leave(f, SP(8000) - DELTA);
	assert_int_equal(stats(S)->spans, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_conditions),
		world_test(test_exit_when_it_does_not_hold),
		world_test(test_return_address_is_compared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
