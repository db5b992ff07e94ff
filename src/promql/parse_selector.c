/* SPDX-License-Identifier: GPL-2.0-only */
/* parse_selector.c - metric{label="value"}[5m] offset 1h. */
#include <errno.h>
#include <string.h>

#include "memory/arena.h"
#include "promql/literal.h"
#include "promql/parser.h"
#include "promql/regex.h"

#define CONTEXT "label matching"

const char *parser_string(struct parser *p)
{
	struct token token = p->token;
	const char *value = NULL;
	int err = literal_string(p->arena, p->lexer.text + token.start, token.end - token.start,
				 &value);

	if (err == -EINVAL)
		parser_refuse(p, PROMQL_UNSUPPORTED, token.start,
			      "a NUL in a string is not supported by cheshire");
	else if (err)
		p->failed = true;
	parser_advance(p);
	return p->failed ? NULL : value;
}

static struct promql_matcher *add_matcher(struct parser *p, struct promql_node *node)
{
	struct promql_matcher *grown;

	if (node->matchers_n == PROMQL_MATCHERS_MAX) {
		parser_refuse(p, PROMQL_TOO_LARGE, p->token.start,
			      "more than %d label matchers in one selector", PROMQL_MATCHERS_MAX);
		return NULL;
	}
	grown = arena__append(p->arena, node->matchers, node->matchers_n, sizeof(*grown));
	if (!grown) {
		p->failed = true;
		return NULL;
	}
	node->matchers = grown;
	return &node->matchers[node->matchers_n++];
}

static bool match_op(struct parser *p, enum promql_match *op)
{
	switch (p->token.kind) {
	case TOKEN_MATCH_EQ:
		*op = PROMQL_MATCH_EQ;
		break;
	case TOKEN_NE:
		*op = PROMQL_MATCH_NE;
		break;
	case TOKEN_MATCH_RE:
		*op = PROMQL_MATCH_RE;
		break;
	case TOKEN_MATCH_NRE:
		*op = PROMQL_MATCH_NRE;
		break;
	default:
		parser_unexpected(p, CONTEXT, "label matching operator");
		return false;
	}
	parser_advance(p);
	return !p->failed;
}

static bool compile(struct parser *p, struct promql_matcher *matcher, uint32_t at)
{
	struct promql_regex_error why;
	int err = promql_regex__compile(matcher->value, &matcher->regex, &why);

	if (err == -ENOMEM)
		p->failed = true;
	else if (err)
		parser_refuse(p, why.refusal, at, "%s", why.message);
	return err == 0;
}

static bool matcher(struct parser *p, struct promql_node *node)
{
	struct token name = p->token;
	struct promql_matcher *m;

	if (name.kind != TOKEN_IDENTIFIER) {
		parser_unexpected(p, CONTEXT, "identifier or \"}\"");
		return false;
	}
	m = add_matcher(p, node);
	if (!m)
		return false;
	m->name = arena__strndup(p->arena, p->lexer.text + name.start, name.end - name.start);
	parser_advance(p);
	if (!match_op(p, &m->op))
		return false;
	if (p->token.kind != TOKEN_STRING) {
		parser_unexpected(p, CONTEXT, "string");
		return false;
	}
	m->value = parser_string(p);
	if (!m->name || !m->value)
		return false;
	if (m->op == PROMQL_MATCH_RE || m->op == PROMQL_MATCH_NRE)
		return compile(p, m, name.start);
	return true;
}

static bool matchers(struct parser *p, struct promql_node *node)
{
	if (parser_take(p, TOKEN_RIGHT_BRACE))
		return !p->failed;
	do {
		if (!matcher(p, node))
			return false;
		if (!parser_take(p, TOKEN_COMMA) && p->token.kind != TOKEN_RIGHT_BRACE) {
			parser_unexpected(p, CONTEXT, "\",\" or \"}\"");
			return false;
		}
	} while (p->token.kind != TOKEN_RIGHT_BRACE);
	parser_advance(p);
	return !p->failed;
}

static bool metric_name(struct parser *p, struct promql_node *node)
{
	struct promql_matcher *m = add_matcher(p, node);

	if (!m)
		return false;
	node->named = true;
	m->name = PROMQL_METRIC_LABEL;
	m->op = PROMQL_MATCH_EQ;
	m->value = arena__strndup(p->arena, p->lexer.text + p->token.start,
				  p->token.end - p->token.start);
	parser_advance(p);
	return m->value && !p->failed;
}

/* From here on promql_free finds the regular expressions of its matchers. */
static bool add_selector(struct parser *p, struct promql_node *node)
{
	struct promql_expr *expr = p->expr;
	struct promql_node **grown =
		arena__append(p->arena, expr->selectors, expr->selectors_n, sizeof(*grown));

	if (!grown) {
		p->failed = true;
		return false;
	}
	expr->selectors = grown;
	expr->selectors[expr->selectors_n] = node;
	node->slot = (int)expr->selectors_n++;
	return true;
}

struct promql_node *parser_selector(struct parser *p)
{
	struct promql_node *node;

	if (!token_names_metric(p->token.kind) && p->token.kind != TOKEN_LEFT_BRACE) {
		parser_unexpected(p, NULL, NULL);
		return NULL;
	}
	node = parser_node(p, PROMQL_SELECTOR, p->token.start);
	if (!node || !add_selector(p, node))
		return NULL;
	if (p->token.kind != TOKEN_LEFT_BRACE && !metric_name(p, node))
		return NULL;
	if (parser_take(p, TOKEN_LEFT_BRACE) && !matchers(p, node))
		return NULL;
	node->end = p->last_end;
	return p->failed ? NULL : node;
}

/* The duration at the next token, which is not 0. */
static bool duration(struct parser *p, int64_t *ms)
{
	struct token token = p->token;
	int err = promql_duration(p->lexer.text + token.start, token.end - token.start, ms);

	if (err)
		parser_refuse(p, PROMQL_SYNTAX, token.start,
			      "not a valid duration, or one of more than 292 years");
	else if (*ms == 0)
		parser_refuse(p, PROMQL_SYNTAX, token.start, "duration must be greater than 0");
	parser_advance(p);
	return !p->failed;
}

struct promql_node *parser_range(struct parser *p, struct promql_node *node)
{
	uint32_t bracket = p->token.start;
	int64_t ms = 0;

	parser_advance(p);
	if (p->failed || !duration(p, &ms))
		return NULL;
	if (p->token.kind == TOKEN_COLON)
		parser_refuse(p, PROMQL_UNSUPPORTED, bracket,
			      "subqueries are not supported by cheshire");
	else if (!parser_take(p, TOKEN_RIGHT_BRACKET))
		parser_unexpected(p, "subquery or range", "\":\" or \"]\"");
	else if (node->kind != PROMQL_SELECTOR || node->range_ms)
		parser_refuse(p, PROMQL_TYPE, bracket, "ranges only allowed for vector selectors");
	else if (node->offset_ms)
		parser_refuse(p, PROMQL_TYPE, bracket, "no offset modifiers allowed before range");
	node->range_ms = ms;
	node->end = p->last_end;
	return p->failed ? NULL : node;
}

struct promql_node *parser_offset(struct parser *p, struct promql_node *node)
{
	bool negative;
	int64_t ms = 0;

	parser_advance(p);
	negative = parser_take(p, TOKEN_SUB);
	if (p->token.kind != TOKEN_DURATION) {
		parser_unexpected(p, "offset", "duration");
		return NULL;
	}
	if (!duration(p, &ms))
		return NULL;
	if (node->kind != PROMQL_SELECTOR)
		parser_refuse(p, PROMQL_TYPE, node->start,
			      "offset modifier must be preceded by an instant vector selector or "
			      "range vector selector or a subquery");
	else if (node->offset_ms)
		parser_refuse(p, PROMQL_TYPE, node->start, "offset may not be set multiple times");
	node->offset_ms = negative ? -ms : ms;
	node->end = p->last_end;
	return p->failed ? NULL : node;
}
