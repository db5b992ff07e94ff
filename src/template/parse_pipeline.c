/* SPDX-License-Identifier: GPL-2.0-only */
/* Pipelines: operands, calls, and what is piped on as the last argument of the next call. */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory/arena.h"
#include "promql/lexer.h"
#include "promql/literal.h"
#include "template/parse.h"

static void __attribute__((format(printf, 3, 4)))
doubt(struct parse *p, size_t at, const char *fmt, ...)
{
	va_list args;

	if (p->doubt->message[0])
		return;
	p->doubt->at = at;
	va_start(args, fmt);
	vsnprintf(p->doubt->message, sizeof(p->doubt->message), fmt, args);
	va_end(args);
}

static struct term *new_term(struct parse *p, enum term_kind kind, enum value_kind type)
{
	struct term *term = parse_new(p, sizeof(*term));

	if (!term)
		return NULL;
	term->kind = kind;
	term->type = type;
	term->at = p->word.at;
	return term;
}

static bool written(const struct parse *p, const char *name)
{
	return p->word.len == strlen(name) && !memcmp(p->lex.text + p->word.at, name, p->word.len);
}

static int shown(const struct parse *p)
{
	return p->word.len > 60 ? 60 : (int)p->word.len;
}

/* Go finds out only while expanding that there is no such field. */
static struct term *parse_nowhere(struct parse *p)
{
	struct term *term = new_term(p, TERM_NOWHERE, 0);

	doubt(p, p->word.at,
	      "there is no field %.*s here: .Labels, .Value, .ExternalLabels and .ExternalURL are",
	      shown(p), p->lex.text + p->word.at);
	if (term)
		term->name = arena__strndup(p->arena, p->lex.text + p->word.at, p->word.len);
	parse_next(p);
	return term;
}

/* .name behind labels; what stands behind other values cannot be. */
static struct term *parse_field_of(struct parse *p, struct term *term)
{
	if (p->failed || !term || p->word.kind != WORD_FIELD)
		return term;
	if (term->kind != TERM_LABELS && term->kind != TERM_EXTERNAL_LABELS)
		return parse_field_of(p, parse_nowhere(p));
	term->kind = term->kind == TERM_LABELS ? TERM_LABEL : TERM_EXTERNAL_LABEL;
	term->type = VALUE_STRING;
	term->name = arena__strndup(p->arena, p->lex.text + p->word.at + 1, p->word.len - 1);
	parse_next(p);
	return parse_field_of(p, term);
}

static const struct {
	const char *field, *variable;
	enum term_kind kind;
	enum value_kind type;
} names[] = {
	{".Labels", "$labels", TERM_LABELS, VALUE_LABELS},
	{".ExternalLabels", "$externalLabels", TERM_EXTERNAL_LABELS, VALUE_LABELS},
	{".ExternalURL", "$externalURL", TERM_EXTERNAL_URL, VALUE_STRING},
	{".Value", "$value", TERM_VALUE, VALUE_FLOAT},
};

#define NAMES_N (sizeof(names) / sizeof(names[0]))

/* .Labels and the like. */
static struct term *parse_field(struct parse *p)
{
	struct term *term = NULL;

	for (size_t i = 0; i < NAMES_N && !term; i++)
		if (written(p, names[i].field))
			term = new_term(p, names[i].kind, names[i].type);
	if (!term)
		return parse_field_of(p, parse_nowhere(p));
	parse_next(p);
	return parse_field_of(p, term);
}

static struct term *parse_variable(struct parse *p)
{
	struct term *term = NULL;

	if (written(p, "$")) {
		parse_next(p);
		return p->word.kind == WORD_FIELD ? parse_field(p)
						  : new_term(p, TERM_DATA, VALUE_DOT);
	}
	for (size_t i = 0; i < NAMES_N && !term; i++)
		if (written(p, names[i].variable))
			term = new_term(p, names[i].kind, names[i].type);
	if (!term) {
		parse_fail(p, p->word.at, "undefined variable \"%.*s\"", shown(p),
			   p->lex.text + p->word.at);
		return NULL;
	}
	parse_next(p);
	return parse_field_of(p, term);
}

/* Go's strings are PromQL's. */
static struct term *parse_string(struct parse *p)
{
	const char *written_as = p->lex.text + p->word.at, *text;
	struct term *term = new_term(p, TERM_CONSTANT, VALUE_STRING);
	struct lexer lexer;
	struct token token;

	if (!term)
		return NULL;
	lexer_init(&lexer, written_as, p->word.len);
	token = lexer_next(&lexer);
	if (token.kind != TOKEN_STRING || token.end - token.start != p->word.len ||
	    literal_string(p->arena, written_as, p->word.len, &text)) {
		parse_fail(p, p->word.at, "invalid syntax in a quoted string");
		return NULL;
	}
	term->constant = (struct value){.kind = VALUE_STRING, .text = text};
	parse_next(p);
	return term;
}

static struct term *parse_number(struct parse *p)
{
	struct term *term = new_term(p, TERM_CONSTANT, VALUE_INT);
	char text[64], *end;

	if (!term)
		return NULL;
	snprintf(text, sizeof(text), "%.*s", shown(p), p->lex.text + p->word.at);
	errno = 0;
	term->constant.integer = strtoll(text, &end, 0);
	term->constant.kind = VALUE_INT;
	if (*end || errno || end == text) {
		term->constant.kind = term->type = VALUE_FLOAT;
		term->constant.number = strtod(text, &end);
		if (*end || end == text || p->word.len > 60 || !isfinite(term->constant.number)) {
			parse_fail(p, p->word.at, "bad number syntax: \"%s\"", text);
			return NULL;
		}
	}
	parse_next(p);
	return term;
}

static struct term *parse_name(struct parse *p)
{
	const char *name = p->lex.text + p->word.at;
	struct term *term = NULL;

	if (parse_word_is(p, "true") || parse_word_is(p, "false")) {
		term = new_term(p, TERM_CONSTANT, VALUE_BOOL);
		if (term)
			term->constant = (struct value){.kind = VALUE_BOOL, .truth = *name == 't'};
		parse_next(p);
		return term;
	}
	if (template_function(name, p->word.len)) {
		term = new_term(p, TERM_CALL, 0);
		if (term)
			term->function = template_function(name, p->word.len);
		parse_next(p);
		return term;
	}
	if (template_knows(name, p->word.len))
		parse_fail(p, p->word.at, "function \"%.*s\" is not supported by cheshire",
			   shown(p), name);
	else
		parse_fail(p, p->word.at, "function \"%.*s\" not defined", shown(p), name);
	return NULL;
}

static struct term *parse_paren(struct parse *p, int depth)
{
	struct term *term;

	if (depth >= TEMPLATE_DEPTH_MAX) {
		parse_fail(p, p->word.at, "nested deeper than %d levels", TEMPLATE_DEPTH_MAX);
		return NULL;
	}
	parse_next(p);
	/* Nobody else holds it: fields may still be bound to it. */
	term = (struct term *)parse_pipeline(p, depth + 1, "parenthesized pipeline");
	if (p->failed)
		return NULL;
	if (p->word.kind != WORD_RIGHT_PAREN) {
		parse_fail(p, p->word.at, "unclosed left paren");
		return NULL;
	}
	parse_next(p);
	return parse_field_of(p, term);
}

/* NULL without a failure: no operand here. */
static struct term *parse_operand(struct parse *p, int depth)
{
	struct term *term;

	switch (p->word.kind) {
	case WORD_NAME:
		return parse_name(p);
	case WORD_FIELD:
		return parse_field(p);
	case WORD_DOT:
		term = new_term(p, TERM_DATA, VALUE_DOT);
		parse_next(p);
		return term;
	case WORD_VARIABLE:
		return parse_variable(p);
	case WORD_NUMBER:
		return parse_number(p);
	case WORD_STRING:
		return parse_string(p);
	case WORD_LEFT_PAREN:
		return parse_paren(p, depth);
	default:
		return NULL;
	}
}

static void check_call(struct parse *p, struct term *term)
{
	const struct template_function *f = term->function;

	term->type = f->result;
	for (size_t i = 0; i < term->args_n && !f->result; i++)
		term->type = !i || term->type == term->arg[i]->type ? term->arg[i]->type : 0;
	if (term->args_n < f->args_min || term->args_n > f->args_max) {
		doubt(p, term->at, "wrong number of args for %s: want %s%zu got %zu", f->name,
		      f->args_max > f->args_min ? "at least " : "", f->args_min, term->args_n);
		return;
	}
	for (size_t i = 0; i < term->args_n; i++) {
		const struct value shown_as = {.kind = term->arg[i]->type};

		if (!template_accepts(f, i, term->arg[i]->type))
			doubt(p, term->arg[i]->at, "%s cannot take a %s", f->name,
			      value_type(&shown_as));
	}
	if (f->args[0] == ARGUMENT_BASIC && term->args_n > 1 && term->arg[0]->type &&
	    term->arg[1]->type && term->arg[0]->type != term->arg[1]->type)
		doubt(p, term->at,
		      "%s cannot compare a float64 with an int or a string (write "
		      "5.0, not 5)",
		      f->name);
}

static void add_arg(struct parse *p, struct term *call, const struct term *arg)
{
	if (call->args_n == CALL_ARGS_MAX) {
		parse_fail(p, arg->at, "more than %d arguments", CALL_ARGS_MAX);
		return;
	}
	call->arg = arena__append(p->arena, call->arg, call->args_n, sizeof(*call->arg));
	if (call->arg)
		call->arg[call->args_n++] = arg;
}

/* One command of a pipeline, `piped` is the value of those before it. */
static struct term *parse_command(struct parse *p, int depth, const struct term *piped,
				  const char *context)
{
	struct term *term, *arg;
	size_t at;
	bool called;

	parse_skip_space(p);
	at = p->word.at;
	called = p->word.kind == WORD_NAME;
	term = parse_operand(p, depth);
	if (!p->failed && !term)
		parse_fail(p, at, "missing value for %s", context);
	if (!term || p->failed)
		return NULL;
	called = called && term->kind == TERM_CALL;
	if (piped && !called)
		parse_fail(p, at, "non executable command in pipeline");
	while (!p->failed && p->word.kind == WORD_SPACE) {
		parse_skip_space(p);
		at = p->word.at;
		arg = parse_operand(p, depth);
		if (!arg)
			break;
		if (arg->kind == TERM_CALL && !arg->args_n)
			check_call(p, arg);
		if (!called)
			parse_fail(p, at, "can't give argument to non-function");
		else
			add_arg(p, term, arg);
	}
	if (p->failed)
		return NULL;
	if (piped)
		add_arg(p, term, piped);
	if (called)
		check_call(p, term);
	return term;
}

const struct term *parse_pipeline(struct parse *p, int depth, const char *context)
{
	struct term *term = parse_command(p, depth, NULL, context);

	while (!p->failed && p->word.kind == WORD_PIPE) {
		parse_next(p);
		parse_skip_space(p);
		/* Go lets a pipe lead nowhere. */
		if (p->word.kind != WORD_CLOSE && p->word.kind != WORD_RIGHT_PAREN)
			term = parse_command(p, depth, term, context);
	}
	if (!p->failed && (p->word.kind == WORD_DECLARE || p->word.kind == WORD_COMMA))
		parse_fail(p, p->word.at, "variables are not supported by cheshire");
	if (!p->failed && p->word.kind != WORD_CLOSE && p->word.kind != WORD_RIGHT_PAREN)
		parse_fail(p, p->word.at, "unexpected '%.*s' in operand", shown(p),
			   p->lex.text + p->word.at);
	return p->failed ? NULL : term;
}
