/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a failed check says:
 *
 *	alertname: CPUUsageHigh, time: 6m,
 *	    - {alertname="CPUUsageHigh", severity="critical"}
 *	    + {alertname="CPUUsageHigh", severity="warning"}
 *	      summary: Alice CPU usage exceeds budget
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "log/escape.h"
#include "promql/labels.h"
#include "rulefile/test_run.h"
#include "template/value.h"

#define SHOWN_MAX 4096

const char *test_duration(int64_t ms, char out[TEST_DURATION_MAX])
{
	static const struct {
		const char *unit;
		int64_t ms;
		bool exact; /* only where nothing is left */
	} units[] = {
		{"y", 365ll * 86400000, true},
		{"w", 7ll * 86400000, true},
		{"d", 86400000, false},
		{"h", 3600000, false},
		{"m", 60000, false},
		{"s", 1000, false},
		{"ms", 1, false},
	};
	size_t at = 0;

	snprintf(out, TEST_DURATION_MAX, "0s");
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (ms < units[i].ms || (units[i].exact && ms % units[i].ms))
			continue;
		at += (size_t)snprintf(out + at, TEST_DURATION_MAX - at, "%" PRId64 "%s",
				       ms / units[i].ms, units[i].unit);
		ms %= units[i].ms;
	}
	return out;
}

static void print_text(FILE *out, const char *text)
{
	char shown[SHOWN_MAX];

	escape_bytes(ESCAPE_LINE, shown, sizeof(shown), text, strlen(text), 0);
	fputs(shown, out);
}

static void print_labels(FILE *out, const struct test_labels *labels)
{
	fputs("{", out);
	for (size_t i = 0; i < labels->n; i++) {
		fprintf(out, "%s%s=\"", i ? ", " : "", labels->label[i].name);
		print_text(out, labels->label[i].value);
		fputs("\"", out);
	}
	fputs("}\n", out);
}

static void print_name(struct test_run *run)
{
	if (!run->test->name[0])
		return;
	fputs("    name: ", run->out);
	print_text(run->out, run->test->name);
	fputs(",\n", run->out);
}

static int compare_labels(const struct test_labels *a, const struct test_labels *b)
{
	int order = 0;

	for (size_t i = 0; i < a->n && i < b->n && !order; i++) {
		order = strcmp(a->label[i].name, b->label[i].name);
		if (!order)
			order = strcmp(a->label[i].value, b->label[i].value);
	}
	if (!order && a->n != b->n)
		order = a->n < b->n ? -1 : 1;
	return order;
}

static int by_labels(const void *pa, const void *pb)
{
	const struct test_alert *a = pa, *b = pb;
	int order = compare_labels(&a->labels, &b->labels);

	return order ? order : compare_labels(&a->annotations, &b->annotations);
}

static void print_alert(FILE *out, char sign, const struct test_alert *alert)
{
	fprintf(out, "        %c ", sign);
	print_labels(out, &alert->labels);
	for (size_t i = 0; i < alert->annotations.n; i++) {
		fprintf(out, "        %c   %s: ", sign, alert->annotations.label[i].name);
		print_text(out, alert->annotations.label[i].value);
		fputs("\n", out);
	}
}

/* Both lists are sorted: what only one of them has differs. */
void test_diff_alerts(struct test_run *run, const struct test_alert_case *c,
		      struct test_alert *expected, size_t expected_n, struct test_alert *got,
		      size_t got_n)
{
	char time[TEST_DURATION_MAX];
	size_t e = 0, g = 0, same = 0;
	bool said = false;

	qsort(expected, expected_n, sizeof(*expected), by_labels);
	if (got_n)
		qsort(got, got_n, sizeof(*got), by_labels);
	while (e < expected_n || g < got_n) {
		int order = e == expected_n ? 1
			    : g == got_n    ? -1
					    : by_labels(&expected[e], &got[g]);

		if (!order) {
			same++, e++, g++;
			continue;
		}
		if (!said) {
			print_name(run);
			fputs("    alertname: ", run->out);
			print_text(run->out, c->alertname);
			fprintf(run->out, ", time: %s,\n", test_duration(c->eval_time_ms, time));
			said = true;
			run->failures++;
		}
		if (order < 0)
			print_alert(run->out, '-', &expected[e++]);
		else
			print_alert(run->out, '+', &got[g++]);
	}
	if (said && same)
		fprintf(run->out, "        %zu more as expected\n", same);
}

static void begin_expr(struct test_run *run, const struct test_expr_case *c)
{
	char time[TEST_DURATION_MAX];

	print_name(run);
	fputs("    expr: \"", run->out);
	print_text(run->out, c->expr);
	fprintf(run->out, "\", time: %s,\n", test_duration(c->eval_time_ms, time));
	run->failures++;
}

void test_say_expr(struct test_run *run, const struct test_expr_case *c, const char *why)
{
	begin_expr(run, c);
	fprintf(run->out, "        err: %s\n", why);
}

/* A sample with its labels interned; NULL: an expected one that cannot be. */
struct test_sample {
	const struct labels *labels;
	double value;
};

static int by_sample(const void *pa, const void *pb)
{
	const struct test_sample *a = pa, *b = pb;

	return labels_compare(a->labels, b->labels);
}

static void print_sample(FILE *out, char sign, const struct test_sample *sample)
{
	char text[SHOWN_MAX], number[VALUE_NUMBER_MAX];

	value_number(sample->value, number);
	fprintf(out, "        %c %s %s\n", sign, labels_text(sample->labels, text, sizeof(text)),
		number);
}

static void diff_samples(struct test_run *run, const struct test_expr_case *c,
			 const struct test_sample *expected, size_t expected_n,
			 const struct test_sample *got, size_t got_n)
{
	size_t e = 0, g = 0, same = 0;
	bool said = false;

	while (e < expected_n || g < got_n) {
		int order = e == expected_n ? 1
			    : g == got_n    ? -1
					    : by_sample(&expected[e], &got[g]);

		/* As in promtool 2.42 the values are equal or not, and NaN is not. */
		if (!order && expected[e].value == got[g].value) {
			same++, e++, g++;
			continue;
		}
		if (!said)
			begin_expr(run, c);
		said = true;
		if (order <= 0)
			print_sample(run->out, '-', &expected[e++]);
		if (order >= 0)
			print_sample(run->out, '+', &got[g++]);
	}
	if (said && same)
		fprintf(run->out, "        %zu more as expected\n", same);
}

void test_diff_samples(struct test_run *run, const struct test_expr_case *c,
		       const struct promql_element *got, size_t got_n)
{
	struct test_sample *samples = calloc(c->n + got_n + 1, sizeof(*samples));
	size_t n = 0;

	if (!samples) {
		test_say_expr(run, c, "out of memory");
		return;
	}
	for (; n < c->n; n++) {
		samples[n].labels =
			labels_make(run->table, c->expected[n].label, c->expected[n].labels_n);
		samples[n].value = c->expected[n].value;
		if (!samples[n].labels) {
			test_say_expr(run, c, "out of memory");
			free(samples);
			return;
		}
	}
	for (size_t i = 0; i < got_n; i++)
		samples[n + i] = (struct test_sample){got[i].labels, got[i].value};
	qsort(samples, n, sizeof(*samples), by_sample);
	qsort(samples + n, got_n, sizeof(*samples), by_sample);
	diff_samples(run, c, samples, n, samples + n, got_n);
	free(samples);
}
