/* SPDX-License-Identifier: GPL-2.0-only */
/* A program that calls its own function when told to: linked as PIE, static-pie, stripped. */
#include <stdio.h>
#include <unistd.h>

long program_stage(long a, long b);
volatile long program_sink;

__attribute__((noinline)) long program_stage(long a, long b)
{
	program_sink = a;
	if (a > 100)
		return puts("") + b;
	return a + b;
}

int main(void)
{
	char c;

	/* One byte written: ready. Then calls for every byte read, until the end of input. */
	if (write(1, "r", 1) != 1)
		return 1;
	while (read(0, &c, 1) == 1)
		program_sink = program_stage(c, 1);
	return 0;
}
