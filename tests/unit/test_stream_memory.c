/* SPDX-License-Identifier: GPL-2.0-only */
/* The memory of one more stream: counts, outliers, windows, few. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "metrics/stream_memory.h"

#define MB (1ULL << 20)
#define S  1000000000ULL
#define T0 (1000 * S)

static struct stream_memory *sm;

static int setup(void **state)
{
	(void)state;
	sm = stream_memory__new();
	return sm ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	stream_memory__free(sm);
	return 0;
}

/* n samples, 100 ms apart, with a noise of a quarter of a megabyte up and down. */
static void add(uint32_t open_spans, uint64_t mb, int n, uint64_t *now_ns)
{
	for (int i = 0; i < n; i++, *now_ns += S / 10)
		stream_memory__add(sm, open_spans, mb * MB + (uint64_t)(i % 3) * MB / 4, *now_ns);
}

static void test_slope(void **state)
{
	uint64_t now_ns = T0;
	struct sample s;

	(void)state;
	add(0, 100, 20, &now_ns);
	add(1, 164, 20, &now_ns);
	add(3, 292, 20, &now_ns);
	s = stream_memory__read(sm, 300 * S, now_ns);
	assert_int_equal(s.quality, QUALITY_SAMPLED);
	assert_int_equal(s.n, 40);
	assert_true(fabs(s.value - 64.0 * MB) < 0.01 * MB);
	assert_true(s.low <= s.value && s.value <= s.high);
	assert_true(s.low > 63.0 * MB && s.high < 65.0 * MB);
}

/* Pages that are still being touched, and a number of streams that was odd as a whole. */
static void test_outliers(void **state)
{
	uint64_t now_ns = T0;
	struct sample s;

	(void)state;
	add(0, 100, 20, &now_ns);
	add(1, 110, 4, &now_ns);
	add(1, 164, 16, &now_ns);
	add(2, 228, 20, &now_ns);
	add(3, 292, 20, &now_ns);
	add(4, 1000, 20, &now_ns);
	s = stream_memory__read(sm, 300 * S, now_ns);
	assert_true(fabs(s.value - 64.0 * MB) < 0.1 * MB);
	/* The odd one shows in the interval, which is what an alert asks. */
	assert_true(s.low < 65.0 * MB);
}

static void test_few(void **state)
{
	uint64_t now_ns = T0;
	struct sample s;

	(void)state;
	assert_true(stream_memory__read(sm, 0, now_ns).idle);
	add(0, 100, 50, &now_ns);
	s = stream_memory__read(sm, 0, now_ns);
	assert_true(s.idle && s.n == 0);
	add(1, 164, 4, &now_ns);
	s = stream_memory__read(sm, 0, now_ns);
	assert_int_equal(s.quality, QUALITY_FEW);
	assert_false(s.idle);
	assert_true(fabs(s.value - 64.0 * MB) < 1.0 * MB);
	add(1, 164, 1, &now_ns);
	assert_int_equal(stream_memory__read(sm, 0, now_ns).quality, QUALITY_SAMPLED);
}

/* Always the same number open: nothing to compare with. */
static void test_one_number(void **state)
{
	uint64_t now_ns = T0;
	struct sample s;

	(void)state;
	add(2, 300, 50, &now_ns);
	s = stream_memory__read(sm, 0, now_ns);
	assert_true(s.idle && isnan(s.value));
	assert_int_equal(s.quality, QUALITY_FEW);
}

static void test_window(void **state)
{
	uint64_t now_ns = T0;

	(void)state;
	add(0, 100, 20, &now_ns);
	add(1, 164, 20, &now_ns);
	assert_false(stream_memory__read(sm, 10 * S, now_ns).idle);
	now_ns += 60 * S;
	assert_true(stream_memory__read(sm, 10 * S, now_ns).idle);
	assert_false(stream_memory__read(sm, 0, now_ns).idle);
	/* A number that the slots cannot tell is not taken. */
	stream_memory__add(sm, STREAM_MEMORY_COUNTS, MB, now_ns);
	assert_true(stream_memory__read(sm, 10 * S, now_ns).idle);
}

/* Of hours of streams the newest count. */
static void test_bounded(void **state)
{
	uint64_t now_ns = T0;
	struct sample s;

	(void)state;
	add(0, 100, 5000, &now_ns);
	add(1, 150, 5000, &now_ns);
	add(1, 164, STREAM_MEMORY_KEPT, &now_ns);
	s = stream_memory__read(sm, 0, now_ns);
	assert_int_equal(s.n, STREAM_MEMORY_KEPT);
	assert_true(fabs(s.value - 64.0 * MB) < 0.1 * MB);
}

static void test_nobody_asked(void **state)
{
	(void)state;
	assert_true(stream_memory__read(NULL, S, T0).idle);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_slope, setup, teardown),
		cmocka_unit_test_setup_teardown(test_outliers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_few, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_number, setup, teardown),
		cmocka_unit_test_setup_teardown(test_window, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bounded, setup, teardown),
		cmocka_unit_test(test_nobody_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
