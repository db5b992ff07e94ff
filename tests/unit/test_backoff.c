/* SPDX-License-Identifier: GPL-2.0-only */
/* When what was too dear is tried again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "watch/backoff.h"

#define S 1000000000ULL

static void nothing_failed_nothing_due(void **state)
{
	struct backoff b = {};

	(void)state;
	assert_false(backoff_take(&b, 1000 * S));
	backoff_works(&b, 1000 * S);
	assert_false(backoff_take(&b, 2000 * S));
}

static void due_once(void **state)
{
	struct backoff b = {};

	(void)state;
	backoff_failed(&b, 60 * S, 100 * S);
	assert_false(backoff_take(&b, 160 * S - 1));
	assert_true(backoff_take(&b, 160 * S));
	assert_false(backoff_take(&b, 170 * S));
}

static void twice_as_long_up_to_an_hour(void **state)
{
	uint64_t expected_ns = 60 * S, now_ns = 100 * S;
	struct backoff b = {};

	(void)state;
	for (int i = 0; i < 12; i++) {
		backoff_failed(&b, 60 * S, now_ns);
		assert_int_equal(b.due_ns - now_ns, expected_ns);
		now_ns = b.due_ns;
		expected_ns = expected_ns > 1800 * S ? 3600 * S : 2 * expected_ns;
	}
	assert_int_equal(b.delay_ns, 3600 * S);
}

/* One that works for a moment between failures is no better than one that does not. */
static void held_out_starts_anew(void **state)
{
	struct backoff b = {};

	(void)state;
	backoff_failed(&b, 60 * S, 0);
	backoff_works(&b, 60 * S);
	backoff_failed(&b, 60 * S, 90 * S);
	assert_int_equal(b.delay_ns, 120 * S);
	backoff_works(&b, 210 * S);
	backoff_failed(&b, 60 * S, 210 * S + 1200 * S);
	assert_int_equal(b.delay_ns, 60 * S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_failed_nothing_due),
		cmocka_unit_test(due_once),
		cmocka_unit_test(twice_as_long_up_to_an_hour),
		cmocka_unit_test(held_out_starts_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
