/* SPDX-License-Identifier: GPL-2.0-only */
/* print.c - a tree as text.  Parentheses are nodes, so nothing has to be added. */
#include <math.h>
#include <stdlib.h>

#include "promql/ast.h"
#include "promql/duration.h"
#include "promql/rune.h"

static const char *const op_text[] = {
	[PROMQL_ADD] = "+",	    [PROMQL_SUB] = "-",	  [PROMQL_MUL] = "*",
	[PROMQL_DIV] = "/",	    [PROMQL_MOD] = "%",	  [PROMQL_POW] = "^",
	[PROMQL_ATAN2] = "atan2",   [PROMQL_EQ] = "==",	  [PROMQL_NE] = "!=",
	[PROMQL_LT] = "<",	    [PROMQL_LE] = "<=",	  [PROMQL_GT] = ">",
	[PROMQL_GE] = ">=",	    [PROMQL_AND] = "and", [PROMQL_OR] = "or",
	[PROMQL_UNLESS] = "unless",
};

static const char *const match_text[] = {
	[PROMQL_MATCH_EQ] = "=",
	[PROMQL_MATCH_NE] = "!=",
	[PROMQL_MATCH_RE] = "=~",
	[PROMQL_MATCH_NRE] = "!~",
};

static const char *const agg_text[] = {
	[PROMQL_SUM] = "sum", [PROMQL_AVG] = "avg",	[PROMQL_MIN] = "min",
	[PROMQL_MAX] = "max", [PROMQL_COUNT] = "count",
};

/* The shortest form that reads back as the same number; an infinity carries no plus. */
static void print_number(double number, FILE *out)
{
	char text[40];

	if (isnan(number) || isinf(number)) {
		fputs(isnan(number) ? "NaN" : number > 0 ? "Inf" : "-Inf", out);
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, number);
		if (strtod(text, NULL) == number)
			break;
	}
	fputs(text, out);
}

static void print_selector(const struct promql_node *node, FILE *out)
{
	size_t first = node->named ? 1 : 0;

	if (node->named)
		fputs(node->matchers[0].value, out);
	if (node->matchers_n > first)
		putc('{', out);
	for (size_t i = first; i < node->matchers_n; i++) {
		const struct promql_matcher *m = &node->matchers[i];

		fprintf(out, "%s%s%s", i > first ? "," : "", m->name, match_text[m->op]);
		rune_quote(m->value, out);
	}
	if (node->matchers_n > first)
		putc('}', out);
	if (node->range_ms) {
		putc('[', out);
		promql_duration_print(node->range_ms, out);
		putc(']', out);
	}
	if (node->offset_ms) {
		fputs(" offset ", out);
		promql_duration_print(node->offset_ms, out);
	}
}

static void print_labels(const char *word, const struct promql_labels_list *list, FILE *out)
{
	fprintf(out, " %s (", word);
	for (size_t i = 0; i < list->n; i++)
		fprintf(out, "%s%s", i ? ", " : "", list->name[i]);
	fputs(") ", out);
}

static void print_binary(const struct promql_node *node, FILE *out)
{
	promql_print(node->arg[0], out);
	fprintf(out, " %s%s", op_text[node->op], node->return_bool ? " bool" : "");
	if (node->matching && (node->on || node->labels.n))
		print_labels(node->on ? "on" : "ignoring", &node->labels, out);
	else
		putc(' ', out);
	promql_print(node->arg[1], out);
}

static void print_args(const struct promql_node *node, FILE *out)
{
	putc('(', out);
	for (size_t i = 0; i < node->args_n; i++) {
		if (i)
			fputs(", ", out);
		promql_print(node->arg[i], out);
	}
	putc(')', out);
}

static void print_aggregate(const struct promql_node *node, FILE *out)
{
	fputs(agg_text[node->agg], out);
	if (node->without || node->labels.n)
		print_labels(node->without ? "without" : "by", &node->labels, out);
	print_args(node, out);
}

void promql_print(const struct promql_node *node, FILE *out)
{
	switch (node->kind) {
	case PROMQL_NUMBER:
		print_number(node->number, out);
		break;
	case PROMQL_TEXT:
		rune_quote(node->text, out);
		break;
	case PROMQL_SELECTOR:
		print_selector(node, out);
		break;
	case PROMQL_NEGATE:
	case PROMQL_PLUS:
		putc(node->kind == PROMQL_NEGATE ? '-' : '+', out);
		promql_print(node->arg[0], out);
		break;
	case PROMQL_BINARY:
		print_binary(node, out);
		break;
	case PROMQL_AGGREGATE:
		print_aggregate(node, out);
		break;
	case PROMQL_CALL:
		fputs(node->function->name, out);
		print_args(node, out);
		break;
	case PROMQL_PAREN:
		print_args(node, out);
		break;
	}
}
