/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names as the target's files give them: matching and demangling. libiberty's
 * demangler limits its own recursion; input length and output length are limited here (a short
 * mangled name can expand exponentially).
 */
#include "target/names.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <libiberty/demangle.h>

#define MANGLED_MAX  4096
#define DEMANGLE_ALL (128u << 20) /* some three times all of LLVM */
#define DISTANCE_MAX 64		  /* longest name that is compared by edit distance */

/* One [set] against one character; *end is set behind it. A set that does not close is literal. */
static bool match_set(const char *p, unsigned char c, const char **end)
{
	bool negate = p[1] == '!' || p[1] == '^', hit = false;
	const char *q = p + 1 + negate;
	const char *first = q;

	for (; *q && (*q != ']' || q == first); q++) {
		if (q[1] == '-' && q[2] && q[2] != ']') {
			hit |= c >= (unsigned char)q[0] && c <= (unsigned char)q[2];
			q += 2;
		} else {
			hit |= c == (unsigned char)*q;
		}
	}
	if (*q != ']') {
		*end = p + 1;
		return c == '[';
	}
	*end = q + 1;
	return hit != negate;
}

/* One pattern element against one character of text. */
static bool match_one(const char *p, char c, const char **end)
{
	if (*p == '?') {
		*end = p + 1;
		return true;
	}
	if (*p == '[')
		return match_set(p, (unsigned char)c, end);
	if (*p == '\\' && p[1])
		p++;
	*end = p + 1;
	return *p == c;
}

bool glob_match(const char *pattern, const char *text)
{
	const char *star = NULL, *retry = NULL, *end;

	while (*text) {
		if (*pattern == '*') {
			star = ++pattern;
			retry = text;
		} else if (*pattern && match_one(pattern, *text, &end)) {
			pattern = end;
			text++;
		} else if (star) {
			/* Only the last star needs to be retried. */
			pattern = star;
			text = ++retry;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

bool glob_has_magic(const char *text)
{
	return strpbrk(text, "*?[\\") != NULL;
}

struct demangle_out {
	char *buf;
	size_t size, len;
	jmp_buf full;
};

static void demangle_piece(const char *piece, size_t len, void *ctx)
{
	struct demangle_out *out = ctx;

	if (len >= out->size - out->len)
		longjmp(out->full, 1);
	memcpy(out->buf + out->len, piece, len);
	out->len += len;
	out->buf[out->len] = '\0';
}

/* False: not a mangled name, or one that is not worth the trouble. */
static bool demangle(const char *name, int options, char *buf, size_t size)
{
	struct demangle_out out;

	if (name[0] != '_' || name[1] != 'Z' || strnlen(name, MANGLED_MAX) == MANGLED_MAX)
		return false;
	out.buf = buf;
	out.size = size;
	out.len = 0;
	buf[0] = '\0';
	/* The callback interface allocates nothing, so that leaving it half-way leaks nothing. */
	if (setjmp(out.full))
		return false;
	return cplus_demangle_v3_callback(name, options, demangle_piece, &out) != 0;
}

bool symbol_demangle(const char *name, char *buf, size_t size)
{
	if (demangle(name, DMGL_PARAMS | DMGL_ANSI, buf, size))
		return true;
	snprintf(buf, size, "%s", name);
	return false;
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/*
 * A function's own name stands literally in its mangled form (only operators do not): the last
 * word of the qualified name saves demangling the whole library.
 */
static void find_needle(struct name_pattern *pattern)
{
	size_t len = strcspn(pattern->text, "(<"), start;

	while (len > 0 && !is_word(pattern->text[len - 1]))
		len--;
	for (start = len; start > 0 && is_word(pattern->text[start - 1]); start--)
		;
	if (len - start < 3 || len - start >= sizeof(pattern->needle))
		return;
	/* Behind a word may stand a glob or nothing; an operator is coded by two letters. */
	if (strstr(pattern->text, "operator") || strpbrk(pattern->text, "[\\?"))
		return;
	memcpy(pattern->needle, pattern->text + start, len - start);
	pattern->needle[len - start] = '\0';
}

void name_pattern_init(struct name_pattern *pattern, const char *text)
{
	memset(pattern, 0, sizeof(*pattern));
	pattern->text = text;
	pattern->demangle_left = DEMANGLE_ALL;
	pattern->magic = glob_has_magic(text);
	pattern->with_params = strchr(text, '(') != NULL;
	find_needle(pattern);
}

static bool text_matches(const struct name_pattern *pattern, const char *text)
{
	if (strcmp(pattern->text, text) == 0)
		return true;
	return pattern->magic && glob_match(pattern->text, text);
}

bool name_pattern_matches(struct name_pattern *pattern, const char *name)
{
	char buf[SYMBOL_DEMANGLED_MAX];
	size_t len;

	if (text_matches(pattern, name))
		return true;
	if (name[0] != '_' || name[1] != 'Z')
		return false;
	if (pattern->needle[0] && !strstr(name, pattern->needle))
		return false;
	len = strlen(name);
	if (len > pattern->demangle_left)
		return false;
	pattern->demangle_left -= len;
	if (!pattern->with_params && demangle(name, DMGL_ANSI, buf, sizeof(buf)) &&
	    text_matches(pattern, buf))
		return true;
	return demangle(name, DMGL_PARAMS | DMGL_ANSI, buf, sizeof(buf)) &&
	       text_matches(pattern, buf);
}

size_t name_distance(const char *a, const char *b, size_t limit)
{
	size_t la = strnlen(a, DISTANCE_MAX + 1), lb = strnlen(b, DISTANCE_MAX + 1);
	size_t row[DISTANCE_MAX + 1], i, j, diagonal, above, best;

	if (la > DISTANCE_MAX || lb > DISTANCE_MAX)
		return limit + 1;
	if ((la > lb ? la - lb : lb - la) > limit)
		return limit + 1;
	for (j = 0; j <= lb; j++)
		row[j] = j;
	for (i = 1; i <= la; i++) {
		diagonal = row[0];
		best = row[0] = i;
		for (j = 1; j <= lb; j++) {
			above = row[j];
			row[j] = diagonal + (tolower((unsigned char)a[i - 1]) !=
					     tolower((unsigned char)b[j - 1]));
			if (above + 1 < row[j])
				row[j] = above + 1;
			if (row[j - 1] + 1 < row[j])
				row[j] = row[j - 1] + 1;
			diagonal = above;
			if (row[j] < best)
				best = row[j];
		}
		if (best > limit)
			return limit + 1;
	}
	return row[lb];
}
