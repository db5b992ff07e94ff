/* SPDX-License-Identifier: GPL-2.0-only */
/* One evaluation of one rule: its result, what it writes, and series of it that end. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "promql/ast.h"
#include "promql/store.h"
#include "rulefile/groups.h"

int rule_fail(struct rule_eval *e, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(e->run->failure, sizeof(e->run->failure), fmt, args);
	va_end(args);
	return -EINVAL;
}

int series_list_add(struct series_list *list, struct store_series *series)
{
	size_t room = list->room ? list->room * 2 : 4;
	struct store_series **item;

	if (list->n == list->room) {
		item = reallocarray(list->item, room, sizeof(*item));
		if (!item)
			return -ENOMEM;
		list->item = item;
		list->room = room;
	}
	list->item[list->n++] = series;
	return 0;
}

static int by_address(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t) * (void *const *)a, y = (uintptr_t) * (void *const *)b;

	return x < y ? -1 : x > y;
}

void series_list_sort(struct series_list *list)
{
	if (list->n > 1)
		qsort(list->item, list->n, sizeof(*list->item), by_address);
}

bool series_list_has(const struct series_list *list, const struct store_series *series)
{
	return list->n && bsearch(&series, list->item, list->n, sizeof(*list->item), by_address);
}

/* A sample of this time that is there already is no mistake where it is the same. */
static int refused(struct rule_eval *e, const struct store_series *series, double value)
{
	struct promql_sample last;

	if (store_at(series, e->ts_ms, &last) && last.ts_ms == e->ts_ms) {
		if (!memcmp(&last.value, &value, sizeof(value)))
			return 0;
		return rule_fail(e, "duplicate sample for timestamp");
	}
	return rule_fail(e, "out of order sample");
}

int rule_write(struct rule_eval *e, const struct label *label, size_t n, double value,
	       const char *unknown)
{
	struct store *store = e->groups->store;
	const struct labels *labels = labels_make(store__labels(store), label, n);
	struct store_series *series = labels ? store__series(store, labels) : NULL;
	int err;

	if (!series) {
		err = -errno;
		rule_fail(e, "%s", err == -E2BIG ? "too many series" : "out of memory");
		return err;
	}
	store_series_unknown(series, unknown);
	err = store__append(store, series, e->ts_ms, value);
	if (err == -EINVAL)
		err = refused(e, series, value);
	else if (err)
		rule_fail(e, "%s", err == -ENOSPC ? "too many samples" : "out of memory");
	if (!err)
		err = series_list_add(&e->run->now, series);
	return err;
}

/* The result's elements; a scalar is an element without labels. */
static int evaluate(struct rule_eval *e, struct promql_element *scalar)
{
	struct promql_result result;
	struct promql_error error;
	int err = evaluator__eval(e->groups->evaluator, e->run->rule->expr, e->ts_ms, &result,
				  &error);

	if (err) {
		rule_fail(e, "%s", error.message);
		return err;
	}
	e->unknown = result.unknown;
	if (result.type == PROMQL_VECTOR) {
		e->element = result.element;
		e->n = result.n;
		return 0;
	}
	if (result.type != PROMQL_SCALAR)
		return rule_fail(e, "rule result is not a vector or scalar");
	scalar->labels = labels_make(store__labels(e->groups->store), NULL, 0);
	if (!scalar->labels)
		return rule_fail(e, "out of memory");
	scalar->value = result.scalar;
	scalar->ts_ms = e->ts_ms;
	scalar->unknown = result.unknown;
	e->element = scalar;
	e->n = 1;
	return 0;
}

/* Series that ended in a result that could not be trusted: until it can, nor can their end. */
static void judge_ended(struct rule_eval *e)
{
	struct series_list *ended = &e->run->ended;
	struct promql_sample last;
	size_t kept = 0;

	for (size_t i = 0; i < ended->n; i++) {
		struct store_series *series = ended->item[i];

		/* It is there again, by this rule or by another. */
		if (store_at(series, e->ts_ms, &last))
			continue;
		store_series_unknown(series, e->unknown);
		if (e->unknown)
			ended->item[kept++] = series;
	}
	ended->n = kept;
}

/* Series of the last evaluation that this one did not write. */
static void end_series(struct rule_eval *e)
{
	struct series_list swap = e->run->written;

	judge_ended(e);
	series_list_sort(&e->run->now);
	for (size_t i = 0; i < e->run->written.n; i++) {
		struct store_series *series = e->run->written.item[i];

		if (series_list_has(&e->run->now, series))
			continue;
		/* Another rule may have written it; then it does not end. */
		if (store__append(e->groups->store, series, e->ts_ms, store_stale_value()))
			continue;
		store_series_unknown(series, e->unknown);
		if (e->unknown && series_list_add(&e->run->ended, series))
			store_series_unknown(series, NULL);
	}
	e->run->written = e->run->now;
	e->run->now = swap;
	e->run->now.n = 0;
}

static void mark_written(const struct rule_eval *e, const char *unknown)
{
	for (size_t i = 0; i < e->run->written.n; i++)
		store_series_unknown(e->run->written.item[i], unknown);
}

/*
 * A rule whose result cannot be had leaves everything as it was, with what it wrote unknown; one of
 * whose samples some cannot be written goes on with the others.
 */
static void run_rule(struct rule_eval *e)
{
	struct promql_element scalar = {0};
	char before[RULE_FAILURE_MAX];
	int err;

	memcpy(before, e->run->failure, sizeof(before));
	e->run->failure[0] = '\0';
	e->run->now.n = 0;
	err = evaluate(e, &scalar);
	if (!err)
		err = e->run->rule->kind == RULE_ALERT ? rule_eval_alert(e) : rule_eval_record(e);
	if (err) {
		rule_eval_failed(e);
		mark_written(e, rule_no_result);
	} else {
		end_series(e);
	}
	if (strcmp(before, e->run->failure) && e->listener && e->listener->failure &&
	    (e->run->failure[0] || before[0]))
		e->listener->failure(e->listener->ctx, e->group, e->run->rule,
				     e->run->failure[0] ? e->run->failure : NULL);
}

void rulegroups__eval(struct rulegroups *groups, size_t i, int64_t now_ms,
		      const struct rulegroups_listener *listener)
{
	struct group_run *group = &groups->groups[i];

	for (size_t r = 0; r < group->group->rules_n; r++) {
		struct rule_eval e = {
			.groups = groups,
			.group = group->group,
			.run = &group->rules[r],
			.ts_ms = now_ms,
			.listener = listener,
		};

		run_rule(&e);
	}
}

static int by_labels_address(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t) * (const struct labels *const *)a;
	uintptr_t y = (uintptr_t) * (const struct labels *const *)b;

	return x < y ? -1 : x > y;
}

/* The labels that each element gets; -EINVAL where two get the same. */
static int record_labels(struct rule_eval *e, const struct labels **made,
			 const struct labels **sorted)
{
	const struct rule *rule = e->run->rule;
	struct label label[LABELS_MAX + 1];
	size_t n;

	for (size_t i = 0; i < e->n; i++) {
		const struct labels *from = e->element[i].labels;

		if (from->n + rule->labels_n + 1 > LABELS_MAX)
			return rule_fail(e, "more than %d labels", LABELS_MAX);
		n = from->n;
		memcpy(label, from->label, n * sizeof(*label));
		label[n++] = (struct label){PROMQL_METRIC_LABEL, rule->name};
		for (size_t k = 0; k < rule->labels_n; k++)
			label[n++] = (struct label){rule->labels[k].name, rule->labels[k].value};
		made[i] = labels_make(store__labels(e->groups->store), label, n);
		if (!made[i])
			return rule_fail(e, "too many label sets");
		sorted[i] = made[i];
	}
	qsort(sorted, e->n, sizeof(*sorted), by_labels_address);
	for (size_t i = 1; i < e->n; i++)
		if (sorted[i - 1] == sorted[i])
			return rule_fail(e, "vector contains metrics with the same labelset after "
					    "applying rule labels");
	return 0;
}

int rule_eval_record(struct rule_eval *e)
{
	const struct labels **made = calloc(2 * e->n + 1, sizeof(*made));
	int64_t limit = e->group->limit;
	int err;

	if (!made)
		return rule_fail(e, "out of memory");
	err = record_labels(e, made, made + e->n);
	if (!err && limit > 0 && e->n > (size_t)limit)
		err = rule_fail(e, "exceeded limit of %lld with %zu series", (long long)limit,
				e->n);
	for (size_t i = 0; i < e->n && !err; i++)
		rule_write(e, made[i]->label, made[i]->n, e->element[i].value,
			   e->element[i].unknown);
	free(made);
	return err;
}
