/* SPDX-License-Identifier: GPL-2.0-only */
#include "rulefile/series_desc.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "promql/ast.h"
#include "promql/labels.h"
#include "promql/store.h"
#include "rulefile/alert_set.h"
#include "log/strbuf.h"

#define OWN_LABEL   "__series_desc__"
#define OWN_MATCHER OWN_LABEL "=\"x\","

static int __attribute__((format(printf, 3, 4)))
refuse(struct series_error *error, size_t at, const char *fmt, ...)
{
	va_list args;

	error->at = at;
	va_start(args, fmt);
	vsnprintf(error->message, sizeof(error->message), fmt, args);
	va_end(args);
	return -EINVAL;
}

/* The matchers of a selector as labels. */
static int labels_of(const struct promql_node *node, struct label **out, size_t *n,
		     struct series_error *error)
{
	struct label label[PROMQL_MATCHERS_MAX + 1];
	size_t k = 0;

	if (node->kind != PROMQL_SELECTOR || node->range_ms || node->offset_ms)
		return refuse(error, 0, "expected a metric, such as name{label=\"value\"}");
	for (size_t i = 0; i < node->matchers_n && k <= PROMQL_MATCHERS_MAX; i++) {
		const struct promql_matcher *m = &node->matchers[i];

		if (m->op != PROMQL_MATCH_EQ)
			return refuse(error, 0, "expected label=\"value\" only");
		for (size_t b = 0; b < k; b++)
			if (!strcmp(label[b].name, m->name))
				return refuse(error, 0, "label \"%.60s\" is there twice", m->name);
		if (!strcmp(m->name, OWN_LABEL))
			continue;
		label[k++] = (struct label){m->name, m->value};
	}
	*n = label_list_settle(label, k);
	*out = label_list_copy(label, *n);
	return *out ? 0 : -ENOMEM;
}

/*
 * A metric is what a selector without operators is, but `{}` is one too: a label of our own goes
 * into the braces, which is then left out.  No text at all means the same.
 */
int series_labels_parse(const char *text, size_t len, struct label **out, size_t *n,
			struct series_error *error)
{
	const size_t added = strlen(OWN_MATCHER);
	size_t brace = strcspn(text, "{") + 1;
	struct promql_error why = {0};
	struct promql_expr *expr;
	struct strbuf written = {0};
	int err;

	*out = NULL;
	*n = 0;
	if (!len) {
		*out = label_list_copy(NULL, 0);
		return *out ? 0 : -ENOMEM;
	}
	brace = brace < len ? brace : len;
	strbuf_add(&written, text, brace);
	if (brace < len)
		strbuf_puts(&written, OWN_MATCHER);
	strbuf_add(&written, text + brace, len - brace);
	err = written.failed ? -ENOMEM : promql_parse(written.data, written.len, &expr, &why);
	strbuf_free(&written);
	if (err == -EINVAL)
		return refuse(error, why.at >= brace + added ? why.at - added : why.at, "%s",
			      why.message);
	if (err)
		return err;
	err = labels_of(expr->root, out, n, error);
	promql_free(expr);
	return err;
}

/* Where the metric ends: behind the closing brace, or at the first space. */
static size_t metric_length(const char *text, size_t len)
{
	size_t i = strcspn(text, "{ \t");
	char quote = 0;

	if (i >= len || text[i] != '{')
		return i < len ? i : len;
	for (; i < len; i++) {
		if (quote && text[i] == '\\' && quote != '`')
			i++;
		else if (quote)
			quote = text[i] == quote ? 0 : quote;
		else if (strchr("\"'`", text[i]))
			quote = text[i];
		else if (text[i] == '}')
			return i + 1;
	}
	return len;
}

struct scan {
	const char *text;
	size_t at, len;
	struct series_desc *out;
	struct series_error *error;
};

static int add(struct scan *s, struct series_value value)
{
	struct series_desc *out = s->out;
	size_t room = out->room ? out->room * 2 : 16;
	struct series_value *grown;

	if (out->n == SERIES_VALUES_MAX)
		return refuse(s->error, s->at, "more than %d values", SERIES_VALUES_MAX);
	if (out->n == out->room) {
		grown = reallocarray(out->value, room, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		out->value = grown;
		out->room = room;
	}
	out->value[out->n++] = value;
	return 0;
}

static char peek(const struct scan *s)
{
	return s->at < s->len ? s->text[s->at] : '\0';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* Digits with a fraction and an exponent; copied to `number` (a longer one is refused). */
static int scan_digits(struct scan *s, char *number, size_t size)
{
	size_t start = s->at, n;
	bool digits = false;

	for (; is_digit(peek(s)); s->at++)
		digits = true;
	if (peek(s) == '.')
		for (s->at++; is_digit(peek(s)); s->at++)
			digits = true;
	if (digits && (peek(s) == 'e' || peek(s) == 'E')) {
		s->at++;
		if (peek(s) == '+' || peek(s) == '-')
			s->at++;
		digits = is_digit(peek(s));
		while (is_digit(peek(s)))
			s->at++;
	}
	n = s->at - start;
	if (!digits || n >= size || (peek(s) != 'x' && is_letter(peek(s))))
		return refuse(s->error, start, "bad number or duration syntax");
	memcpy(number, s->text + start, n);
	number[n] = '\0';
	return 0;
}

/* As Prometheus reads numbers: an integer with a leading zero is octal if it can be. */
static int scan_number(struct scan *s, double *out)
{
	size_t start = s->at, n = strspn(s->text + s->at, "INFAinfa");
	char number[400], *end;
	long long integer;
	int err;

	if (n == 3 && !is_letter(s->text[s->at + 3]) && !is_digit(s->text[s->at + 3]) &&
	    (!strncasecmp(s->text + s->at, "inf", 3) || !strncasecmp(s->text + s->at, "nan", 3))) {
		*out = strtod(strncasecmp(s->text + s->at, "inf", 3) ? "nan" : "inf", NULL);
		s->at += 3;
		return 0;
	}
	err = scan_digits(s, number, sizeof(number));
	if (err)
		return err;
	errno = 0;
	integer = strtoll(number, &end, 0);
	if (!*end && !errno) {
		*out = (double)integer;
		return 0;
	}
	*out = strtod(number, &end);
	return *end || isinf(*out) ? refuse(s->error, start, "bad number") : 0;
}

/* [+-]number; *sign tells whether a sign was there. */
static int scan_signed(struct scan *s, double *out, bool *sign)
{
	char c = peek(s);
	int err;

	*sign = c == '+' || c == '-';
	if (*sign)
		s->at++;
	err = scan_number(s, out);
	if (!err && c == '-')
		*out = -*out;
	return err;
}

/* xN; *count is left alone where there is no x. */
static int scan_times(struct scan *s, unsigned long *count, bool *given)
{
	size_t start;

	*given = peek(s) == 'x';
	if (!*given)
		return 0;
	start = ++s->at;
	*count = 0;
	for (; is_digit(peek(s)); s->at++)
		if (*count <= SERIES_VALUES_MAX)
			*count = *count * 10 + (unsigned long)(peek(s) - '0');
	if (s->at == start)
		return refuse(s->error, start, "expected a whole number behind x");
	if (*count > SERIES_VALUES_MAX)
		return refuse(s->error, start, "more than %d values", SERIES_VALUES_MAX);
	return 0;
}

static int scan_blank(struct scan *s)
{
	unsigned long count = 1;
	bool given;
	int err;

	s->at++;
	err = scan_times(s, &count, &given);
	for (unsigned long i = 0; i < count && !err; i++)
		err = add(s, (struct series_value){.omitted = true});
	return err;
}

static int scan_value(struct scan *s)
{
	double value, increment = 0;
	unsigned long count = 0;
	bool sign, given, stepped = false;
	int err;

	if (!strncmp(s->text + s->at, "stale", 5) && !is_letter(s->text[s->at + 5]) &&
	    !is_digit(s->text[s->at + 5])) {
		s->at += 5;
		value = store_stale_value();
		err = 0;
	} else {
		err = scan_signed(s, &value, &sign);
	}
	if (!err && (peek(s) == '+' || peek(s) == '-')) {
		stepped = true;
		err = scan_signed(s, &increment, &sign);
	}
	if (!err)
		err = scan_times(s, &count, &given);
	if (!err && stepped && !given)
		err = refuse(s->error, s->at, "expected xN behind the increment");
	for (unsigned long i = 0; i <= count && !err; i++, value += increment)
		err = add(s, (struct series_value){.value = value});
	return err;
}

static int scan_values(struct scan *s)
{
	size_t spaces;
	int err = 0;

	while (s->at < s->len && !err) {
		spaces = strspn(s->text + s->at, " \t");
		if (!spaces)
			return refuse(s->error, s->at,
				      "unexpected character in series sequence: '%c'",
				      (unsigned char)peek(s) < 0x80 ? peek(s) : '?');
		s->at += spaces;
		if (s->at >= s->len)
			break;
		err = peek(s) == '_' ? scan_blank(s) : scan_value(s);
	}
	return err;
}

int series_desc_parse(const char *text, size_t len, struct series_desc *out,
		      struct series_error *error)
{
	char *copy = strndup(text, len);
	struct scan s = {.text = copy, .len = len, .out = out, .error = error};
	int err = copy ? 0 : -ENOMEM;

	*out = (struct series_desc){0};
	if (!err && strlen(copy) != len)
		err = refuse(error, strlen(copy), "unexpected character in series sequence");
	if (!err) {
		s.at = metric_length(copy, len);
		err = series_labels_parse(copy, s.at, &out->label, &out->labels_n, error);
	}
	if (!err)
		err = scan_values(&s);
	free(copy);
	if (err)
		series_desc_free(out);
	return err;
}

void series_desc_free(struct series_desc *desc)
{
	free(desc->label);
	free(desc->value);
	*desc = (struct series_desc){0};
}
