/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The evaluator on a line: reads commands, answers `eval` with one line of JSON.
 *
 *   clear                      forgets all series
 *   series SELECTOR            the following samples are of this series: name{label="value", ...}
 *   sample MS VALUE            VALUE may be `stale`
 *   unknown yes|no             marks the series, or no longer
 *   eval MS EXPRESSION
 *
 * A command that cannot be carried out ends the program with status 1.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log/escape.h"
#include "promql/eval.h"

struct shell {
	struct label_table *table;
	struct store *store;
	struct evaluator *evaluator;
	struct store_series *series;
	size_t line;
};

static void die(const struct shell *shell, const char *what)
{
	fprintf(stderr, "line %zu: %s\n", shell->line, what);
	exit(1);
}

static void shell_close(struct shell *shell)
{
	evaluator__free(shell->evaluator);
	store__free(shell->store);
	label_table__free(shell->table);
}

static void shell_open(struct shell *shell)
{
	shell->table = label_table__new();
	shell->store = store__new(shell->table, 50000000);
	shell->evaluator = evaluator__new(shell->store);
	shell->series = NULL;
	if (!shell->table || !shell->store || !shell->evaluator)
		die(shell, "out of memory");
	store__keep_all(shell->store);
}

/* The labels that a selector of equality matchers names; `{}` alone is the empty set. */
static const struct labels *read_labels(struct shell *shell, const char *text)
{
	struct label label[PROMQL_MATCHERS_MAX];
	const struct labels *labels;
	struct promql_error error;
	struct promql_expr *expr;
	size_t n;

	if (!strcmp(text, "{}"))
		return labels_make(shell->table, NULL, 0);
	if (promql_parse(text, strlen(text), &expr, &error))
		die(shell, error.message);
	if (expr->root->kind != PROMQL_SELECTOR)
		die(shell, "not a series");
	for (n = 0; n < expr->root->matchers_n; n++)
		label[n] =
			(struct label){expr->root->matchers[n].name, expr->root->matchers[n].value};
	labels = labels_make(shell->table, label, n);
	promql_free(expr);
	return labels;
}

static void read_series(struct shell *shell, const char *text)
{
	const struct labels *labels = read_labels(shell, text);

	shell->series = labels ? store__series(shell->store, labels) : NULL;
	if (!shell->series)
		die(shell, "no room for the series");
}

static void read_sample(struct shell *shell, const char *text)
{
	char *end;
	int64_t ts_ms = strtoll(text, &end, 10);
	double value;

	if (!shell->series || *end != ' ')
		die(shell, "no series, or no time");
	value = !strcmp(end, " stale") ? store_stale_value() : strtod(end, NULL);
	if (store__append(shell->store, shell->series, ts_ms, value))
		die(shell, "the sample is refused");
}

static void print_string(const char *text)
{
	size_t size = strlen(text) * ESCAPE_GROWTH + 1;
	char *escaped = malloc(size);

	if (!escaped)
		exit(1);
	escape_bytes(ESCAPE_JSON, escaped, size, text, strlen(text), 0);
	printf("\"%s\"", escaped);
	free(escaped);
}

static void print_element(const struct promql_element *e)
{
	printf("{\"labels\":{");
	for (size_t i = 0; i < e->labels->n; i++) {
		printf("%s", i ? "," : "");
		print_string(e->labels->label[i].name);
		printf(":");
		print_string(e->labels->label[i].value);
	}
	printf("},\"ts_ms\":%" PRId64 ",\"value\":\"%.17g\",\"unknown\":", e->ts_ms, e->value);
	print_string(e->unknown ? e->unknown : "");
	printf("}");
}

static void print_result(const struct promql_result *result)
{
	printf("{\"type\":\"%s\",\"unknown\":", promql_type_name(result->type));
	print_string(result->unknown ? result->unknown : "");
	if (result->type == PROMQL_SCALAR)
		printf(",\"value\":\"%.17g\"", result->scalar);
	if (result->type == PROMQL_STRING) {
		printf(",\"text\":");
		print_string(result->text);
	}
	printf(",\"elements\":[");
	for (size_t i = 0; i < result->n; i++) {
		printf("%s", i ? "," : "");
		print_element(&result->element[i]);
	}
	printf("]}\n");
}

static void print_error(const char *kind, int err, const char *message)
{
	printf("{\"error\":\"%s\",\"errno\":%d,\"message\":", kind, -err);
	print_string(message);
	printf("}\n");
}

static void evaluate(struct shell *shell, const char *text)
{
	struct promql_result result;
	struct promql_error error;
	struct promql_expr *expr;
	char *end;
	int64_t ts_ms = strtoll(text, &end, 10);
	int err;

	if (*end != ' ')
		die(shell, "no time");
	end++;
	err = promql_parse(end, strlen(end), &expr, &error);
	if (err) {
		print_error(error.refusal == PROMQL_UNSUPPORTED ? "unsupported" : "refused", err,
			    error.message);
		return;
	}
	err = evaluator__eval(shell->evaluator, expr, ts_ms, &result, &error);
	if (err)
		print_error("evaluation", err, error.message);
	else
		print_result(&result);
	promql_free(expr);
}

static void command(struct shell *shell, const char *line)
{
	if (!strcmp(line, "clear")) {
		shell_close(shell);
		shell_open(shell);
	} else if (!strncmp(line, "series ", 7)) {
		read_series(shell, line + 7);
	} else if (!strncmp(line, "sample ", 7)) {
		read_sample(shell, line + 7);
	} else if (!strncmp(line, "unknown ", 8) && shell->series) {
		store_series_unknown(shell->series, strcmp(line + 8, "yes") ? NULL : "marked");
	} else if (!strncmp(line, "eval ", 5)) {
		evaluate(shell, line + 5);
	} else {
		die(shell, "not a command");
	}
}

int main(void)
{
	struct shell shell = {0};
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	shell_open(&shell);
	while ((len = getline(&line, &size, stdin)) > 0) {
		shell.line++;
		if (line[len - 1] == '\n')
			line[len - 1] = '\0';
		command(&shell, line);
		fflush(stdout);
	}
	free(line);
	shell_close(&shell);
	return 0;
}
