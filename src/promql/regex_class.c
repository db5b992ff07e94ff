/* SPDX-License-Identifier: GPL-2.0-only */
#include "promql/regex_class.h"

#include <string.h>

#include "promql/rune.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

void regex_refuse(struct regex_reader *in, enum promql_refusal refusal, const char *why)
{
	if (in->refused)
		return;
	in->refused = true;
	in->error->refusal = refusal;
	snprintf(in->error->message, sizeof(in->error->message), "invalid regular expression: %s",
		 why);
}

bool regex_rune(struct regex_reader *in, uint32_t *code)
{
	size_t n = rune_decode(in->text + in->at, strlen(in->text + in->at), code);

	if (!n) {
		regex_refuse(in, PROMQL_SYNTAX, "invalid UTF-8");
		return false;
	}
	in->at += n;
	return true;
}

static bool is_word(uint32_t code)
{
	return code < 0x80 && code &&
	       (strchr(LETTERS, (int)code) || strchr("0123456789", (int)code));
}

void regex_literal(struct regex_reader *in, uint32_t code)
{
	if (is_word(code))
		putc((int)code, in->out);
	else
		fprintf(in->out, "\\x{%x}", code);
}

static int hex_value(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *digit = c ? strchr(digits, c | (c >= 'A' && c <= 'F' ? 0x20 : 0)) : NULL;

	return digit ? (int)(digit - digits) : -1;
}

/* Behind \x: two digits, or any number of them in braces. */
static bool hex_escape(struct regex_reader *in, uint32_t *code)
{
	bool braces = in->text[in->at] == '{';
	size_t digits = 0;
	int value;

	*code = 0;
	in->at += braces;
	while ((braces || digits < 2) && (value = hex_value(in->text[in->at])) >= 0 &&
	       *code <= RUNE_MAX) {
		*code = *code * 16 + (uint32_t)value;
		in->at++;
		digits++;
	}
	if (*code > RUNE_MAX || digits == 0 || (!braces && digits != 2))
		return false;
	if (!braces)
		return true;
	return in->text[in->at++] == '}';
}

/* \0 to \377; a single digit other than 0 would be a back reference. */
static bool octal_escape(struct regex_reader *in, uint32_t *code)
{
	const char *p = in->text + in->at;
	size_t n = 0;

	if (p[0] != '0' && !(p[1] >= '0' && p[1] <= '7'))
		return false;
	*code = 0;
	for (; n < 3 && p[n] >= '0' && p[n] <= '7'; n++)
		*code = *code * 8 + (uint32_t)(p[n] - '0');
	in->at += n;
	return true;
}

bool regex_escape(struct regex_reader *in, uint32_t *code)
{
	static const char names[] = "afnrtv", values[] = "\a\f\n\r\t\v";
	char c = in->text[++in->at];
	const char *name = c ? strchr(names, c) : NULL;
	bool good = true;

	if (name) {
		*code = (unsigned char)values[name - names];
		in->at++;
	} else if (c == 'x') {
		in->at++;
		good = hex_escape(in, code);
	} else if (c >= '0' && c <= '7') {
		good = octal_escape(in, code);
	} else if (c > 0 && (unsigned char)c < 0x80 && !is_word((unsigned char)c)) {
		*code = (unsigned char)c;
		in->at++;
	} else {
		good = false;
	}
	if (!good)
		regex_refuse(in, PROMQL_SYNTAX,
			     c ? "invalid escape sequence"
			       : "trailing backslash at end of expression");
	return good;
}

/*
 * Under (?i), RE2's classes of ASCII letters hold the long s and the sign of Kelvin too, which
 * PCRE2's do not.
 */
#define FOLDED "\\x{17f}\\x{212a}"

static void refuse_folded(struct regex_reader *in)
{
	regex_refuse(in, PROMQL_UNSUPPORTED,
		     "this negated class is not supported by cheshire under (?i)");
}

static void word_class(struct regex_reader *in, bool negative, bool in_class)
{
	if (!in->fold)
		fputs(negative ? "\\W" : "\\w", in->out);
	else if (!in_class)
		fputs(negative ? "[^\\w" FOLDED "]" : "[\\w" FOLDED "]", in->out);
	else if (!negative)
		fputs("\\w" FOLDED, in->out);
	else
		refuse_folded(in);
}

/* RE2's \s has no vertical tab, PCRE2's has. */
bool regex_perl_class(struct regex_reader *in, bool in_class)
{
	const char *p = in->text + in->at;

	if (p[0] != '\\' || !p[1] || !strchr("dDsSwW", p[1]))
		return false;
	in->at += 2;
	if (p[1] == 's')
		fputs(in_class ? "\\t\\n\\f\\r\\x{20}" : "[\\t\\n\\f\\r\\x{20}]", in->out);
	else if (p[1] == 'S')
		fputs(in_class ? "\\x{0}-\\x{8}\\x{b}\\x{e}-\\x{1f}\\x{21}-\\x{10ffff}"
			       : "[^\\t\\n\\f\\r\\x{20}]",
		      in->out);
	else if (p[1] == 'w' || p[1] == 'W')
		word_class(in, p[1] == 'W', in_class);
	else
		fprintf(in->out, "\\%c", p[1]);
	return true;
}

static bool is_category(const char *name, size_t len)
{
	static const char *const second[] = {
		['C'] = "cfos",	   ['L'] = "lmotu", ['M'] = "cen", ['N'] = "dlo",
		['P'] = "cdefios", ['S'] = "ckmo",  ['Z'] = "lps",
	};
	unsigned char first = (unsigned char)name[0];

	if (len == 0 || first >= sizeof(second) / sizeof(second[0]) || !second[first])
		return false;
	return len == 1 || (len == 2 && strchr(second[first], name[1]));
}

/* \pL, \p{Lu}, \P{^Lu}; scripts such as \p{Greek} PCRE2 knows by other names than RE2. */
bool regex_unicode_class(struct regex_reader *in)
{
	const char *p = in->text + in->at, *name = p + 2;
	bool negative, braces;
	size_t len = 1;

	if (p[0] != '\\' || (p[1] != 'p' && p[1] != 'P'))
		return false;
	negative = p[1] == 'P';
	braces = *name == '{';
	if (braces) {
		name++;
		negative ^= *name == '^';
		name += *name == '^';
		len = strspn(name, LETTERS "_");
	}
	if (!*name || (braces && name[len] != '}')) {
		regex_refuse(in, PROMQL_SYNTAX, "invalid character class range");
	} else if (!is_category(name, len) && strncmp(name, "Any}", 4)) {
		regex_refuse(in, len > 2 ? PROMQL_UNSUPPORTED : PROMQL_SYNTAX,
			     "classes of characters by script are not supported by cheshire");
	} else if (in->fold && len == 2 && name[0] == 'L') {
		regex_refuse(in, PROMQL_UNSUPPORTED,
			     "classes of letters by their case are not supported by cheshire under "
			     "(?i)");
	} else {
		fprintf(in->out, "\\%c{%.*s}", negative ? 'P' : 'p', (int)len, name);
		in->at = (size_t)(name - in->text) + len + braces;
	}
	return true;
}

/* [:alpha:] inside a class. */
static bool posix_class(struct regex_reader *in)
{
	static const struct {
		const char *name;
		bool letters;
	} classes[] = {
		{"alnum", true},  {"alpha", true},   {"ascii", true},  {"blank", false},
		{"cntrl", false}, {"digit", false},  {"graph", true},  {"lower", true},
		{"print", true},  {"punct", false},  {"space", false}, {"upper", true},
		{"word", true},	  {"xdigit", false},
	};
	const char *p = in->text + in->at, *end;

	if (strncmp(p, "[:", 2) != 0)
		return false;
	end = strstr(p + 2, ":]");
	if (!end)
		return false;
	in->at = (size_t)(end - in->text) + 2;
	p += 2;
	p += *p == '^';
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		size_t len = strlen(classes[i].name);

		if (len != (size_t)(end - p) || memcmp(classes[i].name, p, len) != 0)
			continue;
		if (in->fold && p[-1] == '^')
			refuse_folded(in);
		fprintf(in->out, "[:%s%s:]%s", p[-1] == '^' ? "^" : "", classes[i].name,
			in->fold && classes[i].letters ? FOLDED : "");
		return true;
	}
	regex_refuse(in, PROMQL_SYNTAX, "invalid character class range");
	return true;
}

static bool class_rune(struct regex_reader *in, uint32_t *code)
{
	if (in->text[in->at] == '\0') {
		regex_refuse(in, PROMQL_SYNTAX, "missing closing ]");
		return false;
	}
	if (in->text[in->at] == '\\')
		return regex_escape(in, code);
	return regex_rune(in, code);
}

/* One character, or a range of them. */
static void class_range(struct regex_reader *in)
{
	uint32_t low, high;

	if (!class_rune(in, &low))
		return;
	high = low;
	if (in->text[in->at] == '-' && in->text[in->at + 1] && in->text[in->at + 1] != ']') {
		in->at++;
		if (!class_rune(in, &high))
			return;
	}
	if (high < low) {
		regex_refuse(in, PROMQL_SYNTAX, "invalid character class range");
		return;
	}
	regex_literal(in, low);
	if (high != low) {
		putc('-', in->out);
		regex_literal(in, high);
	}
}

void regex_class(struct regex_reader *in)
{
	bool first = true;

	in->at++;
	putc('[', in->out);
	if (in->text[in->at] == '^') {
		in->at++;
		putc('^', in->out);
	}
	while (!in->refused && (first || in->text[in->at] != ']')) {
		first = false;
		if (in->text[in->at] == '\0') {
			regex_refuse(in, PROMQL_SYNTAX, "missing closing ]");
			return;
		}
		if (!posix_class(in) && !regex_perl_class(in, true) && !regex_unicode_class(in))
			class_range(in);
	}
	if (in->refused)
		return;
	in->at++;
	putc(']', in->out);
}
