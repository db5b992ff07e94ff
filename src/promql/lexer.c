/* SPDX-License-Identifier: GPL-2.0-only */
#include "promql/lexer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "log/escape.h"
#include "promql/rune.h"

#define END (-1) /* of the text, where a byte was expected */

static const struct keyword {
	const char *word;
	enum token_kind kind;
} keywords[] = {
	{"and", TOKEN_AND},
	{"or", TOKEN_OR},
	{"unless", TOKEN_UNLESS},
	{"atan2", TOKEN_ATAN2},
	{"sum", TOKEN_SUM},
	{"avg", TOKEN_AVG},
	{"count", TOKEN_COUNT},
	{"min", TOKEN_MIN},
	{"max", TOKEN_MAX},
	{"group", TOKEN_OTHER_AGGREGATE},
	{"stddev", TOKEN_OTHER_AGGREGATE},
	{"stdvar", TOKEN_OTHER_AGGREGATE},
	{"topk", TOKEN_OTHER_AGGREGATE},
	{"bottomk", TOKEN_OTHER_AGGREGATE},
	{"count_values", TOKEN_OTHER_AGGREGATE},
	{"quantile", TOKEN_OTHER_AGGREGATE},
	{"offset", TOKEN_OFFSET},
	{"by", TOKEN_BY},
	{"without", TOKEN_WITHOUT},
	{"on", TOKEN_ON},
	{"ignoring", TOKEN_IGNORING},
	{"group_left", TOKEN_GROUP_LEFT},
	{"group_right", TOKEN_GROUP_RIGHT},
	{"bool", TOKEN_BOOL},
	{"start", TOKEN_START_END},
	{"end", TOKEN_START_END},
	{"inf", TOKEN_NUMBER},
	{"nan", TOKEN_NUMBER},
};

static const struct sign {
	const char *text;
	enum token_kind kind;
} outside_braces[] =
	{
		{"==", TOKEN_EQ},      {"!=", TOKEN_NE}, {"<=", TOKEN_LE},   {">=", TOKEN_GE},
		{"=", TOKEN_MATCH_EQ}, {"<", TOKEN_LT},	 {">", TOKEN_GT},    {"+", TOKEN_ADD},
		{"-", TOKEN_SUB},      {"*", TOKEN_MUL}, {"/", TOKEN_DIV},   {"%", TOKEN_MOD},
		{"^", TOKEN_POW},      {"@", TOKEN_AT},	 {",", TOKEN_COMMA}, {NULL, TOKEN_ERROR},
},
  inside_braces[] = {
	  {"=~", TOKEN_MATCH_RE}, {"!~", TOKEN_MATCH_NRE}, {"!=", TOKEN_NE},
	  {"=", TOKEN_MATCH_EQ},  {",", TOKEN_COMMA},	   {NULL, TOKEN_ERROR},
};

static bool is_space(int c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static bool is_alpha(int c)
{
	return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_alnum(int c)
{
	return is_alpha(c) || is_digit(c);
}

static int peek_at(const struct lexer *lexer, size_t ahead)
{
	return lexer->pos + ahead < lexer->len ? (unsigned char)lexer->text[lexer->pos + ahead]
					       : END;
}

static int peek(const struct lexer *lexer)
{
	return peek_at(lexer, 0);
}

static bool accept(struct lexer *lexer, const char *any)
{
	int c = peek(lexer);

	if (c <= 0 || !strchr(any, c))
		return false;
	lexer->pos++;
	return true;
}

static void accept_run(struct lexer *lexer, const char *any)
{
	while (accept(lexer, any))
		;
}

static struct token emit(struct lexer *lexer, enum token_kind kind)
{
	return (struct token){kind, (uint32_t)lexer->start, (uint32_t)lexer->pos};
}

__attribute__((format(printf, 2, 3))) static struct token refuse(struct lexer *lexer,
								 const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(lexer->message, sizeof(lexer->message), format, args);
	va_end(args);
	return emit(lexer, TOKEN_ERROR);
}

/* `what` and the character at `at`, or that the text ends there. */
static struct token refuse_char(struct lexer *lexer, const char *what, size_t at)
{
	char shown[32];
	uint32_t code;
	size_t n;

	if (at >= lexer->len)
		return refuse(lexer, "%s: end of input", what);
	n = rune_decode(lexer->text + at, lexer->len - at, &code);
	escape_bytes(ESCAPE_TEXT, shown, sizeof(shown), lexer->text + at, n ? n : 1, 0);
	return refuse(lexer, "%s: '%s'", what, shown);
}

static struct token refuse_word(struct lexer *lexer, const char *what)
{
	char shown[64];

	escape_bytes(ESCAPE_TEXT, shown, sizeof(shown), lexer->text + lexer->start,
		     lexer->pos - lexer->start, 0);
	return refuse(lexer, "%s: \"%s\"", what, shown);
}

/* Something like a number; whether it is one, literal.c finds out.  False: a letter follows. */
static bool scan_number(struct lexer *lexer)
{
	const char *digits = "0123456789";

	if (accept(lexer, "0") && accept(lexer, "xX"))
		digits = "0123456789abcdefABCDEF";
	accept_run(lexer, digits);
	if (accept(lexer, "."))
		accept_run(lexer, digits);
	if (accept(lexer, "eE")) {
		accept(lexer, "+-");
		accept_run(lexer, "0123456789");
	}
	return !is_alnum(peek(lexer));
}

/* The units behind a first number; wrong ones (hs, ys) are found when it is read. */
static bool scan_units(struct lexer *lexer)
{
	if (!accept(lexer, "smhdwy"))
		return false;
	accept(lexer, "s");
	while (accept(lexer, "0123456789")) {
		accept_run(lexer, "0123456789");
		if (!accept(lexer, "smhdw"))
			return false;
		accept(lexer, "s");
	}
	return !is_alnum(peek(lexer));
}

static struct token lex_number(struct lexer *lexer)
{
	if (scan_number(lexer))
		return emit(lexer, TOKEN_NUMBER);
	if (scan_units(lexer))
		return emit(lexer, TOKEN_DURATION);
	return refuse_word(lexer, "bad number or duration syntax");
}

static struct token lex_duration(struct lexer *lexer)
{
	while (is_space(peek(lexer)))
		lexer->pos++;
	lexer->start = lexer->pos;
	if (scan_number(lexer))
		return refuse(lexer, "missing unit character in duration");
	if (scan_units(lexer))
		return emit(lexer, TOKEN_DURATION);
	return refuse_word(lexer, "bad duration syntax");
}

static int hex_digit(int c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 16;
}

/* Behind the backslash.  False: lexer->message is filled. */
static bool scan_escape(struct lexer *lexer, int quote)
{
	int c = peek(lexer), n, base = 16;
	uint32_t code = 0, max = RUNE_MAX;

	if (c > 0 && (c == quote || strchr("abfnrtv\\", c))) {
		lexer->pos++;
		return true;
	}
	if (c >= '0' && c <= '7') {
		n = 3;
		base = 8;
		max = 255;
	} else if (c == 'x' || c == 'u' || c == 'U') {
		n = c == 'x' ? 2 : c == 'u' ? 4 : 8;
		lexer->pos++;
	} else {
		refuse_char(lexer, "unknown escape sequence", lexer->pos);
		return false;
	}
	for (; n > 0; n--, lexer->pos++) {
		int digit = hex_digit(peek(lexer));

		if (digit >= base) {
			refuse_char(lexer, "illegal character in escape sequence", lexer->pos);
			return false;
		}
		code = code * (uint32_t)base + (uint32_t)digit;
	}
	if (code <= max && (code < 0xd800 || code > 0xdfff))
		return true;
	refuse(lexer, "escape sequence is an invalid Unicode code point");
	return false;
}

static struct token lex_string(struct lexer *lexer)
{
	int quote = (unsigned char)lexer->text[lexer->pos++];
	bool raw = quote == '`';
	uint32_t code;
	size_t n;

	for (;;) {
		if (lexer->pos >= lexer->len)
			break;
		n = rune_decode(lexer->text + lexer->pos, lexer->len - lexer->pos, &code);
		if (n == 0 || code == RUNE_ERROR)
			return refuse(lexer, "invalid UTF-8 rune");
		if (code == '\n' && !raw)
			break;
		lexer->pos += n;
		if (code == (uint32_t)quote)
			return emit(lexer, TOKEN_STRING);
		if (code == '\\' && !raw && !scan_escape(lexer, quote))
			return emit(lexer, TOKEN_ERROR);
	}
	return refuse(lexer, raw ? "unterminated raw string" : "unterminated quoted string");
}

static struct token lex_word(struct lexer *lexer)
{
	const char *word = lexer->text + lexer->start;
	size_t len;

	while (is_alnum(peek(lexer)) || peek(lexer) == ':')
		lexer->pos++;
	len = lexer->pos - lexer->start;
	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
		if (strlen(keywords[i].word) == len && !strncasecmp(keywords[i].word, word, len))
			return emit(lexer, keywords[i].kind);
	return emit(lexer, memchr(word, ':', len) ? TOKEN_METRIC_IDENTIFIER : TOKEN_IDENTIFIER);
}

static bool lex_sign(struct lexer *lexer, const struct sign *sign, struct token *token)
{
	for (; sign->text; sign++) {
		size_t n = strlen(sign->text);

		if (lexer->len - lexer->pos < n ||
		    memcmp(lexer->text + lexer->pos, sign->text, n) != 0)
			continue;
		lexer->pos += n;
		*token = emit(lexer, sign->kind);
		return true;
	}
	return false;
}

static struct token lex_inside_braces(struct lexer *lexer)
{
	struct token token;
	int c = peek(lexer);

	if (c == END)
		return refuse(lexer, "unexpected end of input inside braces");
	if (is_alpha(c)) {
		while (is_alnum(peek(lexer)))
			lexer->pos++;
		return emit(lexer, TOKEN_IDENTIFIER);
	}
	if (c == '"' || c == '\'' || c == '`')
		return lex_string(lexer);
	if (c == '}') {
		lexer->pos++;
		lexer->brace_open = false;
		return emit(lexer, TOKEN_RIGHT_BRACE);
	}
	if (lex_sign(lexer, inside_braces, &token))
		return token;
	if (c == '!')
		return refuse_char(lexer, "unexpected character after '!' inside braces",
				   lexer->pos + 1);
	return refuse_char(lexer, "unexpected character inside braces", lexer->pos);
}

static struct token lex_bracket(struct lexer *lexer, int c)
{
	if (c == '[' ? lexer->bracket_open : !lexer->bracket_open)
		return refuse_char(lexer, "unexpected bracket", lexer->pos);
	lexer->pos++;
	lexer->bracket_open = c == '[';
	lexer->duration_next = c == '[';
	lexer->got_colon = false;
	return emit(lexer, c == '[' ? TOKEN_LEFT_BRACKET : TOKEN_RIGHT_BRACKET);
}

static struct token lex_paren(struct lexer *lexer, int c)
{
	if (c == ')' && lexer->paren_depth == 0)
		return refuse_char(lexer, "unexpected right parenthesis", lexer->pos);
	lexer->pos++;
	if (c == '(')
		lexer->paren_depth++;
	else
		lexer->paren_depth--;
	return emit(lexer, c == '(' ? TOKEN_LEFT_PAREN : TOKEN_RIGHT_PAREN);
}

/* Prometheus takes a letter here for the colon of a subquery, too. */
static struct token lex_colon(struct lexer *lexer)
{
	if (lexer->got_colon)
		return refuse_char(lexer, "unexpected colon", lexer->pos);
	lexer->pos++;
	lexer->got_colon = true;
	return emit(lexer, TOKEN_COLON);
}

static struct token lex_end(struct lexer *lexer)
{
	if (lexer->paren_depth)
		return refuse(lexer, "unclosed left parenthesis");
	if (lexer->bracket_open)
		return refuse(lexer, "unclosed left bracket");
	return emit(lexer, TOKEN_EOF);
}

static struct token lex_outside_braces(struct lexer *lexer)
{
	struct token token;
	int c = peek(lexer);

	if (c == END)
		return lex_end(lexer);
	if (is_digit(c) || (c == '.' && is_digit(peek_at(lexer, 1))))
		return lex_number(lexer);
	if (c == '"' || c == '\'' || c == '`')
		return lex_string(lexer);
	if (is_alpha(c) || c == ':')
		return lexer->bracket_open ? lex_colon(lexer) : lex_word(lexer);
	if (c == '(' || c == ')')
		return lex_paren(lexer, c);
	if (c == '[' || c == ']')
		return lex_bracket(lexer, c);
	if (c == '{') {
		lexer->pos++;
		lexer->brace_open = true;
		return emit(lexer, TOKEN_LEFT_BRACE);
	}
	if (c == '=' && peek_at(lexer, 1) == '~')
		return refuse_char(lexer, "unexpected character after '='", lexer->pos + 1);
	if (lex_sign(lexer, outside_braces, &token))
		return token;
	if (c == '!')
		return refuse_char(lexer, "unexpected character after '!'", lexer->pos + 1);
	return refuse_char(lexer, "unexpected character", lexer->pos);
}

static void skip_spaces_and_comments(struct lexer *lexer)
{
	for (;;) {
		while (is_space(peek(lexer)))
			lexer->pos++;
		if (peek(lexer) != '#')
			return;
		while (peek(lexer) != END && peek(lexer) != '\n' && peek(lexer) != '\r')
			lexer->pos++;
	}
}

void lexer_init(struct lexer *lexer, const char *text, size_t len)
{
	*lexer = (struct lexer){.text = text, .len = len};
}

struct token lexer_next(struct lexer *lexer)
{
	if (lexer->duration_next) {
		lexer->duration_next = false;
		return lex_duration(lexer);
	}
	skip_spaces_and_comments(lexer);
	lexer->start = lexer->pos;
	return lexer->brace_open ? lex_inside_braces(lexer) : lex_outside_braces(lexer);
}

bool token_names_metric(enum token_kind kind)
{
	switch (kind) {
	case TOKEN_IDENTIFIER:
	case TOKEN_METRIC_IDENTIFIER:
	case TOKEN_AND:
	case TOKEN_OR:
	case TOKEN_UNLESS:
	case TOKEN_BY:
	case TOKEN_WITHOUT:
	case TOKEN_OFFSET:
	case TOKEN_START_END:
		return true;
	default:
		return kind >= TOKEN_SUM && kind <= TOKEN_OTHER_AGGREGATE;
	}
}

/* Prometheus's grammar forgets `without`. */
bool token_names_label(enum token_kind kind)
{
	return kind == TOKEN_IDENTIFIER || (kind >= TOKEN_ATAN2 && kind != TOKEN_WITHOUT);
}

void token_describe(const struct lexer *lexer, struct token token, char *out, size_t size)
{
	static const char *const kinds[] = {
		[TOKEN_IDENTIFIER] = "identifier ",
		[TOKEN_METRIC_IDENTIFIER] = "metric identifier ",
		[TOKEN_NUMBER] = "number ",
		[TOKEN_DURATION] = "duration ",
		[TOKEN_STRING] = "string ",
	};
	const char *kind = token.kind <= TOKEN_STRING && kinds[token.kind] ? kinds[token.kind] : "";
	char shown[64];

	if (token.kind == TOKEN_EOF) {
		snprintf(out, size, "end of input");
		return;
	}
	escape_bytes(ESCAPE_TEXT, shown, sizeof(shown), lexer->text + token.start,
		     token.end - token.start, 40);
	if (token.kind >= TOKEN_BOOL)
		snprintf(out, size, "<%s>", shown);
	else if (token.kind >= TOKEN_SUM)
		snprintf(out, size, "<aggr:%s>", shown);
	else if (token.kind >= TOKEN_ADD)
		snprintf(out, size, "<op:%s>", shown);
	else if (token.kind == TOKEN_STRING)
		snprintf(out, size, "%s%s", kind, shown);
	else
		snprintf(out, size, "%s\"%s\"", kind, shown);
}
