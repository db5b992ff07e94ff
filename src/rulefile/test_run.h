/* SPDX-License-Identifier: GPL-2.0-only */
/* test_run.h - one unit test under way, and what it says of its failures. */
#ifndef CHESHIRE_RULEFILE_TEST_RUN_H
#define CHESHIRE_RULEFILE_TEST_RUN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "promql/eval.h"
#include "rulefile/rulegroups.h"
#include "rulefile/testfile.h"

/* A series of the input and how much of it the store has. */
struct test_feed {
	const struct series_desc *desc;
	struct store_series *series;
	size_t at;
};

struct test_run {
	const struct testfile *file;
	const struct test_case *test;
	struct label_table *table;
	struct store *store;
	struct rulegroups *groups;
	struct evaluator *evaluator;
	size_t *order; /* of evaluation: indexes of groups */
	struct test_feed *feed;
	size_t feed_n;
	FILE *out;
	int failures;
	bool over; /* a rule failed: promtool stops there */
};

/* An alert as it is or as it was expected, for comparing. */
struct test_alert {
	struct test_labels labels;
	struct test_labels annotations;
};

/* test_diff.c: what differs, in lines that begin with - (expected) or + (there). */
void test_diff_alerts(struct test_run *run, const struct test_alert_case *c,
		      struct test_alert *expected, size_t expected_n, struct test_alert *got,
		      size_t got_n);
void test_diff_samples(struct test_run *run, const struct test_expr_case *c,
		       const struct promql_element *got, size_t got_n);
/* A failed check of an expression, with the reason. */
void test_say_expr(struct test_run *run, const struct test_expr_case *c, const char *why);
/* 1h30m, as Prometheus writes durations. */
#define TEST_DURATION_MAX 64
const char *test_duration(int64_t ms, char out[TEST_DURATION_MAX]);

#endif /* CHESHIRE_RULEFILE_TEST_RUN_H */
