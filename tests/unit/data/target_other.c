/* SPDX-License-Identifier: GPL-2.0-only */
/* A second library: what the first one calls and jumps to. */
extern volatile long other_sink;
volatile long other_sink;
long other_work(long a, long b);
long other_fail(long a);
long other_aliased(long a);
extern long other_alias(long a);

long other_work(long a, long b)
{
	if (a == 4)
		return -1;
	other_sink = b;
	if (b > 100) {
		other_sink += a;
		return a;
	}
	return a + 2 * b;
}

long other_fail(long a)
{
	other_sink = a;
	return a + 1;
}

long other_aliased(long a)
{
	return a ^ 0x55;
}
long other_alias(long a) __attribute__((alias("other_aliased")));

static long chosen(void)
{
	return 42;
}
static void *choose(void)
{
	return (void *)chosen;
}
long other_ifunc(void) __attribute__((ifunc("choose")));
