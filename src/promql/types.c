/* SPDX-License-Identifier: GPL-2.0-only */
/* types.c - the types of a parsed tree, from its leaves up, and what Prometheus refuses by them. */
#include <string.h>

#include "log/escape.h"
#include "promql/parser.h"

const char *promql_type_name(enum promql_type type)
{
	switch (type) {
	case PROMQL_SCALAR:
		return "scalar";
	case PROMQL_VECTOR:
		return "instant vector";
	case PROMQL_MATRIX:
		return "range vector";
	case PROMQL_STRING:
		return "string";
	}
	return "none";
}

static bool is_comparison(enum promql_op op)
{
	return op >= PROMQL_EQ && op <= PROMQL_GE;
}

static bool is_set(enum promql_op op)
{
	return op >= PROMQL_AND;
}

static bool is_value(const struct promql_node *node)
{
	return node->type == PROMQL_SCALAR || node->type == PROMQL_VECTOR;
}

static bool refuse(struct parser *p, uint32_t at, const char *message)
{
	parser_refuse(p, PROMQL_TYPE, at, "%s", message);
	return false;
}

static bool expect(struct parser *p, struct promql_node *node, enum promql_type want,
		   const char *context)
{
	if (!parser_check(p, node))
		return false;
	if (node->type == want)
		return true;
	parser_refuse(p, PROMQL_TYPE, node->start, "expected type %s in %s, got %s",
		      promql_type_name(want), context, promql_type_name(node->type));
	return false;
}

static bool check_named(struct parser *p, const struct promql_node *node)
{
	char name[64], other[64];

	for (size_t i = 1; i < node->matchers_n; i++) {
		if (strcmp(node->matchers[i].name, PROMQL_METRIC_LABEL) != 0)
			continue;
		escape_name(ESCAPE_TEXT, name, sizeof(name), node->matchers[0].value);
		escape_name(ESCAPE_TEXT, other, sizeof(other), node->matchers[i].value);
		parser_refuse(p, PROMQL_TYPE, node->start,
			      "metric name must not be set twice: \"%s\" or \"%s\"", name, other);
		return false;
	}
	return true;
}

static bool check_selector(struct parser *p, struct promql_node *node)
{
	node->type = node->range_ms ? PROMQL_MATRIX : PROMQL_VECTOR;
	if (node->named)
		return check_named(p, node);
	for (size_t i = 0; i < node->matchers_n; i++)
		if (!promql_matches(&node->matchers[i], ""))
			return true;
	return refuse(p, node->start,
		      "vector selector must contain at least one non-empty matcher");
}

static bool check_sign(struct parser *p, struct promql_node *node)
{
	if (!parser_check(p, node->arg[0]))
		return false;
	node->type = node->arg[0]->type;
	if (is_value(node))
		return true;
	parser_refuse(p, PROMQL_TYPE, node->start,
		      "unary expression only allowed on expressions of type scalar or instant "
		      "vector, got \"%s\"",
		      promql_type_name(node->type));
	return false;
}

static uint32_t operator_at(const struct parser *p, const struct promql_node *node)
{
	uint32_t at = node->arg[0]->end;

	while (at < node->arg[1]->start && strchr(" \t\r\n", p->lexer.text[at]))
		at++;
	return at;
}

static bool check_matching(struct parser *p, struct promql_node *node)
{
	if (node->arg[0]->type == PROMQL_VECTOR && node->arg[1]->type == PROMQL_VECTOR)
		return true;
	if (node->labels.n)
		return refuse(p, node->start,
			      "vector matching only allowed between instant vectors");
	node->matching = node->on = false;
	if (is_set(node->op))
		return refuse(p, node->start,
			      "set operators are not allowed in binary scalar expressions");
	return true;
}

static bool check_binary(struct parser *p, struct promql_node *node)
{
	const struct promql_node *left = node->arg[0], *right = node->arg[1];
	bool scalars;

	if (!parser_check(p, node->arg[0]) || !parser_check(p, node->arg[1]))
		return false;
	scalars = left->type == PROMQL_SCALAR && right->type == PROMQL_SCALAR;
	node->type = scalars ? PROMQL_SCALAR : PROMQL_VECTOR;
	if (node->return_bool && !is_comparison(node->op))
		return refuse(p, operator_at(p, node),
			      "bool modifier can only be used on comparison operators");
	if (is_comparison(node->op) && !node->return_bool && scalars)
		return refuse(p, operator_at(p, node),
			      "comparisons between scalars must use BOOL modifier");
	if (!is_value(left) || !is_value(right))
		return refuse(
			p, is_value(left) ? right->start : left->start,
			"binary expression must contain only scalar and instant vector types");
	return check_matching(p, node);
}

static bool check_aggregate(struct parser *p, struct promql_node *node)
{
	node->type = PROMQL_VECTOR;
	if (node->args_n == 0)
		return refuse(p, node->start, "no arguments for aggregate expression provided");
	if (node->args_n != 1) {
		parser_refuse(p, PROMQL_TYPE, node->start,
			      "wrong number of arguments for aggregate expression provided, "
			      "expected 1, got %zu",
			      node->args_n);
		return false;
	}
	return expect(p, node->arg[0], PROMQL_VECTOR, "aggregation expression");
}

static bool check_count(struct parser *p, const struct promql_node *node)
{
	const struct promql_function *f = node->function;
	const char *how = f->args_min == f->args_max   ? ""
			  : node->args_n < f->args_min ? "at least "
						       : "at most ";

	if (node->args_n >= f->args_min && node->args_n <= f->args_max)
		return true;
	parser_refuse(
		p, PROMQL_TYPE, node->start, "expected %s%d argument(s) in call to \"%s\", got %zu",
		how, node->args_n < f->args_min ? f->args_min : f->args_max, f->name, node->args_n);
	return false;
}

static bool check_call(struct parser *p, struct promql_node *node)
{
	char context[64];

	node->type = node->function->result;
	if (!check_count(p, node))
		return false;
	snprintf(context, sizeof(context), "call to function \"%s\"", node->function->name);
	for (size_t i = 0; i < node->args_n; i++)
		if (!expect(p, node->arg[i], node->function->args[i], context))
			return false;
	return true;
}

bool parser_check(struct parser *p, struct promql_node *node)
{
	switch (node->kind) {
	case PROMQL_NUMBER:
		node->type = PROMQL_SCALAR;
		return true;
	case PROMQL_TEXT:
		node->type = PROMQL_STRING;
		return true;
	case PROMQL_SELECTOR:
		return check_selector(p, node);
	case PROMQL_NEGATE:
	case PROMQL_PLUS:
		return check_sign(p, node);
	case PROMQL_BINARY:
		return check_binary(p, node);
	case PROMQL_AGGREGATE:
		return check_aggregate(p, node);
	case PROMQL_CALL:
		return check_call(p, node);
	case PROMQL_PAREN:
		if (!parser_check(p, node->arg[0]))
			return false;
		node->type = node->arg[0]->type;
		return true;
	}
	return false;
}
