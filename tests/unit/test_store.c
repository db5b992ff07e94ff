/* SPDX-License-Identifier: GPL-2.0-only */
/* What the store keeps, what it gives back, and what it says it lost. */
#include <errno.h>

#include "eval_fixture.h"

/* One sample at 100 s is seen from then for 5 min, both ends included. */
static void test_lookback(void **state)
{
	struct eval_fixture f;
	struct promql_sample sample;
	struct store_series *s;

	(void)state;
	open_fixture(&f, 1000);
	store__keep_all(f.store);
	s = series_of(&f, "m");
	assert_false(store_at(s, 0, &sample));
	add(&f, "m", 100, 7);
	assert_false(store_at(s, 99999, &sample));
	assert_true(store_at(s, 100000, &sample));
	assert_true(store_at(s, 400000, &sample));
	assert_int_equal(sample.ts_ms, 100000);
	assert_true(sample.value == 7);
	assert_false(store_at(s, 400001, &sample));
	close_fixture(&f);
}

/* A stale marker ends the series until the next sample; a NaN of another kind is a value. */
static void test_stale_marker(void **state)
{
	struct eval_fixture f;
	struct promql_sample sample;
	struct store_series *s;

	(void)state;
	assert_true(isnan(store_stale_value()) && store_is_stale(store_stale_value()));
	assert_false(store_is_stale(NAN));
	open_fixture(&f, 1000);
	store__keep_all(f.store);
	s = series_of(&f, "m");
	add(&f, "m", 10, 1);
	assert_false(store_series_has_stale(s));
	STALE(&f, "m", 20);
	assert_true(store_series_has_stale(s));
	assert_true(store_at(s, 19999, &sample));
	assert_false(store_at(s, 20000, &sample));
	assert_false(store_at(s, 25000, &sample));
	add(&f, "m", 30, NAN);
	assert_true(store_at(s, 30000, &sample));
	close_fixture(&f);
}

static void test_range_is_closed(void **state)
{
	const struct promql_sample *sample;
	struct eval_fixture f;
	struct store_series *s;

	(void)state;
	open_fixture(&f, 1000);
	store__keep_all(f.store);
	s = series_of(&f, "m");
	assert_int_equal(store_range(s, 0, 1000, &sample), 0);
	for (int i = 0; i <= 10; i++)
		add(&f, "m", i, i);
	assert_int_equal(store_range(s, 2000, 5000, &sample), 4);
	assert_int_equal(sample[0].ts_ms, 2000);
	assert_int_equal(sample[3].ts_ms, 5000);
	assert_int_equal(store_range(s, 2001, 4999, &sample), 2);
	assert_int_equal(store_range(s, 2001, 2999, &sample), 0);
	assert_int_equal(store_range(s, 5000, 2000, &sample), 0);
	assert_int_equal(store_range(s, INT64_MIN, INT64_MAX, &sample), 11);
	close_fixture(&f);
}

static void test_order(void **state)
{
	struct eval_fixture f;
	struct store_series *s;

	(void)state;
	open_fixture(&f, 1000);
	store__keep_all(f.store);
	s = series_of(&f, "m");
	assert_int_equal(store__append(f.store, s, 1000, 1), 0);
	assert_int_equal(store__append(f.store, s, 1000, 1), -EINVAL);
	assert_int_equal(store__append(f.store, s, 999, 1), -EINVAL);
	assert_int_equal(store__append(f.store, s, 1001, 1), 0);
	assert_int_equal(store__samples(f.store), 2);
	close_fixture(&f);
}

/* Samples at 1 Hz for an hour: how many are kept of a series that is read so. */
static size_t kept(const char *text)
{
	struct promql_expr *expr = parse(text);
	const struct promql_sample *sample;
	struct eval_fixture f;
	struct store_series *s;
	size_t n, bytes;

	open_fixture(&f, 100000);
	s = series_of(&f, "m{a=\"1\"}");
	assert_int_equal(store__declare(f.store, expr), 0);
	for (int i = 0; i < 3600; i++)
		add(&f, "m{a=\"1\"}", i, i);
	n = store_range(s, INT64_MIN, INT64_MAX, &sample);
	assert_int_equal(n, store__samples(f.store));
	assert_int_equal(store_series_wanted(s), n > 0);
	if (n)
		assert_true(sample[n - 1].value == 3599);
	/* Room for a quarter more at most, and some indexes. */
	bytes = store__bytes(f.store);
	assert_true(bytes >= n * sizeof(*sample));
	assert_true(bytes <= (n * 5 / 4 + 8) * sizeof(*sample) + 8192);
	assert_int_equal(store__evicted(f.store), 0);
	close_fixture(&f);
	promql_free(expr);
	return n;
}

static void test_only_declared_ranges(void **state)
{
	const size_t lag = STORE_LAG_MS / 1000;

	(void)state;
	assert_int_equal(kept("other"), 0);
	assert_int_equal(kept("m{a=\"2\"}"), 0);
	/* The newest one that an evaluation as late as the lag permits still sees. */
	assert_int_equal(kept("m"), lag + 1);
	assert_int_equal(kept("m offset -5m"), lag + 1);
	/* Both ends of the range belong to it. */
	assert_int_equal(kept("rate(m[5m])"), 301 + lag);
	assert_int_equal(kept("rate(m[5m] offset 1m)"), 361 + lag);
	assert_int_equal(kept("m offset 10m"), 601 + lag);
	assert_int_equal(kept("m + rate(m{a=~\"1|2\"}[1m]) > avg_over_time({a!=\"\"}[2m])"),
			 121 + lag);
}

/* A series that appears after the rule; a rule that appears after the series; and goes. */
static void test_declare_and_forget(void **state)
{
	struct promql_expr *longer = parse("rate(m[10m])"), *shorter = parse("rate(m[1m])");
	struct eval_fixture f;

	(void)state;
	open_fixture(&f, 100000);
	add(&f, "m", 0, 0);
	assert_int_equal(store__samples(f.store), 0);
	assert_int_equal(store__declare(f.store, longer), 0);
	assert_int_equal(store__declare(f.store, shorter), 0);
	for (int i = 1; i < 1000; i++) {
		add(&f, "m", i, i);
		add(&f, "m{late=\"yes\"}", i, i);
	}
	assert_int_equal(store__samples(f.store), 2 * 606);
	store__forget(f.store, longer);
	store__trim(f.store);
	assert_int_equal(store__samples(f.store), 2 * 66);
	store__forget(f.store, longer);
	store__forget(f.store, shorter);
	assert_int_equal(store__samples(f.store), 2 * 66);
	store__trim(f.store);
	assert_int_equal(store__samples(f.store), 0);
	assert_false(store_series_wanted(series_of(&f, "m")));
	add(&f, "m", 2000, 1);
	assert_int_equal(store__samples(f.store), 0);
	close_fixture(&f);
	promql_free(longer);
	promql_free(shorter);
}

/* Every sample that was appended is held or counted; the oldest go first, of all series. */
static void test_bound(void **state)
{
	const struct promql_sample *sample;
	struct eval_fixture f;
	size_t appended = 0;

	(void)state;
	open_fixture(&f, 640);
	store__keep_all(f.store);
	for (int i = 0; i < 1000; i++) {
		add(&f, "a", i, i);
		appended++;
		if (i >= 500) {
			add(&f, "b", i, i);
			appended++;
		}
		assert_true(store__samples(f.store) <= 640);
		assert_int_equal(store__samples(f.store) + store__evicted(f.store), appended);
	}
	/* Both have the newest part, and know what they lost. */
	assert_true(store_range(series_of(&f, "a"), INT64_MIN, INT64_MAX, &sample) > 300);
	assert_true(store_series_lost(series_of(&f, "a"), sample[0].ts_ms - 1000));
	assert_false(store_series_lost(series_of(&f, "a"), sample[0].ts_ms));
	assert_true(store_range(series_of(&f, "b"), INT64_MIN, INT64_MAX, &sample) > 300);
	close_fixture(&f);
}

/* More series than samples: each new sample pushes out its own series' last, or is not taken. */
static void test_bound_below_series(void **state)
{
	struct eval_fixture f;

	(void)state;
	open_fixture(&f, 2);
	store__keep_all(f.store);
	add(&f, "a", 1, 1);
	add(&f, "b", 1, 1);
	assert_int_equal(store__append(f.store, series_of(&f, "c"), 1000, 1), -ENOSPC);
	assert_true(store_series_lost(series_of(&f, "c"), 1000));
	add(&f, "a", 2, 2);
	assert_int_equal(store__samples(f.store), 2);
	assert_int_equal(store__evicted(f.store), 2);
	close_fixture(&f);
}

static size_t selected(struct eval_fixture *f, const char *text)
{
	struct promql_expr *expr = parse(text);
	struct store_series *const *series;
	size_t n;

	assert_int_equal(store__select(f->store, expr->root, &series, &n), 0);
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < i; j++)
			assert_ptr_not_equal(series[i], series[j]);
	promql_free(expr);
	return n;
}

/* The second question is answered from memory; series that came since are in the answer. */
static void test_select(void **state)
{
	struct eval_fixture f;

	(void)state;
	open_fixture(&f, 100);
	for (int round = 0; round < 2; round++) {
		assert_int_equal(selected(&f, "m"), 2 * round);
		assert_int_equal(selected(&f, "m{a=\"1\"}"), round);
		assert_int_equal(selected(&f, "m{a!=\"1\"}"), round);
		assert_int_equal(selected(&f, "m{a=\"\"}"), 0);
		assert_int_equal(selected(&f, "m{b=\"\"}"), 2 * round);
		assert_int_equal(selected(&f, "{a=~\"1|2\"}"), 3 * round);
		assert_int_equal(selected(&f, "{a=~\".+\", a!~\"2.*\"}"), 2 * round);
		assert_int_equal(selected(&f, "{__name__=~\"m|n\", a=\"1\"}"), 2 * round);
		assert_int_equal(selected(&f, "{__name__=\"\", c=\"1\"}"), round);
		series_of(&f, "m{a=\"1\"}");
		series_of(&f, "m{a=\"2\"}");
		series_of(&f, "n{a=\"1\"}");
		series_of(&f, "{c=\"1\"}");
	}
	assert_int_equal(store__series_n(f.store), 4);
	close_fixture(&f);
}

/* Many series, asked for all the while. */
static void test_select_many(void **state)
{
	struct eval_fixture f;
	char name[64];

	(void)state;
	open_fixture(&f, 100);
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "m%d{i=\"%d\"}", i % 300, i);
		series_of(&f, name);
		if (i % 500 == 499) {
			assert_int_equal(selected(&f, "{i!=\"\"}"), i + 1);
			assert_int_equal(selected(&f, "m7"), i / 300 + (i % 300 >= 7));
		}
	}
	close_fixture(&f);
}

/* Series that ended give their memory back once nobody can see them. */
static void test_expire(void **state)
{
	struct promql_expr *expr = parse("rate(m[1m])");
	struct eval_fixture f;
	const int64_t end_ms = 100 * 1000, seen_ms = 60000 + STORE_LAG_MS + STORE_LOOKBACK_MS;

	(void)state;
	open_fixture(&f, 1000);
	assert_int_equal(store__declare(f.store, expr), 0);
	for (int i = 0; i <= 100; i++)
		add(&f, "m", i, i);
	store__expire(f.store, end_ms + seen_ms);
	assert_int_equal(store__samples(f.store), 66);
	store__expire(f.store, end_ms + seen_ms + 1);
	assert_int_equal(store__samples(f.store), 0);
	/* By itself, while other series go on. */
	add(&f, "m", 1000, 1);
	for (int i = 1000; i < 1500; i++)
		add(&f, "m{a=\"1\"}", i, i);
	assert_int_equal(store__samples(f.store), 66);
	close_fixture(&f);
	promql_free(expr);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lookback),
		cmocka_unit_test(test_stale_marker),
		cmocka_unit_test(test_range_is_closed),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_only_declared_ranges),
		cmocka_unit_test(test_declare_and_forget),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_bound_below_series),
		cmocka_unit_test(test_select),
		cmocka_unit_test(test_select_many),
		cmocka_unit_test(test_expire),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
