/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * regex_syntax.c - reads a pattern as Go's regexp does (RE2's syntax) and writes it for PCRE2.
 *
 * Groups become (?:...), as nobody asks what they matched, and lazy becomes greedy, as only the
 * whole text counts.  Everything but letters and digits is written as \x{...}, so that PCRE2
 * finds no syntax of its own in it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "promql/regex.h"
#include "promql/regex_class.h"

#define REPEAT_MAX 1000 /* RE2's, for nested ones multiplied */

/* One open group, or the whole pattern. */
struct level {
	unsigned int repeats;		  /* the largest product of repetitions inside */
	unsigned int atoms;		  /* with repetitions written out */
	bool outer_fold, outer_multiline; /* the flags around the group, and behind it */
};

struct syntax {
	struct regex_reader in;
	struct level level[PROMQL_REGEX_DEPTH_MAX + 1];
	size_t depth;
	struct level last; /* what a repetition would repeat, if there is anything */
	bool have_last, repeated;
	bool multiline;	   /* (?m) is on */
	bool behind_flags; /* (?i) came last; RE2 would repeat what stands before it */
};

/* Something new begins: what came before counts for the group. */
static void settle(struct syntax *s)
{
	struct level *level = &s->level[s->depth];

	if (s->have_last) {
		level->atoms += s->last.atoms;
		if (level->repeats < s->last.repeats)
			level->repeats = s->last.repeats;
	}
	if (level->atoms > PROMQL_REGEX_ATOMS_MAX)
		regex_refuse(&s->in, PROMQL_TOO_LARGE, "it is too large");
	s->have_last = s->repeated = s->behind_flags = false;
}

static void atom(struct syntax *s)
{
	settle(s);
	s->have_last = true;
	s->last = (struct level){.repeats = 1, .atoms = 1};
}

/* Digits without a leading zero; false: this is no number. */
static bool repeat_number(struct regex_reader *in, unsigned int *n)
{
	size_t at = in->at;

	*n = 0;
	if (in->text[at] == '0' && in->text[at + 1] >= '0' && in->text[at + 1] <= '9')
		return false;
	for (; in->text[at] >= '0' && in->text[at] <= '9'; at++)
		if (*n <= REPEAT_MAX)
			*n = *n * 10 + (unsigned int)(in->text[at] - '0');
	if (at == in->at)
		return false;
	in->at = at;
	return true;
}

/* {n}, {n,} or {n,m}; false, and nothing is taken: the brace is meant literally. */
static bool repeat_range(struct regex_reader *in, unsigned int *min, unsigned int *max, bool *open)
{
	size_t start = in->at;

	in->at++;
	*open = false;
	if (!repeat_number(in, min))
		goto literal;
	*max = *min;
	if (in->text[in->at] == ',') {
		in->at++;
		*open = in->text[in->at] == '}';
		if (!*open && !repeat_number(in, max))
			goto literal;
	}
	if (in->text[in->at] != '}')
		goto literal;
	in->at++;
	return true;
literal:
	in->at = start;
	return false;
}

/* What follows an atom.  `times`: how often it is written out, and counted against RE2's bound. */
static void repeat(struct syntax *s, const char *written, unsigned int times)
{
	struct regex_reader *in = &s->in;

	if (in->text[in->at] == '?')
		in->at++;
	if (s->repeated)
		regex_refuse(in, PROMQL_SYNTAX, "invalid nested repetition operator");
	else if (s->behind_flags)
		regex_refuse(in, PROMQL_UNSUPPORTED,
			     "a repetition behind (?flags) is not supported by cheshire");
	else if (!s->have_last)
		regex_refuse(in, PROMQL_SYNTAX, "missing argument to repetition operator");
	fputs(written, in->out);
	if (times > 1) {
		s->last.repeats *= times;
		s->last.atoms *= times;
		if (s->last.repeats > REPEAT_MAX)
			regex_refuse(in, PROMQL_SYNTAX, "invalid repeat count");
	}
	s->repeated = true;
}

static void brace(struct syntax *s)
{
	unsigned int min = 0, max = 0;
	char written[32];
	bool open;

	if (!repeat_range(&s->in, &min, &max, &open)) {
		s->in.at++;
		atom(s);
		regex_literal(&s->in, '{');
		return;
	}
	if (min > REPEAT_MAX || max > REPEAT_MAX || (!open && min > max)) {
		regex_refuse(&s->in, PROMQL_SYNTAX, "invalid repeat count");
		return;
	}
	snprintf(written, sizeof(written), open ? "{%u,}" : "{%u,%u}", min, max);
	repeat(s, written, max);
}

static void open_group(struct syntax *s)
{
	settle(s);
	if (s->depth == PROMQL_REGEX_DEPTH_MAX) {
		regex_refuse(&s->in, PROMQL_TOO_LARGE, "its groups are nested too deeply");
		return;
	}
	s->level[++s->depth] = (struct level){
		.repeats = 1, .outer_fold = s->in.fold, .outer_multiline = s->multiline};
}

static void close_group(struct syntax *s)
{
	settle(s);
	if (s->depth == 0) {
		regex_refuse(&s->in, PROMQL_SYNTAX, "unexpected )");
		return;
	}
	s->in.at++;
	s->last = s->level[s->depth--];
	s->in.fold = s->last.outer_fold;
	s->multiline = s->last.outer_multiline;
	s->last.atoms++;
	s->have_last = true;
	putc(')', s->in.out);
}

/* (?P<name>: the name means nothing here, but it must be one, and new. */
static void named_group(struct syntax *s)
{
	const char *name = s->in.text + s->in.at + 4;
	size_t len =
		strspn(name, "0123456789_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");

	if (len == 0 || name[len] != '>') {
		regex_refuse(&s->in, PROMQL_SYNTAX, "invalid named capture");
		return;
	}
	for (const char *p = s->in.text; (p = strstr(p, "(?P<")) && p + 4 < name; p++)
		if (!strncmp(p + 4, name, len + 1))
			regex_refuse(&s->in, PROMQL_SYNTAX, "duplicate capture group name");
	s->in.at += 4 + len + 1;
	open_group(s);
	fputs("(?:", s->in.out);
}

static void settle_flags(struct syntax *s)
{
	bool behind = s->have_last || s->behind_flags;

	settle(s);
	s->behind_flags = behind;
}

/* (?flags) and (?flags: */
static void flags(struct syntax *s)
{
	const char *p = s->in.text + s->in.at + 2;
	char written[16] = "(?";
	size_t n = 2, useful = 0;
	bool negative = false, saw = false, fold = s->in.fold, multiline = s->multiline;

	for (; *p && strchr("imsU-", *p) && n < sizeof(written) - 3; p++) {
		if (*p == '-' && negative)
			break;
		saw = *p != '-';
		negative |= *p == '-';
		if (*p == 'i')
			fold = !negative;
		if (*p == 'm')
			multiline = !negative;
		if (*p == 'U') /* lazy and greedy are one here */
			continue;
		useful += *p != '-';
		written[n++] = *p;
	}
	if ((*p != ')' && *p != ':') || (negative && !saw)) {
		regex_refuse(&s->in, *p && strchr("imsU", *p) ? PROMQL_UNSUPPORTED : PROMQL_SYNTAX,
			     "invalid or unsupported Perl syntax");
		return;
	}
	s->in.at = (size_t)(p - s->in.text) + 1;
	if (*p == ':')
		open_group(s);
	else
		settle_flags(s);
	s->in.fold = fold;
	s->multiline = multiline;
	if (!useful)
		written[2] = '\0';
	if (*p == ':' || useful)
		fprintf(s->in.out, "%s%c", written, *p);
}

static void group(struct syntax *s)
{
	const char *text = s->in.text + s->in.at;

	if (!strncmp(text, "(?P<", 4)) {
		named_group(s);
	} else if (!strncmp(text, "(?", 2)) {
		flags(s);
	} else {
		s->in.at++;
		open_group(s);
		fputs("(?:", s->in.out);
	}
}

/* \Q...\E; without \E it would reach into what Prometheus writes around the pattern. */
static void quoted(struct syntax *s)
{
	uint32_t code;

	s->in.at += 2;
	while (!s->in.refused && s->in.text[s->in.at]) {
		if (!strncmp(s->in.text + s->in.at, "\\E", 2)) {
			s->in.at += 2;
			return;
		}
		if (!regex_rune(&s->in, &code))
			return;
		atom(s);
		regex_literal(&s->in, code);
	}
	regex_refuse(&s->in, PROMQL_SYNTAX, "\\Q without \\E");
}

/* PCRE2's $ outside of (?m) would match before a newline at the end. */
static void assertion(struct syntax *s, size_t len)
{
	const char *text = s->in.text + s->in.at;

	atom(s);
	if (*text == '$' && !s->multiline)
		fputs("(?:\\z)", s->in.out);
	else
		fprintf(s->in.out, "(?:%.*s)", (int)len, text);
	s->in.at += len;
}

static void backslash(struct syntax *s)
{
	char next = s->in.text[s->in.at + 1];
	uint32_t code;

	if (next == 'Q') {
		quoted(s);
		return;
	}
	if (next && strchr("AzbB", next)) {
		assertion(s, 2);
		return;
	}
	atom(s);
	if (regex_perl_class(&s->in, false) || regex_unicode_class(&s->in))
		return;
	if (regex_escape(&s->in, &code))
		regex_literal(&s->in, code);
}

static void step(struct syntax *s)
{
	uint32_t code;
	char c = s->in.text[s->in.at];

	switch (c) {
	case '*':
	case '+':
	case '?':
		s->in.at++;
		repeat(s, (char[]){c, '\0'}, 1);
		break;
	case '{':
		brace(s);
		break;
	case '(':
		group(s);
		break;
	case ')':
		close_group(s);
		break;
	case '|':
		settle(s);
		s->in.at++;
		putc('|', s->in.out);
		break;
	case '^':
	case '$':
		assertion(s, 1);
		break;
	case '.':
		atom(s);
		s->in.at++;
		putc('.', s->in.out);
		break;
	case '[':
		atom(s);
		regex_class(&s->in);
		break;
	case '\\':
		backslash(s);
		break;
	default:
		if (!regex_rune(&s->in, &code))
			break;
		atom(s);
		regex_literal(&s->in, code);
	}
}

int promql_regex_translate(const char *pattern, char **out, struct promql_regex_error *error)
{
	struct syntax s = {.in = {.text = pattern, .error = error}};
	size_t len;

	*out = NULL;
	s.level[0].repeats = 1;
	s.in.out = open_memstream(out, &len);
	if (!s.in.out)
		return -ENOMEM;
	fputs("(?:", s.in.out);
	while (!s.in.refused && pattern[s.in.at])
		step(&s);
	if (!s.in.refused)
		settle(&s);
	if (s.depth > 0)
		regex_refuse(&s.in, PROMQL_SYNTAX, "missing closing )");
	/* PCRE2_ENDANCHORED would be nicer, but the DFA of 10.42 does not heed it. */
	fputs(")\\z", s.in.out);
	if (ferror(s.in.out) | fclose(s.in.out)) {
		free(*out);
		return -ENOMEM;
	}
	if (!s.in.refused)
		return 0;
	free(*out);
	*out = NULL;
	return -EINVAL;
}
