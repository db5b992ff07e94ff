/* SPDX-License-Identifier: GPL-2.0-only */
#include "kernel/shared_clock.h"

uint64_t shared_clock_word(uint64_t word, bool once, uint64_t t)
{
	uint64_t n = word >> WIRE_CLOCK_BITS;

	if (once && n > 1)
		n = 1;
	return (word + n * t) & WIRE_CLOCK_MASK;
}

uint64_t shared_clock_read(const struct shared_clock *clock, bool once, uint64_t t)
{
	return shared_clock_word(__atomic_load_n(&clock->word, __ATOMIC_RELAXED), once, t);
}

uint64_t shared_clock_diff(uint64_t later, uint64_t earlier)
{
	uint64_t diff = (later - earlier) & WIRE_CLOCK_MASK;

	/* Programs step the clock a bit after the time they do it for: it may be seen to go back.
	 */
	return diff >> (WIRE_CLOCK_BITS - 1) ? 0 : diff;
}

uint64_t shared_clock_once(uint64_t word, uint64_t reading)
{
	return (word + (word >> WIRE_CLOCK_BITS ? reading : 0)) & WIRE_CLOCK_MASK;
}

void shared_clock_stop(uint64_t *word, uint64_t reading)
{
	uint64_t old = __atomic_load_n(word, __ATOMIC_RELAXED), sum;

	do {
		uint64_t n = old >> WIRE_CLOCK_BITS;

		if (n == 0)
			return;
		sum = n == 1 ? old + reading : old;
		sum = (sum & WIRE_CLOCK_MASK) | ((n - 1) << WIRE_CLOCK_BITS);
	} while (!__atomic_compare_exchange_n(word, &old, sum, false, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
}
