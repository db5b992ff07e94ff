/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Values of expressions, worked out by hand.  What Prometheus itself makes of thousands more is
 * compared in tests/promql.
 */
#include <errno.h>

#include "eval_fixture.h"

#define INF INFINITY
static void test_scalars(void **state)
{
	struct eval_fixture f;

	(void)state;
	open_all(&f);
	assert_scalar(&f, "1 + 2 * 3", 0, 7);
	assert_scalar(&f, "2 ^ 3 ^ 2", 0, 512);
	assert_scalar(&f, "-2 ^ 2", 0, -4);
	assert_scalar(&f, "7 % -4", 0, 3);
	assert_scalar(&f, "-7 % 4", 0, -3);
	assert_scalar(&f, "1 / 0", 0, INF);
	assert_scalar(&f, "0 / 0", 0, NAN);
	assert_scalar(&f, "1 % 0", 0, NAN);
	assert_scalar(&f, "1 > bool 2", 0, 0);
	assert_scalar(&f, "NaN == bool NaN", 0, 0);
	assert_scalar(&f, "NaN != bool NaN", 0, 1);
	assert_scalar(&f, "time()", 1.5, 1.5);
	assert_scalar(&f, "1 atan2 0", 0, M_PI / 2);
	/* A power of two is exact, also where the intermediate power would be infinite. */
	assert_scalar(&f, "2 ^ -1074", 0, 0x1p-1074);
	assert_scalar(&f, "4 ^ 0.5", 0, 2);
	assert_scalar(&f, "10 ^ 400", 0, INF);
	assert_scalar(&f, "(-10) ^ 401", 0, -INF);
	assert_scalar(&f, "10 ^ -400", 0, 0);
	assert_scalar(&f, "(-8) ^ 1.5", 0, NAN);
	assert_int_equal(evaluate(&f, "\"text\"", 0), 0);
	assert_string_equal(f.result.text, "text");
	close_fixture(&f);
}

static void test_selectors(void **state)
{
	struct eval_fixture f;

	(void)state;
	open_all(&f);
	ADD(&f, "m{a=\"1\"}", 10, 1, 2, 3);
	ADD(&f, "m{a=\"2\"}", 10, 10, 20);
	STALE(&f, "m{a=\"2\"}", 20);
	assert_vector(&f, "m", 15, "m{a=\"1\"}", 2.0, "m{a=\"2\"}", 20.0, END);
	assert_vector(&f, "m", 20, "m{a=\"1\"}", 3.0, END);
	assert_vector(&f, "m offset 10s", 20, "m{a=\"1\"}", 2.0, "m{a=\"2\"}", 20.0, END);
	assert_vector(&f, "m offset -10s", 0, "m{a=\"1\"}", 2.0, "m{a=\"2\"}", 20.0, END);
	assert_vector(&f, "m", 320, "m{a=\"1\"}", 3.0, END);
	assert_vector(&f, "m", 320.001, END);
	/* Its own time for a selector, the evaluation's for all else. */
	assert_vector(&f, "timestamp(m{a=\"1\"})", 25, "{a=\"1\"}", 20.0, END);
	assert_vector(&f, "timestamp((m{a=\"1\"}))", 25, "{a=\"1\"}", 20.0, END);
	assert_vector(&f, "timestamp(+m{a=\"1\"})", 25, "{a=\"1\"}", 25.0, END);
	assert_int_equal(evaluate(&f, "m[15s]", 20), 0);
	assert_int_equal(f.result.type, PROMQL_MATRIX);
	assert_int_equal(f.result.n, 3); /* 2, 3 and 20; 0 s is outside, the marker no sample */
	close_fixture(&f);
}

/*
 * 0 to 60 s, one a second, at 60 s: of [1m] both ends are samples, so nothing is extrapolated.  Of
 * a range that begins 30 s before the first sample: these are 30 > 1.1 intervals away, half an
 * interval is added; but a counter that starts at 0 is not extended below 0.
 */
static void test_extrapolation(void **state)
{
	struct eval_fixture f;

	(void)state;
	open_all(&f);
	for (int i = 0; i <= 60; i++) {
		add(&f, "zero", i, i);
		add(&f, "high", i, 100 + i);
	}
	assert_vector(&f, "increase(zero[1m])", 60, "{}", 60.0, END);
	assert_vector(&f, "rate(zero[1m])", 60, "{}", 1.0, END);
	assert_vector(&f, "increase(zero[90s])", 60, "{}", 60.0, END);
	assert_vector(&f, "increase(high[90s])", 60, "{}", 60.0 * (60.5 / 60.0), END);
	assert_vector(&f, "delta(zero[90s])", 60, "{}", 60.0 * (60.5 / 60.0), END);
	/* 0.5 s before the first and after the last sample are near: extended to the edges. */
	assert_vector(&f, "increase(high[10s])", 60.5, "{}", 9.0 * (10.0 / 9.0), END);
	assert_vector(&f, "rate(high[1s])", 60.5, END);
	/* 8.5 s to the first sample, 10.9 or 11.5 s behind the last: near is 1.1 intervals of 10 s.
	 */
	for (int i = 0; i <= 6; i++)
		add(&f, "tens", 10 * i, 10 * i);
	assert_vector(&f, "delta(tens[59400ms])", 70.9, "{}", 40 * ((40 + 8.5 + 10.9) / 40), END);
	assert_vector(&f, "delta(tens[1m])", 71.5, "{}", 40 * ((40 + 8.5 + 5) / 40), END);
	close_fixture(&f);
}

static void test_counters(void **state)
{
	struct eval_fixture f;

	(void)state;
	open_all(&f);
	/* 10 before the reset, then 3 and 5 more: 10 to 15, reset, 0 to 3 to 8. */
	ADD(&f, "c", 15, 10, 15, 3, 8);
	assert_vector(&f, "increase(c[45s])", 45, "{}", 13.0, END);
	assert_vector(&f, "delta(c[45s])", 45, "{}", -2.0, END);
	assert_vector(&f, "resets(c[1m])", 45, "{}", 1.0, END);
	assert_vector(&f, "changes(c[1m])", 45, "{}", 3.0, END);
	assert_vector(&f, "irate(c[1m])", 45, "{}", 5.0 / 15, END);
	assert_vector(&f, "irate(c[1m])", 30, "{}", 3.0 / 15, END);
	assert_vector(&f, "idelta(c[1m])", 30, "{}", -12.0, END);
	assert_vector(&f, "resets(c[1s])", 45, "{}", 0.0, END);
	assert_vector(&f, "irate(c[1s])", 45, END);
	/* A marker in between is no sample and no reset. */
	STALE(&f, "c", 60);
	add(&f, "c", 75, 18);
	assert_vector(&f, "increase(c[1m])", 75, "{}", 18.0, END);
	assert_vector(&f, "irate(c[1m])", 75, "{}", 10.0 / 30, END);
	close_fixture(&f);
}

static void test_trends(void **state)
{
	struct eval_fixture f;

	(void)state;
	open_all(&f);
	for (int i = 0; i <= 10; i++)
		add(&f, "line", 10 * i, 5 + 2 * (double)i);
	ADD(&f, "flat", 10, 7, 7, 7);
	ADD(&f, "infinite", 10, INF, INF);
	assert_vector(&f, "deriv(line[5m])", 100, "{}", 0.2, END);
	assert_vector(&f, "predict_linear(line[5m], 50)", 100, "{}", 35.0, END);
	/* The line is taken at the evaluation's time, not at the last sample's. */
	assert_vector(&f, "predict_linear(line[5m], 0)", 150, "{}", 35.0, END);
	assert_vector(&f, "deriv(flat[5m])", 20, "{}", 0.0, END);
	assert_vector(&f, "predict_linear(flat[5m], 1e9)", 20, "{}", 7.0, END);
	assert_vector(&f, "deriv(infinite[5m])", 20, "{}", NAN, END);
	assert_vector(&f, "deriv(line[1s])", 100, END);
	close_fixture(&f);
}

static void test_over_time(void **state)
{
	struct eval_fixture f;

	(void)state;
	open_all(&f);
	ADD(&f, "m", 1, 4, 1, NAN, 3, 2);
	ADD(&f, "big", 1, 1.5e308, 1.5e308);
	ADD(&f, "tiny", 1, 1, 1e100, 1, -1e100);
	ADD(&f, "ends", 1, INF, 1, INF);
	ADD(&f, "nans", 1, NAN, NAN);
	assert_vector(&f, "min_over_time(m[1m])", 4, "{}", 1.0, END);
	assert_vector(&f, "max_over_time(m[1m])", 4, "{}", 4.0, END);
	assert_vector(&f, "min_over_time(nans[1m])", 4, "{}", NAN, END);
	assert_vector(&f, "sum_over_time(m[1m])", 4, "{}", NAN, END);
	assert_vector(&f, "count_over_time(m[1m])", 4, "{}", 5.0, END);
	assert_vector(&f, "last_over_time(m[1m])", 4, "m", 2.0, END);
	assert_vector(&f, "avg_over_time(m[1s])", 4, "{}", 2.5, END);
	assert_vector(&f, "stddev_over_time(m[1s])", 4, "{}", 0.5, END);
	/* No overflow, no rounding away, no infinity less infinity. */
	assert_vector(&f, "avg_over_time(big[1m])", 4, "{}", 1.5e308, END);
	assert_vector(&f, "sum_over_time(tiny[1m])", 4, "{}", 2.0, END);
	assert_vector(&f, "avg_over_time(ends[1m])", 4, "{}", INF, END);
	/* NaN, 1, 2, 3, 4: the median is the third. */
	assert_vector(&f, "quantile_over_time(0.5, m[1m])", 4, "{}", 2.0, END);
	assert_vector(&f, "quantile_over_time(0.625, m[1m])", 4, "{}", 2.5, END);
	assert_vector(&f, "quantile_over_time(1, m[1m])", 4, "{}", 4.0, END);
	assert_vector(&f, "quantile_over_time(0, m[1m])", 4, "{}", NAN, END);
	assert_vector(&f, "quantile_over_time(-0.1, m[1m])", 4, "{}", -INF, END);
	assert_vector(&f, "quantile_over_time(1.1, m[1m])", 4, "{}", INF, END);
	assert_vector(&f, "quantile_over_time(NaN, m[1m])", 4, "{}", NAN, END);
	close_fixture(&f);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Every rank of many values, against sorting. */
static void test_quantile_ranks(void **state)
{
	double values[64], sorted[64];
	struct eval_fixture f;
	char text[64];

	(void)state;
	for (int pattern = 0; pattern < 4; pattern++) {
		open_all(&f);
		for (int i = 0; i < 64; i++) {
			values[i] = pattern == 0   ? i
				    : pattern == 1 ? -i
				    : pattern == 2 ? i % 3
						   : i * 37 % 64;
			sorted[i] = values[i];
		}
		add_all(&f, "m", 1, 64, values);
		qsort(sorted, 64, sizeof(sorted[0]), compare);
		for (int i = 0; i < 64; i++) {
			snprintf(text, sizeof(text), "quantile_over_time(%d / 63, m[5m])", i);
			assert_int_equal(evaluate(&f, text, 64), 0);
			/* i / 63 * 63 is not i to the last bit. */
			assert_true(fabs(f.result.element[0].value - sorted[i]) < 1e-9);
		}
		close_fixture(&f);
	}
}

static void test_elementwise(void **state)
{
	struct eval_fixture f;

	(void)state;
	open_all(&f);
	ADD(&f, "m{a=\"1\"}", 1, -2.5);
	ADD(&f, "m{a=\"2\"}", 1, NAN);
	assert_vector(&f, "abs(m)", 0, "{a=\"1\"}", 2.5, "{a=\"2\"}", NAN, END);
	assert_vector(&f, "-m{a=\"1\"}", 0, "{a=\"1\"}", 2.5, END);
	assert_vector(&f, "+m{a=\"1\"}", 0, "m{a=\"1\"}", -2.5, END);
	/* Halves go up. */
	assert_vector(&f, "round(m{a=\"1\"})", 0, "{a=\"1\"}", -2.0, END);
	assert_vector(&f, "round(m{a=\"1\"}, 2)", 0, "{a=\"1\"}", -2.0, END);
	assert_vector(&f, "floor(m{a=\"1\"})", 0, "{a=\"1\"}", -3.0, END);
	assert_vector(&f, "ceil(m{a=\"1\"})", 0, "{a=\"1\"}", -2.0, END);
	assert_vector(&f, "clamp(m, -1, 1)", 0, "{a=\"1\"}", -1.0, "{a=\"2\"}", NAN, END);
	assert_vector(&f, "clamp(m, 1, -1)", 0, END);
	assert_vector(&f, "clamp_min(m, 0)", 0, "{a=\"1\"}", 0.0, "{a=\"2\"}", NAN, END);
	/* As Go's math.Max and math.Min: infinity wins over NaN. */
	assert_vector(&f, "clamp_min(m, Inf)", 0, "{a=\"1\"}", INF, "{a=\"2\"}", INF, END);
	assert_vector(&f, "1 / clamp_min(vector(-0), 0)", 0, "{}", INF, END);
	assert_vector(&f, "1 / clamp_max(vector(0), -0)", 0, "{}", -INF, END);
	assert_vector(&f, "clamp_max(m, -Inf)", 0, "{a=\"1\"}", -INF, "{a=\"2\"}", -INF, END);
	assert_scalar(&f, "scalar(m{a=\"1\"})", 0, -2.5);
	assert_scalar(&f, "scalar(m)", 0, NAN);
	assert_scalar(&f, "scalar(nothing)", 0, NAN);
	assert_vector(&f, "vector(time())", 3, "{}", 3.0, END);
	close_fixture(&f);
}

static void test_absent(void **state)
{
	struct eval_fixture f;

	(void)state;
	open_all(&f);
	ADD(&f, "m", 1, 1);
	assert_vector(&f, "absent(m)", 0, END);
	assert_vector(&f, "absent(m{a=\"1\", b=~\"x\", c!=\"y\"})", 0, "{a=\"1\"}", 1.0, END);
	assert_vector(&f, "absent(x{a=\"1\", a=\"2\", b=\"3\"})", 0, "{b=\"3\"}", 1.0, END);
	assert_vector(&f, "absent(x{a!=\"1\", a=\"2\"})", 0, "{a=\"2\"}", 1.0, END);
	assert_vector(&f, "absent(x{a=\"2\", a!=\"1\"})", 0, "{}", 1.0, END);
	assert_vector(&f, "absent(sum(x{a=\"1\"}))", 0, "{}", 1.0, END);
	assert_vector(&f, "absent((x{a=\"1\"}))", 0, "{a=\"1\"}", 1.0, END);
	assert_vector(&f, "absent_over_time(m[1m])", 60, END);
	assert_vector(&f, "absent_over_time(m{a=\"\"}[1m])", 60.001, "{}", 1.0, END);
	assert_vector(&f, "absent_over_time(x{a=\"1\"}[1m])", 0, "{a=\"1\"}", 1.0, END);
	close_fixture(&f);
}

static void test_with_scalars(void **state)
{
	struct eval_fixture f;

	(void)state;
	open_all(&f);
	ADD(&f, "m{a=\"1\"}", 1, 1);
	ADD(&f, "m{a=\"2\"}", 1, 2);
	assert_vector(&f, "m * 10", 0, "{a=\"1\"}", 10.0, "{a=\"2\"}", 20.0, END);
	assert_vector(&f, "10 - m", 0, "{a=\"1\"}", 9.0, "{a=\"2\"}", 8.0, END);
	/* A filter keeps the name and the vector's value, on whichever side it stands. */
	assert_vector(&f, "m > 1", 0, "m{a=\"2\"}", 2.0, END);
	assert_vector(&f, "1 < m", 0, "m{a=\"2\"}", 2.0, END);
	assert_vector(&f, "m > bool 1", 0, "{a=\"1\"}", 0.0, "{a=\"2\"}", 1.0, END);
	assert_vector(&f, "1 < bool m", 0, "{a=\"1\"}", 0.0, "{a=\"2\"}", 1.0, END);
	assert_vector(&f, "m != NaN", 0, "m{a=\"1\"}", 1.0, "m{a=\"2\"}", 2.0, END);
	/* atan2 keeps the name in 2.42. */
	assert_vector(&f, "m{a=\"1\"} atan2 0", 0, "m{a=\"1\"}", M_PI / 2, END);
	close_fixture(&f);
}

static void test_matching(void **state)
{
	struct eval_fixture f;

	(void)state;
	open_all(&f);
	ADD(&f, "m{a=\"1\", b=\"x\"}", 1, 6);
	ADD(&f, "m{a=\"2\", b=\"y\"}", 1, 8);
	ADD(&f, "n{a=\"1\", b=\"x\"}", 1, 3);
	ADD(&f, "n{a=\"2\", b=\"z\"}", 1, 4);
	assert_vector(&f, "m / n", 0, "{a=\"1\", b=\"x\"}", 2.0, END);
	assert_vector(&f, "m / on (a) n", 0, "{a=\"1\"}", 2.0, "{a=\"2\"}", 2.0, END);
	assert_vector(&f, "m / ignoring (b) n", 0, "{a=\"1\"}", 2.0, "{a=\"2\"}", 2.0, END);
	assert_vector(&f, "m > n", 0, "m{a=\"1\", b=\"x\"}", 6.0, END);
	assert_vector(&f, "m > on (a) n", 0, "{a=\"1\"}", 6.0, "{a=\"2\"}", 8.0, END);
	assert_vector(&f, "m > bool n", 0, "{a=\"1\", b=\"x\"}", 1.0, END);
	assert_vector(&f, "n > bool on (a) m", 0, "{a=\"1\"}", 0.0, "{a=\"2\"}", 0.0, END);
	assert_vector(&f, "m == on (a, __name__) m", 0, "m{a=\"1\"}", 6.0, "m{a=\"2\"}", 8.0, END);
	close_fixture(&f);
}

static void test_matching_errors(void **state)
{
	struct eval_fixture f;

	(void)state;
	open_all(&f);
	ADD(&f, "m{a=\"1\"}", 1, 6);
	ADD(&f, "m{a=\"2\"}", 1, 8);
	ADD(&f, "n{a=\"1\"}", 1, 3);
	ADD(&f, "o{a=\"1\"}", 1, 3);
	assert_refused(
		&f, "n + on () m", 0, -EINVAL,
		"found duplicate series for the match group {} on the right hand-side of the "
		"operation: [{__name__=\"m\", a=\"2\"}, {__name__=\"m\", a=\"1\"}];many-to-many "
		"matching not allowed: matching labels must be unique on one side");
	assert_refused(&f, "m + on () n", 0, -EINVAL,
		       "multiple matches for labels: many-to-one matching must be explicit "
		       "(group_left/group_right)");
	/* Only pairs that the comparison lets through count. */
	assert_vector(&f, "m > on () (n + 4)", 0, "{}", 8.0, END);
	/* With nothing on one side nothing is looked at. */
	assert_vector(&f, "nothing + on () m", 0, END);
	assert_refused(&f, "abs({__name__=~\"n|o\"})", 0, -EINVAL,
		       "vector cannot contain metrics with the same labelset");
	assert_refused(&f,
		       "rate({__name__=~\"n|o\"}[1m]) + count_over_time({__name__=~\"n|o\"}[1m])",
		       0, -EINVAL, "vector cannot contain metrics with the same labelset");
	assert_refused(&f, "-{__name__=~\"n|o\"}", 0, -EINVAL,
		       "vector cannot contain metrics with the same labelset");
	assert_int_equal(f.error.at, 0);
	close_fixture(&f);
}

static void test_sets(void **state)
{
	struct eval_fixture f;

	(void)state;
	open_all(&f);
	ADD(&f, "m{a=\"1\"}", 1, 1);
	ADD(&f, "m{a=\"2\"}", 1, 2);
	ADD(&f, "n{a=\"2\"}", 1, 20);
	ADD(&f, "n{a=\"3\"}", 1, 30);
	assert_vector(&f, "m and n", 0, "m{a=\"2\"}", 2.0, END);
	assert_vector(&f, "m unless n", 0, "m{a=\"1\"}", 1.0, END);
	assert_vector(&f, "m or n", 0, "m{a=\"1\"}", 1.0, "m{a=\"2\"}", 2.0, "n{a=\"3\"}", 30.0,
		      END);
	assert_vector(&f, "m and on () n", 0, "m{a=\"1\"}", 1.0, "m{a=\"2\"}", 2.0, END);
	assert_vector(&f, "m or on () n", 0, "m{a=\"1\"}", 1.0, "m{a=\"2\"}", 2.0, END);
	assert_vector(&f, "m unless on () n", 0, END);
	assert_vector(&f, "nothing or n", 0, "n{a=\"2\"}", 20.0, "n{a=\"3\"}", 30.0, END);
	assert_vector(&f, "m unless nothing", 0, "m{a=\"1\"}", 1.0, "m{a=\"2\"}", 2.0, END);
	assert_vector(&f, "m and nothing", 0, END);
	close_fixture(&f);
}

static void test_aggregations(void **state)
{
	struct eval_fixture f;

	(void)state;
	open_all(&f);
	ADD(&f, "m{a=\"1\", b=\"x\"}", 1, 1);
	ADD(&f, "m{a=\"1\", b=\"y\"}", 1, 3);
	ADD(&f, "m{a=\"2\", b=\"x\"}", 1, NAN);
	ADD(&f, "big{a=\"1\"}", 1, 1.5e308);
	ADD(&f, "big{a=\"2\"}", 1, 1.5e308);
	ADD(&f, "big{a=\"3\"}", 1, INF);
	assert_vector(&f, "sum by (a) (m)", 0, "{a=\"1\"}", 4.0, "{a=\"2\"}", NAN, END);
	assert_vector(&f, "avg without (b) (m)", 0, "{a=\"1\"}", 2.0, "{a=\"2\"}", NAN, END);
	assert_vector(&f, "max(m)", 0, "{}", 3.0, END);
	assert_vector(&f, "min(vector(NaN) or m)", 0, "{}", 1.0, END);
	assert_vector(&f, "max(vector(NaN) or m)", 0, "{}", 3.0, END);
	assert_vector(&f, "min(m)", 0, "{}", 1.0, END);
	assert_vector(&f, "count by (b) (m)", 0, "{b=\"x\"}", 2.0, "{b=\"y\"}", 1.0, END);
	assert_vector(&f, "count by (__name__, c) (m)", 0, "m", 3.0, END);
	assert_vector(&f, "sum by () (m)", 0, "{}", NAN, END);
	assert_vector(&f, "sum(nothing)", 0, END);
	/* The mean of what overflows as a sum; infinity stays. */
	assert_vector(&f, "avg(big{a!=\"3\"})", 0, "{}", 1.5e308, END);
	assert_vector(&f, "sum(big{a!=\"3\"})", 0, "{}", INF, END);
	assert_vector(&f, "avg(big)", 0, "{}", INF, END);
	close_fixture(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scalars),	       cmocka_unit_test(test_selectors),
		cmocka_unit_test(test_extrapolation),  cmocka_unit_test(test_counters),
		cmocka_unit_test(test_trends),	       cmocka_unit_test(test_over_time),
		cmocka_unit_test(test_quantile_ranks), cmocka_unit_test(test_elementwise),
		cmocka_unit_test(test_absent),	       cmocka_unit_test(test_with_scalars),
		cmocka_unit_test(test_matching),       cmocka_unit_test(test_matching_errors),
		cmocka_unit_test(test_sets),	       cmocka_unit_test(test_aggregations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
