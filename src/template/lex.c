/* SPDX-License-Identifier: GPL-2.0-only */
#include "template/lex.h"

#include <string.h>

static bool is_space(char c)
{
	return c && strchr(" \t\r\n", c);
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	       (unsigned char)c >= 0x80;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static struct word take(struct lex *lex, enum word_kind kind, size_t len)
{
	struct word word = {.kind = kind, .at = lex->pos, .len = len};

	lex->pos += len;
	return word;
}

static struct word fail(struct lex *lex, const char *message)
{
	lex->message = message;
	return take(lex, WORD_ERROR, 0);
}

/* {{- trims the text before it, if a space follows. */
static bool trims_left(const char *open)
{
	return open[2] == '-' && is_space(open[3]);
}

/* The length of " -}}" or "}}" here, else 0. */
static size_t closing(const char *p)
{
	if (!strncmp(p, "}}", 2))
		return 2;
	if (is_space(*p) && !strncmp(p + 1, "-}}", 3))
		return 4;
	return 0;
}

static void close_action(struct lex *lex, size_t len)
{
	lex->trim = len == 4;
	lex->inside = false;
}

/* A comment is the only thing in its action.  False: it is not one, or not a whole one. */
static bool skip_comment(struct lex *lex, const char *open)
{
	const char *p = open + (trims_left(open) ? 4 : 2), *end;
	size_t n;

	if (strncmp(p, "/*", 2))
		return false;
	end = strstr(p + 2, "*/");
	if (!end) {
		lex->message = "unclosed comment";
		return false;
	}
	n = closing(end + 2);
	if (!n) {
		lex->message = "comment ends before closing delimiter";
		return false;
	}
	lex->pos = (size_t)(end + 2 - lex->text) + n;
	close_action(lex, n);
	return true;
}

/* Text up to the next action, without what is trimmed off; may be empty. */
static struct word next_text(struct lex *lex)
{
	const char *start = lex->text + lex->pos, *open = strstr(start, "{{");
	const char *end = open ? open : start + strlen(start);
	struct word word;

	while (lex->trim && start < end && is_space(*start))
		start++;
	lex->trim = false;
	word = (struct word){.kind = WORD_TEXT, .at = (size_t)(start - lex->text)};
	lex->pos = (size_t)(end - lex->text);
	while (open && trims_left(open) && end > start && is_space(end[-1]))
		end--;
	word.len = (size_t)(end - start);
	return word;
}

static struct word open_action(struct lex *lex)
{
	const char *open = lex->text + lex->pos;

	lex->inside = true;
	return take(lex, WORD_OPEN, trims_left(open) ? 4 : 2);
}

static struct word next_outside(struct lex *lex)
{
	struct word word;

	do {
		word = next_text(lex);
		if (word.len)
			return word;
		if (!lex->text[lex->pos])
			return take(lex, WORD_EOF, 0);
		lex->message = NULL;
	} while (skip_comment(lex, lex->text + lex->pos));
	if (lex->message)
		return take(lex, WORD_ERROR, 0);
	return open_action(lex);
}

static struct word next_quoted(struct lex *lex, const char *p)
{
	size_t n = 1;

	for (; p[n] && p[n] != *p; n++) {
		if (*p == '"' && p[n] == '\n')
			break;
		if (*p == '"' && p[n] == '\\' && p[n + 1] && p[n + 1] != '\n')
			n++;
	}
	if (p[n] != *p)
		return fail(lex, *p == '"' ? "unterminated quoted string"
					   : "unterminated raw quoted string");
	return take(lex, WORD_STRING, n + 1);
}

static size_t name_length(const char *p)
{
	size_t n = 0;

	while (is_letter(p[n]) || is_digit(p[n]))
		n++;
	return n;
}

static size_t number_length(const char *p)
{
	size_t n = *p == '+' || *p == '-';

	while (is_digit(p[n]) || is_letter(p[n]) || p[n] == '.' ||
	       ((p[n] == '+' || p[n] == '-') && (p[n - 1] == 'e' || p[n - 1] == 'E')))
		n++;
	return n;
}

static struct word next_inside(struct lex *lex)
{
	const char *p = lex->text + lex->pos;
	size_t n = closing(p);

	if (n) {
		close_action(lex, n);
		return take(lex, WORD_CLOSE, n);
	}
	if (is_space(*p)) {
		while (is_space(p[n]) && !closing(p + n))
			n++;
		return take(lex, WORD_SPACE, n);
	}
	if (is_letter(*p))
		return take(lex, WORD_NAME, name_length(p));
	if (*p == '$')
		return take(lex, WORD_VARIABLE, 1 + name_length(p + 1));
	if (*p == '"' || *p == '`')
		return next_quoted(lex, p);
	if (*p == '.' && !is_digit(p[1]))
		return take(lex, is_letter(p[1]) ? WORD_FIELD : WORD_DOT, 1 + name_length(p + 1));
	if (is_digit(*p) || *p == '.' || *p == '+' || *p == '-')
		return take(lex, WORD_NUMBER, number_length(p));
	switch (*p) {
	case '\0':
		return fail(lex, "unclosed action");
	case '|':
		return take(lex, WORD_PIPE, 1);
	case '(':
		return take(lex, WORD_LEFT_PAREN, 1);
	case ')':
		return take(lex, WORD_RIGHT_PAREN, 1);
	case ',':
		return take(lex, WORD_COMMA, 1);
	case ':':
	case '=':
		return take(lex, WORD_DECLARE, p[0] == ':' && p[1] == '=' ? 2 : 1);
	case '\'':
		return fail(lex, "character constants are not supported");
	default:
		return fail(lex, "unexpected character");
	}
}

struct word lex_next(struct lex *lex)
{
	return lex->inside ? next_inside(lex) : next_outside(lex);
}
