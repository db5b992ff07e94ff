/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * testfile.h - a file of unit tests for rules, as `promtool test rules` reads it, and running it.
 *
 *	rule_files: [alice.rules.yml]
 *	evaluation_interval: 1m
 *	tests:
 *	  - interval: 1m
 *	    input_series:
 *	      - series: alice_cpu_usage_percent
 *	        values: 60x10
 *	    alert_rule_test:
 *	      - eval_time: 6m
 *	        alertname: CPUUsageHigh
 *	        exp_alerts:
 *	          - exp_labels: { severity: warning }
 */
#ifndef CHESHIRE_RULEFILE_TESTFILE_H
#define CHESHIRE_RULEFILE_TESTFILE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "rulefile/series_desc.h"

#define TESTFILE_BYTES_MAX  (32u << 20)
#define TESTFILE_VALUES_MAX 20000000 /* of all series */
#define TESTFILE_EVALS_MAX  2000000  /* of one test */

struct arena;
struct config_errors;
struct rulefile;

/* Labels as written: sorted, but empty values are kept. */
struct test_labels {
	struct label *label;
	size_t n;
};

struct test_expected_alert {
	struct test_labels labels; /* without alertname */
	struct test_labels annotations;
};

struct test_alert_case {
	int64_t eval_time_ms;
	const char *alertname;
	struct test_expected_alert *expected;
	size_t n;
};

struct test_expected_sample {
	struct label *label; /* settled */
	size_t labels_n;
	double value;
};

struct test_expr_case {
	int64_t eval_time_ms;
	const char *expr;
	struct test_expected_sample *expected;
	size_t n;
};

struct test_case {
	const char *name; /* "" where it has none */
	int64_t interval_ms;
	struct series_desc *series;
	size_t series_n;
	struct test_alert_case *alerts;
	size_t alerts_n;
	struct test_expr_case *exprs;
	size_t exprs_n;
	struct test_labels external_labels;
	const char *external_url;
};

struct testfile {
	const char **rule_files; /* as written */
	size_t rule_files_n;
	int64_t evaluation_interval_ms;
	const char **group_eval_order;
	size_t order_n;
	struct test_case *tests;
	size_t tests_n;
	struct arena *memory;
};

/* 0 with *out, -EINVAL with the mistakes added to errors, or -ENOMEM. */
int testfile_parse(const char *file, const char *text, size_t len, struct config_errors *errors,
		   struct config_errors *warnings, struct testfile **out);
void testfile_free(struct testfile *testfile);

/*
 * Runs the tests over these rules and writes what failed to `out`.  Returns how many checks
 * failed, or a negative errno.
 */
int testfile_run(const struct testfile *testfile, const struct rulefile *const *files, size_t n,
		 FILE *out);

#endif /* CHESHIRE_RULEFILE_TESTFILE_H */
