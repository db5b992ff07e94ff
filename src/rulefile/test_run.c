/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Running unit tests as promtool does: time goes from 0 in steps of the evaluation interval; at
 * each step the samples up to there are loaded, every group is evaluated, and the alerts that are
 * expected before the next step are compared.  Expressions are evaluated at the end.
 */
#include "rulefile/test_run.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "promql/ast.h"
#include "promql/store.h"
#include "rulefile/alert_set.h"

#define SAMPLES_MAX 50000000

static void __attribute__((format(printf, 2, 3)))
fail_run(struct test_run *run, const char *fmt, ...)
{
	va_list args;

	fputs("    ", run->out);
	if (run->test->name[0])
		fprintf(run->out, "name: %s, ", run->test->name);
	va_start(args, fmt);
	vfprintf(run->out, fmt, args);
	va_end(args);
	fputs("\n", run->out);
	run->failures++;
	run->over = true;
}

/* Position in group_eval_order; groups that are not there come with the first one. */
static size_t order_of(const struct test_run *run, size_t group)
{
	const char *name = rulegroups__group(run->groups, group)->name;

	for (size_t i = 0; i < run->file->order_n; i++)
		if (!strcmp(run->file->group_eval_order[i], name))
			return i;
	return 0;
}

struct ordered {
	size_t order, group;
};

static int by_order(const void *pa, const void *pb)
{
	const struct ordered *a = pa, *b = pb;

	if (a->order != b->order)
		return a->order < b->order ? -1 : 1;
	return a->group < b->group ? -1 : a->group > b->group;
}

static int order_groups(struct test_run *run)
{
	size_t n = rulegroups__count(run->groups);
	struct ordered *ordered = calloc(n + 1, sizeof(*ordered));

	run->order = calloc(n + 1, sizeof(*run->order));
	if (!run->order || !ordered) {
		free(ordered);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++)
		ordered[i] = (struct ordered){.order = order_of(run, i), .group = i};
	qsort(ordered, n, sizeof(*ordered), by_order);
	for (size_t i = 0; i < n; i++)
		run->order[i] = ordered[i].group;
	free(ordered);
	return 0;
}

/* Of a series that is given twice the last one counts. */
static int prepare_feed(struct test_run *run)
{
	run->feed = calloc(run->test->series_n + 1, sizeof(*run->feed));
	if (!run->feed)
		return -ENOMEM;
	for (size_t i = 0; i < run->test->series_n; i++) {
		const struct series_desc *desc = &run->test->series[i];
		const struct labels *labels = labels_make(run->table, desc->label, desc->labels_n);
		struct store_series *series = labels ? store__series(run->store, labels) : NULL;
		size_t at = 0;

		if (!series)
			return -errno;
		while (at < run->feed_n && run->feed[at].series != series)
			at++;
		run->feed[at] = (struct test_feed){.desc = desc, .series = series};
		run->feed_n += at == run->feed_n;
	}
	return 0;
}

static int set_up(struct test_run *run, const struct rulefile *const *files, size_t n)
{
	const struct rulegroups_opts opts = {
		.interval_ms = run->test->interval_ms,
		.external_labels = run->test->external_labels.label,
		.external_labels_n = run->test->external_labels.n,
		.external_url = run->test->external_url,
		.alert_series = true,
	};
	int err;

	run->table = label_table__new();
	run->store = run->table ? store__new(run->table, SAMPLES_MAX) : NULL;
	if (!run->store)
		return -ENOMEM;
	store__keep_all(run->store);
	run->evaluator = evaluator__new(run->store);
	run->groups = rulegroups__new(run->store, files, n, &opts);
	if (!run->evaluator || !run->groups)
		return -ENOMEM;
	err = order_groups(run);
	return err ? err : prepare_feed(run);
}

static void tear_down(struct test_run *run)
{
	free(run->order);
	free(run->feed);
	rulegroups__free(run->groups);
	evaluator__free(run->evaluator);
	store__free(run->store);
	label_table__free(run->table);
}

/* All samples of one time where there is no interval: the first one stays. */
static void feed_series(struct test_run *run, struct test_feed *feed, int64_t until_ms)
{
	int64_t step = run->test->interval_ms;

	for (; feed->at < feed->desc->n && (int64_t)feed->at * step <= until_ms; feed->at++) {
		const struct series_value *v = &feed->desc->value[feed->at];
		struct promql_sample last;
		int err;

		if (v->omitted || (!step && feed->at))
			continue;
		err = store__append(run->store, feed->series, (int64_t)feed->at * step, v->value);
		if (err == -EINVAL && store_at(feed->series, until_ms, &last) &&
		    !memcmp(&last.value, &v->value, sizeof(last.value)) &&
		    last.ts_ms == (int64_t)feed->at * step)
			err = 0;
		if (err) {
			fail_run(run, "a sample of the input cannot be stored: %s",
				 err == -EINVAL ? "out of order sample" : "there are too many");
			return;
		}
	}
}

/* Rules that failed, as promtool says it. */
static void check_failures(struct test_run *run, int64_t ts_ms)
{
	char time[TEST_DURATION_MAX];

	for (size_t k = 0; k < rulegroups__count(run->groups); k++) {
		size_t g = run->order[k];
		const struct rule_group *group = rulegroups__group(run->groups, g);

		for (size_t i = 0; i < group->rules_n; i++)
			if (rulegroups__failure(run->groups, g, i))
				fail_run(run, "rule: %s, time: %s, err: %s", group->rules[i].name,
					 test_duration(ts_ms, time),
					 rulegroups__failure(run->groups, g, i));
	}
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct label *)a)->name, ((const struct label *)b)->name);
}

static void free_got(struct test_alert *got, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < got[i].annotations.n; k++)
			free((void *)got[i].annotations.label[k].value);
		free(got[i].annotations.label);
	}
	free(got);
}

/* Takes the texts of the annotations over. */
static int add_got(struct test_run *run, struct test_alert **got, size_t *n,
		   const struct rule_alert *alert)
{
	struct rule_annotation *texts = rulegroups__annotations(run->groups, alert);
	struct test_alert *grown = reallocarray(*got, *n + 1, sizeof(*grown));
	struct label *label = calloc(alert->rule->annotations_n + 1, sizeof(*label));

	if (grown)
		*got = grown;
	if (!texts || !grown || !label) {
		rule_annotations_free(texts, texts ? alert->rule->annotations_n : 0);
		free(label);
		return -ENOMEM;
	}
	for (size_t i = 0; i < alert->rule->annotations_n; i++)
		label[i] = (struct label){texts[i].name, texts[i].text};
	free(texts);
	grown[(*n)++] = (struct test_alert){
		.labels = {(struct label *)alert->labels, alert->labels_n},
		.annotations = {label, alert->rule->annotations_n},
	};
	return 0;
}

static int collect(struct test_run *run, const char *alertname, struct test_alert **got, size_t *n)
{
	const struct rule_alert *const *alerts;
	int err = 0;

	for (size_t g = 0; g < rulegroups__count(run->groups); g++) {
		const struct rule_group *group = rulegroups__group(run->groups, g);

		for (size_t i = 0; i < group->rules_n; i++) {
			if (group->rules[i].kind != RULE_ALERT ||
			    strcmp(group->rules[i].name, alertname))
				continue;
			for (size_t a = rulegroups__alerts(run->groups, g, i, &alerts); a--;)
				if (alerts[a]->state == ALERT_FIRING && !err)
					err = add_got(run, got, n, alerts[a]);
		}
	}
	return err;
}

/* The expected alerts with their name, as promtool adds it. */
static struct test_alert *expected_of(const struct test_alert_case *c)
{
	struct test_alert *expected = calloc(c->n + 1, sizeof(*expected));

	for (size_t i = 0; expected && i < c->n; i++) {
		const struct test_labels *from = &c->expected[i].labels;
		struct label *label = calloc(from->n + 1, sizeof(*label));
		size_t n = 0;

		if (!label)
			return expected; /* it fails: the lists differ */
		for (size_t k = 0; k < from->n; k++)
			if (strcmp(from->label[k].name, RULE_ALERTNAME_LABEL))
				label[n++] = from->label[k];
		label[n++] = (struct label){RULE_ALERTNAME_LABEL, c->alertname};
		qsort(label, n, sizeof(*label), by_name);
		expected[i] = (struct test_alert){.labels = {label, n},
						  .annotations = c->expected[i].annotations};
	}
	return expected;
}

static int check_alerts(struct test_run *run, const struct test_alert_case *c)
{
	struct test_alert *expected = expected_of(c), *got = NULL;
	size_t n = 0;
	int err = expected ? collect(run, c->alertname, &got, &n) : -ENOMEM;

	if (!err)
		test_diff_alerts(run, c, expected, c->n, got, n);
	for (size_t i = 0; expected && i < c->n; i++)
		free(expected[i].labels.label);
	free(expected);
	free_got(got, n);
	return err;
}

static int64_t end_of(const struct test_case *test)
{
	int64_t end = 0;

	for (size_t i = 0; i < test->alerts_n; i++)
		end = test->alerts[i].eval_time_ms > end ? test->alerts[i].eval_time_ms : end;
	for (size_t i = 0; i < test->exprs_n; i++)
		end = test->exprs[i].eval_time_ms > end ? test->exprs[i].eval_time_ms : end;
	return end;
}

static int step(struct test_run *run, int64_t ts_ms)
{
	int64_t next_ms = ts_ms + run->file->evaluation_interval_ms;
	int err = 0;

	for (size_t i = 0; i < run->feed_n && !run->over; i++)
		feed_series(run, &run->feed[i], ts_ms);
	for (size_t i = 0; i < rulegroups__count(run->groups) && !run->over; i++)
		rulegroups__eval(run->groups, run->order[i], ts_ms, NULL);
	if (!run->over)
		check_failures(run, ts_ms);
	for (size_t i = 0; i < run->test->alerts_n && !run->over && !err; i++)
		if (run->test->alerts[i].eval_time_ms >= ts_ms &&
		    run->test->alerts[i].eval_time_ms < next_ms)
			err = check_alerts(run, &run->test->alerts[i]);
	return err;
}

static int check_expr(struct test_run *run, const struct test_expr_case *c)
{
	struct promql_element scalar = {0};
	struct promql_result result;
	struct promql_error error = {0};
	struct promql_expr *expr = NULL;
	int err = promql_parse(c->expr, strlen(c->expr), &expr, &error);

	if (!err)
		err = evaluator__eval(run->evaluator, expr, c->eval_time_ms, &result, &error);
	if (err) {
		test_say_expr(run, c, error.message);
	} else if (result.type == PROMQL_VECTOR) {
		test_diff_samples(run, c, result.element, result.n);
	} else if (result.type == PROMQL_SCALAR) {
		scalar.labels = labels_make(run->table, NULL, 0);
		scalar.value = result.scalar;
		if (scalar.labels)
			test_diff_samples(run, c, &scalar, 1);
	} else {
		test_say_expr(run, c, "rule result is not a vector or scalar");
	}
	promql_free(expr);
	return err == -ENOMEM ? err : 0;
}

static int run_test(struct test_run *run, const struct rulefile *const *files, size_t n)
{
	int64_t end = end_of(run->test), interval = run->file->evaluation_interval_ms;
	int err = set_up(run, files, n);

	if (err == -E2BIG) {
		fail_run(run, "more series than %d", STORE_SERIES_MAX);
		return 0;
	}
	if (!err && end / interval > TESTFILE_EVALS_MAX)
		fail_run(run, "more than %d evaluations", TESTFILE_EVALS_MAX);
	for (int64_t ts = 0; ts <= end && !err && !run->over; ts += interval)
		err = step(run, ts);
	for (size_t i = 0; i < run->test->exprs_n && !err && !run->over; i++)
		err = check_expr(run, &run->test->exprs[i]);
	return err;
}

int testfile_run(const struct testfile *testfile, const struct rulefile *const *files, size_t n,
		 FILE *out)
{
	int failures = 0, err = 0;

	for (size_t i = 0; i < testfile->tests_n && !err; i++) {
		struct test_run run = {.file = testfile, .test = &testfile->tests[i], .out = out};

		err = run_test(&run, files, n);
		failures += run.failures;
		tear_down(&run);
	}
	return err ? err : failures;
}
