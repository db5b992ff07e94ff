/* SPDX-License-Identifier: GPL-2.0-only */
/* parse_call.c - calls of functions, aggregations and lists of labels. */
#include <stdlib.h>
#include <string.h>

#include "log/escape.h"
#include "memory/arena.h"
#include "promql/functions.h"
#include "promql/parser.h"

#define CONTEXT "grouping opts"

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void sort_unique(struct promql_labels_list *list)
{
	size_t n = 0;

	if (list->n)
		qsort(list->name, list->n, sizeof(*list->name), by_name);
	for (size_t i = 0; i < list->n; i++)
		if (!n || strcmp(list->name[n - 1], list->name[i]) != 0)
			list->name[n++] = list->name[i];
	list->n = n;
}

static bool label(struct parser *p, struct promql_labels_list *list)
{
	const char **grown;

	if (!token_names_label(p->token.kind)) {
		parser_unexpected(p, CONTEXT, "label");
		return false;
	}
	if (list->n == PROMQL_LABELS_MAX) {
		parser_refuse(p, PROMQL_TOO_LARGE, p->token.start, "more than %d labels in a list",
			      PROMQL_LABELS_MAX);
		return false;
	}
	grown = arena__append(p->arena, list->name, list->n, sizeof(*grown));
	if (!grown) {
		p->failed = true;
		return false;
	}
	list->name = grown;
	list->name[list->n] = arena__strndup(p->arena, p->lexer.text + p->token.start,
					     p->token.end - p->token.start);
	p->failed |= !list->name[list->n++];
	parser_advance(p);
	return !p->failed;
}

bool parser_labels(struct parser *p, struct promql_labels_list *list)
{
	if (!parser_take(p, TOKEN_LEFT_PAREN)) {
		parser_unexpected(p, CONTEXT, "\"(\"");
		return false;
	}
	while (p->token.kind != TOKEN_RIGHT_PAREN) {
		if (!label(p, list))
			return false;
		if (!parser_take(p, TOKEN_COMMA) && p->token.kind != TOKEN_RIGHT_PAREN) {
			parser_unexpected(p, CONTEXT, "\",\" or \")\"");
			return false;
		}
	}
	parser_advance(p);
	sort_unique(list);
	return !p->failed;
}

/* ( expression, ... ) */
static bool arguments(struct parser *p, struct promql_node *node)
{
	if (!parser_take(p, TOKEN_LEFT_PAREN)) {
		parser_unexpected(p, NULL, NULL);
		return false;
	}
	while (p->token.kind != TOKEN_RIGHT_PAREN) {
		uint32_t comma;

		if (!parser_adopt(p, node, parser_expression(p)))
			return false;
		comma = p->token.start;
		if (p->token.kind == TOKEN_RIGHT_PAREN)
			break;
		if (!parser_take(p, TOKEN_COMMA)) {
			parser_unexpected(p, NULL, NULL);
			return false;
		}
		if (p->token.kind == TOKEN_RIGHT_PAREN)
			parser_refuse(p, PROMQL_SYNTAX, comma,
				      "trailing commas not allowed in function call args");
	}
	parser_advance(p);
	node->end = p->last_end;
	return !p->failed;
}

static void refuse_function(struct parser *p, struct token name)
{
	const char *text = p->lexer.text + name.start;
	size_t len = name.end - name.start;
	char shown[80];

	escape_bytes(ESCAPE_TEXT, shown, sizeof(shown), text, len, 0);
	if (promql_function_unsupported(text, len))
		parser_refuse(p, PROMQL_UNSUPPORTED, name.start,
			      "function \"%s\" is not supported by cheshire", shown);
	else
		parser_refuse(p, PROMQL_UNKNOWN_FUNCTION, name.start,
			      "unknown function with name \"%s\"", shown);
}

struct promql_node *parser_call(struct parser *p)
{
	struct token name = p->token;
	struct promql_node *node = parser_node(p, PROMQL_CALL, name.start);

	if (!node)
		return NULL;
	node->function = promql_function_find(p->lexer.text + name.start, name.end - name.start);
	if (!node->function) {
		refuse_function(p, name);
		return NULL;
	}
	parser_advance(p);
	return arguments(p, node) ? node : NULL;
}

static bool grouping(struct parser *p, struct promql_node *node)
{
	if (p->token.kind != TOKEN_BY && p->token.kind != TOKEN_WITHOUT)
		return !p->failed;
	node->without = p->token.kind == TOKEN_WITHOUT;
	parser_advance(p);
	return parser_labels(p, &node->labels);
}

struct promql_node *parser_aggregate(struct parser *p)
{
	static const enum promql_agg aggs[] = {
		[TOKEN_SUM - TOKEN_SUM] = PROMQL_SUM,	  [TOKEN_AVG - TOKEN_SUM] = PROMQL_AVG,
		[TOKEN_MIN - TOKEN_SUM] = PROMQL_MIN,	  [TOKEN_MAX - TOKEN_SUM] = PROMQL_MAX,
		[TOKEN_COUNT - TOKEN_SUM] = PROMQL_COUNT,
	};
	struct token name = p->token;
	struct promql_node *node = parser_node(p, PROMQL_AGGREGATE, name.start);
	bool before; /* by or without stands before the arguments */

	if (!node)
		return NULL;
	if (name.kind == TOKEN_OTHER_AGGREGATE) {
		parser_refuse(p, PROMQL_UNSUPPORTED, name.start,
			      "aggregation \"%.*s\" is not supported by cheshire",
			      (int)(name.end - name.start), p->lexer.text + name.start);
		return NULL;
	}
	node->agg = aggs[name.kind - TOKEN_SUM];
	parser_advance(p);
	before = p->token.kind != TOKEN_LEFT_PAREN;
	if (!grouping(p, node) || !arguments(p, node))
		return NULL;
	if (!before && !grouping(p, node))
		return NULL;
	node->end = p->last_end;
	return node;
}
