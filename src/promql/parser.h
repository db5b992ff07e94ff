/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * parser.h - what the parts of the parser share: the text's next token, the memory of the tree and
 * the first reason to refuse.
 *
 * Functions that parse return NULL (or false) once something was refused or memory ran out; nobody
 * tries to go on behind a mistake.  Out of memory: `failed` without a message.
 */
#ifndef CHESHIRE_PROMQL_PARSER_H
#define CHESHIRE_PROMQL_PARSER_H

#include <stdbool.h>
#include <stddef.h>

#include "promql/ast.h"
#include "promql/lexer.h"

struct arena;

struct parser {
	struct lexer lexer;
	struct token token; /* the next one */
	uint32_t last_end;  /* of the token before it */
	struct arena *arena;
	struct promql_expr *expr;
	struct promql_error *error; /* of the first refusal only */
	bool failed;
	size_t depth, nodes_n;
};

/* parse.c */
struct promql_node *parser_expression(struct parser *p);
struct promql_node *parser_node(struct parser *p, enum promql_kind kind, uint32_t start);
/* Makes arg the next argument of node; false when arg is NULL or the tree becomes too high. */
bool parser_adopt(struct parser *p, struct promql_node *node, struct promql_node *arg);
void parser_advance(struct parser *p);
bool parser_take(struct parser *p, enum token_kind kind);
__attribute__((format(printf, 4, 5))) void
parser_refuse(struct parser *p, enum promql_refusal refusal, uint32_t at, const char *format, ...);
/* The next token does not belong here; context and expected may be NULL. */
void parser_unexpected(struct parser *p, const char *context, const char *expected);

/* parse_selector.c */
struct promql_node *parser_selector(struct parser *p);
struct promql_node *parser_range(struct parser *p, struct promql_node *node);
struct promql_node *parser_offset(struct parser *p, struct promql_node *node);
const char *parser_string(struct parser *p);

/* parse_call.c */
struct promql_node *parser_call(struct parser *p);
struct promql_node *parser_aggregate(struct parser *p);
bool parser_labels(struct parser *p, struct promql_labels_list *list);

/* types.c: false when a type is wrong. */
bool parser_check(struct parser *p, struct promql_node *node);

#endif /* CHESHIRE_PROMQL_PARSER_H */
