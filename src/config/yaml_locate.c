/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where in a file a byte of a scalar's text is.
 *
 * Whatever the style, YAML changes only the white space of a scalar (folded lines, indentation)
 * and writes some characters as escapes.  So the text and its source are walked side by side,
 * counting the characters that are not white space.
 */
#include <string.h>

#include "config/yaml.h"

struct cursor {
	const char *p;
	const char *end;
	int line;
	int column;
};

static void step(struct cursor *c)
{
	if (*c->p == '\n') {
		c->line++;
		c->column = 1;
	} else if (((unsigned char)*c->p & 0xc0) != 0x80) {
		c->column++;
	}
	c->p++;
	/* Bytes that continue a character belong to it. */
	while (c->p < c->end && ((unsigned char)*c->p & 0xc0) == 0x80)
		c->p++;
}

static void steps(struct cursor *c, size_t n)
{
	while (n-- && c->p < c->end)
		step(c);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* Characters of the escape at the backslash; *space where it stands for white space. */
static size_t escape_length(const struct cursor *c, bool *space)
{
	char kind = c->p + 1 < c->end ? c->p[1] : ' ';

	*space = is_space(kind) || strchr("tnrNLP_", kind);
	return kind == 'x' ? 4 : kind == 'u' ? 6 : kind == 'U' ? 10 : 2;
}

/* Passes over one character of the text that is not white space. */
static void pass_character(struct cursor *c, char style)
{
	bool space;

	if (style == '\'' && *c->p == '\'')
		steps(c, 2);
	else if (style == '"' && *c->p == '\\')
		steps(c, escape_length(c, &space));
	else
		step(c);
}

static void pass_space(struct cursor *c, char style)
{
	bool space;

	while (c->p < c->end) {
		if (is_space(*c->p)) {
			step(c);
			continue;
		}
		if (style != '"' || *c->p != '\\')
			return;
		size_t n = escape_length(c, &space);

		if (!space)
			return;
		/* An escaped line break is followed by the white space that it eats. */
		steps(c, n);
	}
}

void yaml_locate(const struct yaml_node *node, size_t at, const char *end, int *line, int *column)
{
	struct cursor c = {node->source, end, node->line, node->column};
	const char *text = node->text;
	size_t i = 0;

	while (i < at && text[i] && c.p < end) {
		if (is_space(text[i])) {
			if (is_space(*c.p))
				step(&c);
			i++;
			continue;
		}
		pass_space(&c, node->style);
		if (c.p >= end)
			break;
		pass_character(&c, node->style);
		for (i++; ((unsigned char)text[i] & 0xc0) == 0x80; i++)
			;
	}
	if (text[i] && !is_space(text[i]))
		pass_space(&c, node->style);
	*line = c.line;
	*column = c.column;
}
