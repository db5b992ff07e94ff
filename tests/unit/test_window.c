/* SPDX-License-Identifier: GPL-2.0-only */
/* Windows against the plain list of what was added. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "metrics/evidence.h"
#include "metrics/window.h"

#define S      1000000000ULL
#define ORIGIN (12345 * S + 678)

static void test_expiry(void **state)
{
	static const uint64_t windows_s[] = {1, 2, 10, 60, 300, 3600};

	(void)state;
	for (size_t i = 0; i < sizeof(windows_s) / sizeof(windows_s[0]); i++) {
		uint64_t window_ns = windows_s[i] * S;
		uint64_t slot_ns = window_ns / 60 > S ? window_ns / 60 : S;

		for (uint64_t phase = 0; phase < 7; phase++) {
			struct window *w = window__new(WINDOW_HIST, window_ns);
			uint64_t t = ORIGIN + phase * slot_ns / 7;

			assert_non_null(w);
			assert_int_equal(window__add_duration(w, 5000, t), 0);
			/* Seen for at least the window, and for at most a slot more. */
			assert_int_equal(window__read(w, STAT_P95, t).n, 1);
			assert_int_equal(window__read(w, STAT_P95, t + window_ns - 1).n, 1);
			assert_int_equal(window__read(w, STAT_P95, t + window_ns + slot_ns).n, 0);
			assert_true(window__read(w, STAT_P95, t + window_ns + slot_ns).idle);
			window__free(w);
		}
	}
}

static void test_sliding_count(void **state)
{
	struct window *w = window__new(WINDOW_HIST, 10 * S);

	(void)state;
	for (uint64_t i = 0; i < 1000; i++) {
		uint64_t n;

		window__add_duration(w, i % 2 ? 1000000 : 3000000, ORIGIN + i * S / 4);
		n = window__read(w, STAT_COUNT, ORIGIN + i * S / 4).n;
		assert_true(n >= (i < 40 ? i + 1 : 40) && n <= 44);
	}
	/* Both values are exact to 1.6 %. */
	assert_true(fabs(window__read(w, STAT_P50, 0).value - 0.001) <= 0.000016);
	assert_true(fabs(window__read(w, STAT_P95, 0).value - 0.003) <= 0.000048);
	assert_true(fabs(window__read(w, STAT_MEAN, 0).value - 0.002) < 1e-4);
	assert_true(window__read(w, STAT_MAX, 0).value == 0.003);
	window__free(w);
}

static void test_long_silence(void **state)
{
	struct window *w = window__new(WINDOW_HIST, 60 * S);

	(void)state;
	window__add_duration(w, 9000000, ORIGIN);
	window__add_duration(w, 5000, ORIGIN + 1000000 * S);
	assert_int_equal(window__read(w, STAT_MAX, ORIGIN + 1000000 * S).n, 1);
	assert_true(window__read(w, STAT_MAX, ORIGIN + 1000000 * S).value == 5e-6);
	/* Time that runs backwards loses nothing. */
	window__add_duration(w, 5000, ORIGIN);
	assert_int_equal(window__read(w, STAT_MAX, ORIGIN + 1000000 * S).n, 2);
	window__free(w);
}

static void test_gauge(void **state)
{
	struct window *w = window__new(WINDOW_GAUGE, 10 * S);
	static const double values[] = {5, 1, 9, 3, 7};

	(void)state;
	assert_true(window__read(w, STAT_NOW, ORIGIN).idle);
	for (uint64_t i = 0; i < 5; i++)
		window__add_gauge(w, values[i], i == 2, ORIGIN + i * S);
	assert_true(window__read(w, STAT_NOW, ORIGIN + 4 * S).value == 7);
	assert_true(window__read(w, STAT_MAX, ORIGIN + 4 * S).value == 9);
	assert_int_equal(window__read(w, STAT_MAX, ORIGIN + 4 * S).quality, QUALITY_EXACT);
	assert_int_equal(window__read(w, STAT_NOW, ORIGIN + 4 * S).quality, QUALITY_SAMPLED);
	assert_true(window__read(w, STAT_MIN, ORIGIN + 4 * S).value == 1);
	assert_true(window__read(w, STAT_MEAN, ORIGIN + 4 * S).value == 5);
	assert_true(window__read(w, STAT_MEDIAN, ORIGIN + 4 * S).value == 5);
	assert_true(window__read(w, STAT_MEDIAN, ORIGIN + 12 * S).value == 7);
	assert_true(window__read(w, STAT_MEDIAN, ORIGIN + 13 * S + S / 2).value == 5);
	window__free(w);
}

static void test_ratio_and_sum(void **state)
{
	struct window *w = window__new(WINDOW_RATIO, 10 * S);
	struct window *sum = window__new(WINDOW_SUM, 10 * S);

	(void)state;
	window__add_ratio(w, 1, 10, 1, ORIGIN);
	window__add_ratio(w, 30, 60, 1, ORIGIN + S);
	window__add_ratio(w, 0, 0, 0, ORIGIN + S);
	assert_true(window__read(w, STAT_MEAN, ORIGIN + S).value == 31.0 / 70.0);
	assert_true(window__read(w, STAT_MAX, ORIGIN + S).value == 0.5);
	assert_true(window__read(w, STAT_NOW, ORIGIN + S).value == 0.5);
	assert_true(window__read(sum, STAT_COUNT, ORIGIN).value == 0);
	assert_false(window__read(sum, STAT_COUNT, ORIGIN).idle);
	window__add_ratio(sum, 20, 0, 20, ORIGIN);
	assert_true(window__read(sum, STAT_COUNT, ORIGIN).value == 20);
	assert_true(window__read(sum, STAT_RATE, ORIGIN).value == 2);
	window__free(w);
	window__free(sum);
}

static void test_marks_expire_too(void **state)
{
	struct window *w = window__new(WINDOW_HIST, 10 * S);

	(void)state;
	window__add_duration(w, 1000, ORIGIN + 8 * S);
	window__mark(w, QUALITY_PARTIAL, NULL, ORIGIN);
	assert_int_equal(window__read(w, STAT_P95, ORIGIN + 8 * S).quality, QUALITY_PARTIAL);
	window__mark(w, QUALITY_UNKNOWN, "because", ORIGIN + 9 * S);
	assert_int_equal(window__read(w, STAT_P95, ORIGIN + 9 * S).quality, QUALITY_UNKNOWN);
	assert_string_equal(window__read(w, STAT_P95, ORIGIN + 9 * S).reason, "because");
	assert_true(isnan(window__read(w, STAT_P95, ORIGIN + 9 * S).value));
	assert_int_equal(window__read(w, STAT_P95, ORIGIN + 21 * S).quality, QUALITY_EXACT);
	window__free(w);
}

static void test_slowest(void **state)
{
	struct evidence *e = evidence__new(300 * S);
	struct evidence_item item = {.kind = EVIDENCE_SPAN}, out[EVIDENCE_KEPT];

	(void)state;
	assert_int_equal(evidence__slowest(e, ORIGIN, out), 0);
	for (uint64_t i = 0; i < 1000; i++) {
		item.wall_ns = i * 7919 % 1000;
		evidence__add(e, &item, ORIGIN + i * S / 10);
	}
	assert_int_equal(evidence__slowest(e, ORIGIN + 100 * S, out), 3);
	assert_int_equal(out[0].wall_ns, 999);
	assert_int_equal(out[1].wall_ns, 998);
	assert_int_equal(out[2].wall_ns, 997);
	item.wall_ns = 5;
	evidence__add(e, &item, ORIGIN + 400 * S);
	/* The fast one is all there is in the window now. */
	assert_int_equal(evidence__slowest(e, ORIGIN + 420 * S, out), 1);
	assert_int_equal(out[0].wall_ns, 5);
	evidence__free(e);
	/* A window shorter than there are slots is not stretched to all of them. */
	e = evidence__new(10 * S);
	evidence__add(e, &item, ORIGIN);
	assert_int_equal(evidence__slowest(e, ORIGIN + 10 * S, out), 1);
	assert_int_equal(evidence__slowest(e, ORIGIN + 12 * S, out), 0);
	evidence__free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_expiry),	      cmocka_unit_test(test_sliding_count),
		cmocka_unit_test(test_long_silence),  cmocka_unit_test(test_gauge),
		cmocka_unit_test(test_ratio_and_sum), cmocka_unit_test(test_marks_expire_too),
		cmocka_unit_test(test_slowest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
