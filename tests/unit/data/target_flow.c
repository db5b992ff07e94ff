/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Functions whose shapes are hard to probe, compiled at test time with several flags. Every
 * fixture_* function is called as (long, long) by the test, which checks by breakpoints that each
 * call passes the planned sites exactly once.
 */
#include <setjmp.h>
#include <stdlib.h>

#ifdef __clang__
#define NOINLINE __attribute__((noinline))
#else
#define NOINLINE __attribute__((noinline, noclone))
#endif

extern long other_work(long a, long b);
extern long other_fail(long a);
long (*volatile fixture_pointer)(long a, long b) = other_work;
volatile long fixture_sink;
static jmp_buf fixture_jump;

long fixture_leaf(long a, long b);
long fixture_twelve(long a, long b);
long fixture_switch(long a, long b);
long fixture_tail_local(long a, long b);
long fixture_tail_plt(long a, long b);
long fixture_tail_indirect(long a, long b);
long fixture_tail_deep(long a, long b);
long fixture_tail_free(long a, long b);
long fixture_tail_cycle(long a, long b);
long fixture_recursive(long a, long b);
long fixture_frame(long a, long b);
long fixture_cold(long a, long b);
long fixture_longjmp(long a, long b);
void fixture_never(void);

long fixture_leaf(long a, long b)
{
	return a * 3 + b;
}

long fixture_twelve(long a, long b)
{
	fixture_sink = b;
	if (a == 0)
		return other_work(1, b) + 1;
	fixture_sink = 1;
	if (a == 1)
		return other_work(2, b) + 3;
	fixture_sink = 2;
	if (a == 2)
		return other_work(3, b) + 5;
	fixture_sink = 3;
	if (a == 3)
		return other_work(4, b) + 7;
	fixture_sink = 4;
	if (a == 4)
		return other_work(5, b) + 9;
	fixture_sink = 5;
	return b * 7;
}

long fixture_switch(long a, long b)
{
	switch (a) {
	case 0:
		return b + 1;
	case 1:
		return b * 3;
	case 2:
		return b - 7;
	case 3:
		fixture_sink = b;
		return b ^ 5;
	case 4:
		return b / 3;
	case 5:
		return b % 11;
	case 6:
		return b << 3;
	case 7:
		fixture_sink = a;
		return b | 9;
	default:
		return 0;
	}
}

static NOINLINE long local_work(long a, long b)
{
	fixture_sink = a;
	if (a == 3)
		return other_work(a, b) - 1;
	return a + b;
}

long fixture_tail_local(long a, long b)
{
	if (a == 1)
		return 17;
	fixture_sink += other_work(a, b);
	return local_work(a + 1, b);
}

long fixture_tail_plt(long a, long b)
{
	if (a == 1)
		return other_fail(a) + 1;
	return other_work(b, a);
}

long fixture_tail_indirect(long a, long b)
{
	fixture_sink = a;
	return fixture_pointer(a, b);
}

#define CHAIN(name, next)                                                                          \
	static NOINLINE long name(long a, long b)                                                  \
	{                                                                                          \
		fixture_sink = a;                                                                  \
		if (a == 77)                                                                       \
			return other_work(a, b) + 2;                                               \
		return next(b + 1, a);                                                             \
	}
CHAIN(chain5, local_work)
CHAIN(chain4, chain5)
CHAIN(chain3, chain4)
CHAIN(chain2, chain3)
CHAIN(chain1, chain2)

long fixture_tail_deep(long a, long b)
{
	return chain1(a + b, b);
}

long fixture_tail_free(long a, long b)
{
	fixture_sink = a + b;
	free(malloc(8));
	free(malloc(16));
	free(NULL);
	return a;
}

static NOINLINE long cycle_b(long a, long b);
static NOINLINE long cycle_a(long a, long b)
{
	fixture_sink = a;
	if (a <= 0)
		return b;
	return cycle_b(a - 1, b + 1);
}
static NOINLINE long cycle_b(long a, long b)
{
	fixture_sink = b;
	if (a <= 0)
		return b * 2;
	return cycle_a(a - 1, b + 3);
}

long fixture_tail_cycle(long a, long b)
{
	return cycle_a(a, b);
}

NOINLINE long fixture_recursive(long a, long b)
{
	if (a <= 0)
		return b;
	return fixture_recursive(a - 1, b) + fixture_recursive(a - 2, b + 1);
}

long fixture_frame(long a, long b)
{
	volatile char *room = __builtin_alloca((size_t)(a & 15) * 16 + 64);

	room[0] = (char)b;
	other_work(a, b);
	return room[0] + a;
}

__attribute__((cold)) static NOINLINE long rare_event(long a)
{
	return other_fail(a) + 3;
}

long fixture_cold(long a, long b)
{
	long sum = other_work(a, b);

	if (__builtin_expect(a > 2, 0)) {
		fixture_sink = rare_event(sum);
		return rare_event(b) + a;
	}
	return sum + b;
}

static NOINLINE void leap(void)
{
	longjmp(fixture_jump, 1);
}

long fixture_longjmp(long a, long b)
{
	if (setjmp(fixture_jump) == 0)
		leap();
	return a - b;
}

void fixture_never(void)
{
	fixture_sink = 1;
	abort();
}
