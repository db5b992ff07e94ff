/* SPDX-License-Identifier: GPL-2.0-only */
/* Templates: actions, and what is between them.  Pipelines are parse_pipeline.c's. */
#include "template/parse.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "memory/arena.h"

void parse_next(struct parse *p)
{
	p->word = lex_next(&p->lex);
	if (p->word.kind == WORD_ERROR)
		parse_fail(p, p->word.at, "%s", p->lex.message);
}

void parse_skip_space(struct parse *p)
{
	while (!p->failed && p->word.kind == WORD_SPACE)
		parse_next(p);
}

void parse_fail(struct parse *p, size_t at, const char *fmt, ...)
{
	va_list args;

	if (p->failed)
		return;
	p->failed = true;
	p->error->at = at;
	va_start(args, fmt);
	vsnprintf(p->error->message, sizeof(p->error->message), fmt, args);
	va_end(args);
}

void *parse_new(struct parse *p, size_t bytes)
{
	if (++p->nodes > TEMPLATE_NODES_MAX) {
		parse_fail(p, p->word.at, "more than %d parts in one template", TEMPLATE_NODES_MAX);
		return NULL;
	}
	void *made = arena__alloc(p->arena, bytes);

	if (!made)
		parse_fail(p, p->word.at, "out of memory");
	return made;
}

bool parse_word_is(const struct parse *p, const char *name)
{
	return p->word.kind == WORD_NAME && p->word.len == strlen(name) &&
	       !memcmp(p->lex.text + p->word.at, name, p->word.len);
}

static const char *const keywords[] = {"range", "with",	 "define",   "template",
				       "block", "break", "continue", "nil"};

static bool refuse_keyword(struct parse *p)
{
	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
		if (!parse_word_is(p, keywords[i]))
			continue;
		parse_fail(p, p->word.at, "{{%s}} is not supported by cheshire", keywords[i]);
		return true;
	}
	return false;
}

/* How a list of nodes ended. */
enum ending {
	ENDING_EOF,
	ENDING_END,
	ENDING_ELSE,
	ENDING_ELSE_IF,
};

static enum ending parse_list(struct parse *p, const struct node **list, int depth);

static void expect_close(struct parse *p, const char *context)
{
	parse_skip_space(p);
	if (!p->failed && p->word.kind != WORD_CLOSE)
		parse_fail(p, p->word.at, "unexpected '%.*s' in %s", (int)p->word.len,
			   p->lex.text + p->word.at, context);
	if (!p->failed)
		parse_next(p);
}

/* Behind the word `if`. */
static void parse_if(struct parse *p, struct node *node, int depth)
{
	enum ending ending;
	struct node *chained;
	size_t at = p->word.at;

	if (depth > TEMPLATE_DEPTH_MAX) {
		parse_fail(p, at, "{{if}} nested deeper than %d levels", TEMPLATE_DEPTH_MAX);
		return;
	}
	node->kind = NODE_IF;
	node->term = parse_pipeline(p, depth, "if");
	expect_close(p, "if");
	if (p->failed)
		return;
	ending = parse_list(p, &node->then, depth + 1);
	if (ending == ENDING_ELSE) {
		ending = parse_list(p, &node->other, depth + 1);
		if (ending == ENDING_ELSE || ending == ENDING_ELSE_IF)
			parse_fail(p, p->word.at, "expected end; found {{else}}");
	} else if (ending == ENDING_ELSE_IF) {
		chained = parse_new(p, sizeof(*chained));
		node->other = chained;
		if (chained)
			parse_if(p, chained, depth + 1);
		return; /* the {{end}} is that of the whole chain */
	}
	if (ending == ENDING_EOF)
		parse_fail(p, p->word.at, "unexpected EOF: {{if}} has no {{end}}");
}

/* An action behind {{; true with *ending when it ends the list. */
static bool parse_action(struct parse *p, struct node *node, int depth, enum ending *ending)
{
	parse_skip_space(p);
	if (p->failed || refuse_keyword(p))
		return false;
	if (parse_word_is(p, "if")) {
		parse_next(p);
		parse_if(p, node, depth);
		return false;
	}
	if (parse_word_is(p, "end") || parse_word_is(p, "else")) {
		*ending = parse_word_is(p, "end") ? ENDING_END : ENDING_ELSE;
		if (!depth)
			parse_fail(p, p->word.at, "unexpected {{%s}}",
				   *ending == ENDING_END ? "end" : "else");
		parse_next(p);
		parse_skip_space(p);
		if (*ending == ENDING_ELSE && parse_word_is(p, "if")) {
			*ending = ENDING_ELSE_IF;
			parse_next(p);
			return true;
		}
		expect_close(p, *ending == ENDING_END ? "end" : "else");
		return true;
	}
	node->kind = NODE_OUTPUT;
	node->term = parse_pipeline(p, depth, "command");
	expect_close(p, "command");
	p->plain = false;
	return false;
}

static enum ending parse_list(struct parse *p, const struct node **list, int depth)
{
	enum ending ending = ENDING_EOF;
	const struct node **last = list;

	while (!p->failed && p->word.kind != WORD_EOF) {
		struct node *node = parse_new(p, sizeof(*node));

		if (!node)
			break;
		if (p->word.kind == WORD_TEXT) {
			node->kind = NODE_TEXT;
			node->text =
				arena__strndup(p->arena, p->lex.text + p->word.at, p->word.len);
			parse_next(p);
		} else {
			p->plain = false;
			parse_next(p);
			if (parse_action(p, node, depth, &ending))
				break;
		}
		*last = node;
		last = (const struct node **)&node->next;
	}
	return ending;
}

int template_parse(const char *text, struct arena *arena, const struct template **out,
		   struct template_error *error, struct template_error *doubt)
{
	struct parse p = {.lex = {.text = text},
			  .arena = arena,
			  .error = error,
			  .doubt = doubt,
			  .plain = true};
	struct template *template = arena__alloc(arena, sizeof(*template));

	*out = NULL;
	error->message[0] = doubt->message[0] = '\0';
	if (!template)
		return -ENOMEM;
	if (strlen(text) > TEMPLATE_TEXT_MAX)
		parse_fail(&p, 0, "longer than %u bytes", TEMPLATE_TEXT_MAX);
	else
		parse_next(&p);
	parse_list(&p, &template->first, 0);
	if (arena__failed(arena))
		return -ENOMEM;
	if (p.failed)
		return -EINVAL;
	template->plain = p.plain;
	*out = template;
	return 0;
}

bool template_is_plain(const struct template *template)
{
	return template->plain;
}
