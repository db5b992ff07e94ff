/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What 200 expressions over 200 series cost once a second: samples are appended, all expressions
 * are evaluated, on a clock of its own.
 *
 *   rule_tick one|all      each expression reads one series, or all 200
 *
 * Prints one line of JSON: CPU seconds of each tick in the steady state, calls of the allocator in
 * it, and the memory.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "promql/eval.h"

#define RULES	   200
#define SERIES	   200
#define WARM_TICKS 330 /* the ranges of 5 min are full */
#define TICKS	   20
#define FORMS	   10

/* The forms of rules that budgets and the usual rule files have; %s selects the series. */
static const char *const forms[FORMS] = {
	"m%s > 50",
	"rate(m%s[5m]) > 1",
	"increase(m%s[1m]) > 10",
	"avg_over_time(m%s[5m]) > 40",
	"max_over_time(m%s[1m]) - min_over_time(m%s[1m]) > 90",
	"quantile_over_time(0.95, m%s[1m]) > 90",
	"m%s / on (id) n%s > 2",
	"sum by (part) (m%s) > 1000 and sum by (part) (n%s) > 0",
	"absent(m%s) or m%s offset 1m > 10",
	"deriv(m%s[5m]) > 1 unless n%s == 0",
};

static uint64_t allocations;

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t n, size_t bytes);
void *__libc_realloc(void *old, size_t bytes);

void *malloc(size_t bytes)
{
	allocations++;
	return __libc_malloc(bytes);
}

void *calloc(size_t n, size_t bytes)
{
	allocations++;
	return __libc_calloc(n, bytes);
}

void *realloc(void *old, size_t bytes)
{
	allocations++;
	return __libc_realloc(old, bytes);
}

struct tick_bench {
	struct label_table *table;
	struct store *store;
	struct evaluator *evaluator;
	struct store_series *series[SERIES];
	struct promql_expr *expr[RULES];
	uint64_t elements; /* so that nothing is optimised away, and to be looked at */
};

static void die(const char *what)
{
	fprintf(stderr, "rule_tick: %s\n", what);
	exit(1);
}

static void add_series(struct tick_bench *b, int i)
{
	char id[16], part[16];
	struct label label[] = {{"__name__", i % 2 ? "n" : "m"}, {"id", id}, {"part", part}};

	snprintf(id, sizeof(id), "%d", i / 2);
	snprintf(part, sizeof(part), "%d", i / 2 % 8);
	b->series[i] = store__series(b->store, labels_make(b->table, label, 3));
	if (!b->series[i])
		die("no series");
}

static void add_rule(struct tick_bench *b, int i, bool all)
{
	char text[256], selector[32];
	struct promql_error error;

	snprintf(selector, sizeof(selector), all ? "" : "{id=\"%d\"}", i % (SERIES / 2));
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(text, sizeof(text), forms[i % FORMS], selector, selector);
#pragma GCC diagnostic pop
	if (promql_parse(text, strlen(text), &b->expr[i], &error))
		die(error.message);
	if (store__declare(b->store, b->expr[i]))
		die("cannot declare");
}

static void tick(struct tick_bench *b, int64_t ts_ms, int n)
{
	struct promql_result result;
	struct promql_error error;

	for (int i = 0; i < SERIES; i++)
		if (store__append(b->store, b->series[i], ts_ms, (i * 7 + n * 13) % 100))
			die("a sample is refused");
	for (int i = 0; i < RULES; i++) {
		if (evaluator__eval(b->evaluator, b->expr[i], ts_ms, &result, &error))
			die(error.message);
		b->elements += result.n;
	}
}

static double cpu_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void print(const struct tick_bench *b, const double *tick_s, uint64_t allocated)
{
	printf("{\"tick_s\":[");
	for (int i = 0; i < TICKS; i++)
		printf("%s%.9f", i ? "," : "", tick_s[i]);
	printf("],\"allocations\":%" PRIu64 ",\"elements\":%" PRIu64 ",\"samples\":%zu,"
	       "\"store_bytes\":%zu,\"label_bytes\":%zu,\"evaluator_bytes\":%zu}\n",
	       allocated, b->elements, store__samples(b->store), store__bytes(b->store),
	       label_table__bytes(b->table), evaluator__bytes(b->evaluator));
}

int main(int argc, char **argv)
{
	bool all = argc == 2 && !strcmp(argv[1], "all");
	double tick_s[TICKS], started_s;
	struct tick_bench b = {0};
	uint64_t before;

	if (!all && (argc != 2 || strcmp(argv[1], "one")))
		die("one or all");
	b.table = label_table__new();
	b.store = store__new(b.table, 1000000);
	b.evaluator = evaluator__new(b.store);
	if (!b.table || !b.store || !b.evaluator)
		die("out of memory");
	for (int i = 0; i < SERIES; i++)
		add_series(&b, i);
	for (int i = 0; i < RULES; i++)
		add_rule(&b, i, all);
	for (int n = 0; n < WARM_TICKS; n++)
		tick(&b, n * 1000, n);
	before = allocations;
	b.elements = 0;
	for (int n = 0; n < TICKS; n++) {
		started_s = cpu_s();
		tick(&b, (WARM_TICKS + n) * 1000, WARM_TICKS + n);
		tick_s[n] = cpu_s() - started_s;
	}
	print(&b, tick_s, allocations - before);
	for (int i = 0; i < RULES; i++)
		promql_free(b.expr[i]);
	evaluator__free(b.evaluator);
	store__free(b.store);
	label_table__free(b.table);
	return 0;
}
