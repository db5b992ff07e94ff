/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fuzz_promql.c - any bytes as an expression, as a duration and as a regular expression.
 *
 * Beyond not crashing: a refusal has its place and a harmless reason, a tree is as the header
 * promises, and what is printed parses to the same print.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "promql/ast.h"
#include "promql/regex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds)
{
	if (!holds)
		abort();
}

static void check_message(const char *text)
{
	check(text[0] != '\0');
	for (; *text; text++)
		check((unsigned char)*text >= 0x20 && *text != 0x7f);
}

static size_t check_tree(const struct promql_expr *expr, const struct promql_node *node,
			 size_t size)
{
	size_t n = 1;

	check(node->type >= PROMQL_SCALAR && node->type <= PROMQL_STRING);
	check(node->start < node->end && node->end <= size);
	check(node->height >= 1 && node->height <= PROMQL_DEPTH_MAX);
	check(node->args_n <= PROMQL_ARGS_MAX);
	if (node->kind == PROMQL_SELECTOR) {
		check(node->matchers_n >= 1 && node->matchers_n <= PROMQL_MATCHERS_MAX);
		check(expr->selectors[node->slot] == node);
	}
	for (size_t i = 1; i < node->labels.n; i++)
		check(strcmp(node->labels.name[i - 1], node->labels.name[i]) < 0);
	for (size_t i = 0; i < node->args_n; i++) {
		check(node->arg[i]->height < node->height);
		n += check_tree(expr, node->arg[i], size);
	}
	return n;
}

static char *print(const struct promql_expr *expr, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	check(out != NULL);
	promql_print(expr->root, out);
	fclose(out);
	return text;
}

static void try_expression(const char *data, size_t size)
{
	struct promql_expr *expr;
	struct promql_error error;
	char *once, *twice;
	size_t len, again;

	if (promql_parse(data, size, &expr, &error)) {
		check(expr == NULL && error.refusal && error.at <= size);
		check_message(error.message);
		return;
	}
	check(check_tree(expr, expr->root, size) <= PROMQL_NODES_MAX);
	once = print(expr, &len);
	promql_free(expr);
	/* Escapes and spaces may make it longer than what is taken. */
	if (len <= PROMQL_TEXT_MAX) {
		check(promql_parse(once, len, &expr, &error) == 0);
		twice = print(expr, &again);
		check(len == again && !memcmp(once, twice, len));
		promql_free(expr);
		free(twice);
	}
	free(once);
}

static void try_regex(const char *data, size_t size)
{
	char *pattern = strndup(data, size);
	struct promql_regex_error error = {0};
	struct promql_regex *regex;

	check(pattern != NULL);
	if (size > 200) {
		free(pattern);
		return;
	}
	if (promql_regex__compile(pattern, &regex, &error)) {
		check(regex == NULL && error.refusal);
		check_message(error.message);
	} else {
		promql_regex__matches(regex, "");
		promql_regex__matches(regex, pattern);
		promql_regex__matches(regex, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab");
		promql_regex__free(regex);
	}
	free(pattern);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	int64_t ms;

	try_expression(text, size);
	try_regex(text, size);
	if (promql_duration(text, size, &ms) == 0)
		check(ms >= 0);
	return 0;
}
