/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * parse.c - the parser's frame and the operators: precedence climbing over what Prometheus's
 * grammar says.  From weakest to strongest: or; and unless; comparisons; + -; * / % atan2 and the
 * signs; ^ (from the right); offset; [range].  A sign binds weaker than ^: -2^2 is -4.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "memory/arena.h"
#include "promql/literal.h"
#include "promql/parser.h"
#include "promql/regex.h"

enum precedence {
	PRECEDENCE_OR = 1,
	PRECEDENCE_AND,
	PRECEDENCE_COMPARE,
	PRECEDENCE_ADD,
	PRECEDENCE_MUL,
	PRECEDENCE_POW,
};

static const struct binary_operator {
	enum token_kind token;
	enum promql_op op;
	enum precedence precedence;
} binary_operators[] = {
	{TOKEN_OR, PROMQL_OR, PRECEDENCE_OR},	       {TOKEN_AND, PROMQL_AND, PRECEDENCE_AND},
	{TOKEN_UNLESS, PROMQL_UNLESS, PRECEDENCE_AND}, {TOKEN_EQ, PROMQL_EQ, PRECEDENCE_COMPARE},
	{TOKEN_NE, PROMQL_NE, PRECEDENCE_COMPARE},     {TOKEN_LT, PROMQL_LT, PRECEDENCE_COMPARE},
	{TOKEN_LE, PROMQL_LE, PRECEDENCE_COMPARE},     {TOKEN_GT, PROMQL_GT, PRECEDENCE_COMPARE},
	{TOKEN_GE, PROMQL_GE, PRECEDENCE_COMPARE},     {TOKEN_ADD, PROMQL_ADD, PRECEDENCE_ADD},
	{TOKEN_SUB, PROMQL_SUB, PRECEDENCE_ADD},       {TOKEN_MUL, PROMQL_MUL, PRECEDENCE_MUL},
	{TOKEN_DIV, PROMQL_DIV, PRECEDENCE_MUL},       {TOKEN_MOD, PROMQL_MOD, PRECEDENCE_MUL},
	{TOKEN_ATAN2, PROMQL_ATAN2, PRECEDENCE_MUL},   {TOKEN_POW, PROMQL_POW, PRECEDENCE_POW},
};

void parser_refuse(struct parser *p, enum promql_refusal refusal, uint32_t at, const char *format,
		   ...)
{
	va_list args;

	if (p->failed)
		return;
	p->failed = true;
	p->error->refusal = refusal;
	p->error->at = at;
	va_start(args, format);
	vsnprintf(p->error->message, sizeof(p->error->message), format, args);
	va_end(args);
}

void parser_unexpected(struct parser *p, const char *context, const char *expected)
{
	char token[96];

	token_describe(&p->lexer, p->token, token, sizeof(token));
	parser_refuse(p, PROMQL_SYNTAX, p->token.start, "unexpected %s%s%s%s%s", token,
		      context ? " in " : "", context ? context : "", expected ? ", expected " : "",
		      expected ? expected : "");
}

void parser_advance(struct parser *p)
{
	if (p->failed)
		return;
	p->last_end = p->token.end;
	p->token = lexer_next(&p->lexer);
	if (p->token.kind == TOKEN_ERROR)
		parser_refuse(p, PROMQL_SYNTAX, p->token.start, "%s", p->lexer.message);
}

bool parser_take(struct parser *p, enum token_kind kind)
{
	if (p->failed || p->token.kind != kind)
		return false;
	parser_advance(p);
	return true;
}

static void refuse_depth(struct parser *p, uint32_t at)
{
	parser_refuse(p, PROMQL_TOO_LARGE, at, "expression is nested deeper than %d",
		      PROMQL_DEPTH_MAX);
}

struct promql_node *parser_node(struct parser *p, enum promql_kind kind, uint32_t start)
{
	struct promql_node *node;

	if (p->failed)
		return NULL;
	if (++p->nodes_n > PROMQL_NODES_MAX) {
		parser_refuse(p, PROMQL_TOO_LARGE, start, "more than %d parts in one expression",
			      PROMQL_NODES_MAX);
		return NULL;
	}
	node = arena__alloc(p->arena, sizeof(*node));
	if (!node) {
		p->failed = true;
		return NULL;
	}
	node->kind = kind;
	node->start = start;
	node->height = 1;
	return node;
}

bool parser_adopt(struct parser *p, struct promql_node *node, struct promql_node *arg)
{
	if (!arg || p->failed)
		return false;
	if (arg->height >= PROMQL_DEPTH_MAX) {
		refuse_depth(p, arg->start);
		return false;
	}
	if (node->height <= arg->height)
		node->height = arg->height + 1;
	/* Of too many arguments only the number matters: they are refused once it is known. */
	if (node->args_n < PROMQL_ARGS_MAX)
		node->arg[node->args_n] = arg;
	node->args_n++;
	node->end = arg->end;
	return true;
}

static struct promql_node *number(struct parser *p)
{
	struct token token = p->token;
	struct promql_node *node = parser_node(p, PROMQL_NUMBER, token.start);
	int err;

	if (!node)
		return NULL;
	err = literal_number(p->arena, p->lexer.text + token.start, token.end - token.start,
			     &node->number);
	if (err) {
		parser_refuse(p, PROMQL_SYNTAX, token.start, "error parsing number: %s",
			      err == -ERANGE ? "value out of range" : "invalid syntax");
		return NULL;
	}
	node->end = token.end;
	parser_advance(p);
	return node;
}

static struct promql_node *text(struct parser *p)
{
	struct promql_node *node = parser_node(p, PROMQL_TEXT, p->token.start);

	if (!node)
		return NULL;
	node->end = p->token.end;
	node->text = parser_string(p);
	return p->failed ? NULL : node;
}

static struct promql_node *parenthesis(struct parser *p)
{
	struct promql_node *node = parser_node(p, PROMQL_PAREN, p->token.start);

	parser_advance(p);
	if (!node || !parser_adopt(p, node, parser_expression(p)))
		return NULL;
	if (!parser_take(p, TOKEN_RIGHT_PAREN)) {
		parser_unexpected(p, NULL, NULL);
		return NULL;
	}
	node->end = p->last_end;
	return node;
}

/* Whether an aggregation begins, and not the name of a metric such as `count`. */
static bool at_aggregation(struct parser *p)
{
	struct lexer ahead = p->lexer;
	struct token next;

	if (p->token.kind < TOKEN_SUM || p->token.kind > TOKEN_OTHER_AGGREGATE)
		return false;
	next = lexer_next(&ahead);
	return next.kind == TOKEN_LEFT_PAREN || next.kind == TOKEN_BY || next.kind == TOKEN_WITHOUT;
}

static bool at_call(struct parser *p)
{
	struct lexer ahead = p->lexer;

	return p->token.kind == TOKEN_IDENTIFIER && lexer_next(&ahead).kind == TOKEN_LEFT_PAREN;
}

static struct promql_node *primary(struct parser *p)
{
	switch (p->token.kind) {
	case TOKEN_NUMBER:
		return number(p);
	case TOKEN_STRING:
		return text(p);
	case TOKEN_LEFT_PAREN:
		return parenthesis(p);
	default:
		if (at_aggregation(p))
			return parser_aggregate(p);
		if (at_call(p))
			return parser_call(p);
		return parser_selector(p);
	}
}

static struct promql_node *postfix(struct parser *p)
{
	struct promql_node *node = primary(p);

	while (node) {
		if (p->token.kind == TOKEN_LEFT_BRACKET) {
			node = parser_range(p, node);
		} else if (p->token.kind == TOKEN_OFFSET) {
			node = parser_offset(p, node);
		} else if (p->token.kind == TOKEN_AT) {
			parser_refuse(p, PROMQL_UNSUPPORTED, p->token.start,
				      "the @ modifier is not supported by cheshire");
			return NULL;
		} else {
			return p->failed ? NULL : node;
		}
	}
	return NULL;
}

static struct promql_node *binary(struct parser *p, enum precedence weakest);

/* A sign takes what binds stronger than a product. */
static struct promql_node *sign(struct parser *p)
{
	bool minus = p->token.kind == TOKEN_SUB;
	uint32_t start = p->token.start;
	struct promql_node *node, *arg;

	parser_advance(p);
	arg = binary(p, PRECEDENCE_MUL + 1);
	if (!arg)
		return NULL;
	if (arg->kind == PROMQL_NUMBER) {
		if (minus)
			arg->number *= -1;
		arg->start = start;
		return arg;
	}
	node = parser_node(p, minus ? PROMQL_NEGATE : PROMQL_PLUS, start);
	return node && parser_adopt(p, node, arg) ? node : NULL;
}

static struct promql_node *unary(struct parser *p)
{
	if (p->failed)
		return NULL;
	if (p->token.kind == TOKEN_ADD || p->token.kind == TOKEN_SUB)
		return sign(p);
	return postfix(p);
}

static const struct binary_operator *operator_of(enum token_kind token)
{
	for (size_t i = 0; i < sizeof(binary_operators) / sizeof(binary_operators[0]); i++)
		if (binary_operators[i].token == token)
			return &binary_operators[i];
	return NULL;
}

/* bool, on and ignoring behind an operator. */
static bool modifiers(struct parser *p, struct promql_node *node)
{
	node->return_bool = parser_take(p, TOKEN_BOOL);
	if (p->token.kind != TOKEN_ON && p->token.kind != TOKEN_IGNORING)
		return !p->failed;
	node->matching = true;
	node->on = p->token.kind == TOKEN_ON;
	parser_advance(p);
	if (!parser_labels(p, &node->labels))
		return false;
	if (p->token.kind == TOKEN_GROUP_LEFT || p->token.kind == TOKEN_GROUP_RIGHT)
		parser_refuse(p, PROMQL_UNSUPPORTED, p->token.start,
			      "%s is not supported by cheshire: vectors match one-to-one only",
			      p->token.kind == TOKEN_GROUP_LEFT ? "group_left" : "group_right");
	return !p->failed;
}

static struct promql_node *operators(struct parser *p, enum precedence weakest)
{
	struct promql_node *left = unary(p), *node;
	const struct binary_operator *operator;

	while (left && (operator= operator_of(p->token.kind)) && operator->precedence >= weakest) {
		node = parser_node(p, PROMQL_BINARY, left->start);
		parser_advance(p);
		if (!node || !modifiers(p, node))
			return NULL;
		node->op = operator->op;
		if (!parser_adopt(p, node, left) ||
		    !parser_adopt(p, node,
				  binary(p, operator->precedence +(operator->op != PROMQL_POW))))
			return NULL;
		left = node;
	}
	return p->failed ? NULL : left;
}

/* Everything that recurses comes through here. */
static struct promql_node *binary(struct parser *p, enum precedence weakest)
{
	struct promql_node *node = NULL;

	if (p->depth == PROMQL_DEPTH_MAX) {
		refuse_depth(p, p->token.start);
		return NULL;
	}
	p->depth++;
	node = operators(p, weakest);
	p->depth--;
	return node;
}

struct promql_node *parser_expression(struct parser *p)
{
	return binary(p, PRECEDENCE_OR);
}

static void parse(struct parser *p)
{
	parser_advance(p);
	if (p->token.kind == TOKEN_EOF)
		parser_refuse(p, PROMQL_SYNTAX, 0, "no expression found in input");
	p->expr->root = parser_expression(p);
	if (p->expr->root && p->token.kind != TOKEN_EOF)
		parser_unexpected(p, NULL, NULL);
	if (!p->failed)
		parser_check(p, p->expr->root);
}

int promql_parse(const char *source, size_t len, struct promql_expr **out,
		 struct promql_error *error)
{
	struct parser p = {.error = error};

	*out = NULL;
	*error = (struct promql_error){0};
	if (len > PROMQL_TEXT_MAX) {
		parser_refuse(&p, PROMQL_TOO_LARGE, 0, "expression is longer than %u bytes",
			      PROMQL_TEXT_MAX);
		return -EINVAL;
	}
	p.arena = arena__new();
	if (!p.arena)
		return -ENOMEM;
	p.expr = arena__alloc(p.arena, sizeof(*p.expr));
	if (p.expr) {
		p.expr->memory = p.arena;
		lexer_init(&p.lexer, source, len);
		parse(&p);
	}
	if (p.expr && !p.failed && !arena__failed(p.arena)) {
		*out = p.expr;
		return 0;
	}
	if (p.expr)
		promql_free(p.expr);
	else
		arena__free(p.arena);
	return error->message[0] ? -EINVAL : -ENOMEM;
}

void promql_free(struct promql_expr *expr)
{
	if (!expr)
		return;
	for (size_t i = 0; i < expr->selectors_n; i++)
		for (size_t m = 0; m < expr->selectors[i]->matchers_n; m++)
			promql_regex__free(expr->selectors[i]->matchers[m].regex);
	arena__free(expr->memory);
}
