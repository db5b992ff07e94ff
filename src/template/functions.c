/* SPDX-License-Identifier: GPL-2.0-only */
#include "template/functions.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "memory/arena.h"
#include "log/strbuf.h"
#include "template/template.h"

void expansion_fail(struct expansion *x, const char *fmt, ...)
{
	va_list args;

	if (x->error[0])
		return;
	va_start(args, fmt);
	vsnprintf(x->error, sizeof(x->error), fmt, args);
	va_end(args);
}

void expansion_text(struct expansion *x, struct strbuf *made, struct value *out)
{
	*out = (struct value){.kind = VALUE_STRING, .text = ""};
	if (made->failed || made->len > TEMPLATE_OUT_MAX)
		expansion_fail(x, "the text is too long");
	else if (made->len)
		out->text = arena__strndup(x->arena, made->data, made->len);
	if (!out->text) {
		out->text = "";
		expansion_fail(x, "out of memory");
	}
	strbuf_free(made);
}

/* What only ASCII letters have: other letters stay as they are. */
static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static void call_upper(struct expansion *x, const struct value *args, size_t n, struct value *out)
{
	struct strbuf made = {0};

	(void)n;
	strbuf_puts(&made, args->text);
	for (size_t i = 0; i < made.len; i++)
		if (is_lower(made.data[i]))
			made.data[i] = (char)(made.data[i] - 'a' + 'A');
	expansion_text(x, &made, out);
}

static void call_lower(struct expansion *x, const struct value *args, size_t n, struct value *out)
{
	struct strbuf made = {0};

	(void)n;
	strbuf_puts(&made, args->text);
	for (size_t i = 0; i < made.len; i++)
		if (is_upper(made.data[i]))
			made.data[i] = (char)(made.data[i] - 'A' + 'a');
	expansion_text(x, &made, out);
}

/* Words begin behind what is no letter, digit or underscore. */
static void call_title(struct expansion *x, const struct value *args, size_t n, struct value *out)
{
	struct strbuf made = {0};
	bool inside = false;

	(void)n;
	strbuf_puts(&made, args->text);
	for (size_t i = 0; i < made.len; i++) {
		char c = made.data[i];

		if (!inside && is_lower(c))
			made.data[i] = (char)(c - 'a' + 'A');
		inside = is_lower(c) || is_upper(c) || (c >= '0' && c <= '9') || c == '_' ||
			 (unsigned char)c >= 0x80;
	}
	expansion_text(x, &made, out);
}

static void call_printf(struct expansion *x, const struct value *args, size_t n, struct value *out)
{
	struct strbuf made = {0};

	value_printf(args->text, args + 1, n - 1, &made);
	expansion_text(x, &made, out);
}

/* A space between two arguments that are both no strings. */
static void call_print(struct expansion *x, const struct value *args, size_t n, struct value *out)
{
	struct strbuf made = {0};

	for (size_t i = 0; i < n; i++) {
		if (i && args[i].kind != VALUE_STRING && args[i - 1].kind != VALUE_STRING)
			strbuf_puts(&made, " ");
		value_print(&args[i], &made);
	}
	expansion_text(x, &made, out);
}

static void call_println(struct expansion *x, const struct value *args, size_t n, struct value *out)
{
	struct strbuf made = {0};

	for (size_t i = 0; i < n; i++) {
		if (i)
			strbuf_puts(&made, " ");
		value_print(&args[i], &made);
	}
	strbuf_puts(&made, "\n");
	expansion_text(x, &made, out);
}

static void call_len(struct expansion *x, const struct value *args, size_t n, struct value *out)
{
	size_t len = args->kind == VALUE_STRING ? strlen(args->text) : args->labels_n;

	(void)x;
	(void)n;
	*out = (struct value){.kind = VALUE_INT, .integer = (int64_t)len};
}

static void call_index(struct expansion *x, const struct value *args, size_t n, struct value *out)
{
	(void)x;
	(void)n;
	*out = (struct value){.kind = VALUE_STRING, .text = value_label(&args[0], args[1].text)};
}

static void call_and(struct expansion *x, const struct value *args, size_t n, struct value *out)
{
	(void)x;
	*out = args[n - 1];
	for (size_t i = n; i-- > 0;)
		if (!value_truth(&args[i]))
			*out = args[i];
}

static void call_or(struct expansion *x, const struct value *args, size_t n, struct value *out)
{
	(void)x;
	*out = args[n - 1];
	for (size_t i = n; i-- > 0;)
		if (value_truth(&args[i]))
			*out = args[i];
}

static void call_not(struct expansion *x, const struct value *args, size_t n, struct value *out)
{
	(void)x;
	(void)n;
	*out = (struct value){.kind = VALUE_BOOL, .truth = !value_truth(args)};
}

static const struct template_function functions[] = {
	{"humanize", 1, 1, {ARGUMENT_NUMBER}, VALUE_STRING, template_humanize},
	{"humanize1024", 1, 1, {ARGUMENT_NUMBER}, VALUE_STRING, template_humanize1024},
	{"humanizeDuration", 1, 1, {ARGUMENT_NUMBER}, VALUE_STRING, template_humanize_duration},
	{"humanizePercentage", 1, 1, {ARGUMENT_NUMBER}, VALUE_STRING, template_humanize_percentage},
	{"humanizeTimestamp", 1, 1, {ARGUMENT_NUMBER}, VALUE_STRING, template_humanize_timestamp},
	{"parseDuration", 1, 1, {ARGUMENT_STRING}, VALUE_FLOAT, template_parse_duration},
	{"toUpper", 1, 1, {ARGUMENT_STRING}, VALUE_STRING, call_upper},
	{"toLower", 1, 1, {ARGUMENT_STRING}, VALUE_STRING, call_lower},
	{"title", 1, 1, {ARGUMENT_STRING}, VALUE_STRING, call_title},
	{"printf", 1, CALL_ARGS_MAX, {ARGUMENT_STRING, ARGUMENT_ANY}, VALUE_STRING, call_printf},
	{"print", 0, CALL_ARGS_MAX, {ARGUMENT_ANY}, VALUE_STRING, call_print},
	{"println", 0, CALL_ARGS_MAX, {ARGUMENT_ANY}, VALUE_STRING, call_println},
	{"len", 1, 1, {ARGUMENT_SIZED}, VALUE_INT, call_len},
	{"index", 2, 2, {ARGUMENT_LABELS, ARGUMENT_STRING}, VALUE_STRING, call_index},
	{"and", 1, CALL_ARGS_MAX, {ARGUMENT_ANY}, 0, call_and},
	{"or", 1, CALL_ARGS_MAX, {ARGUMENT_ANY}, 0, call_or},
	{"not", 1, 1, {ARGUMENT_ANY}, VALUE_BOOL, call_not},
	{"eq", 2, CALL_ARGS_MAX, {ARGUMENT_BASIC, ARGUMENT_BASIC}, VALUE_BOOL, template_eq},
	{"ne", 2, 2, {ARGUMENT_BASIC, ARGUMENT_BASIC}, VALUE_BOOL, template_ne},
	{"lt", 2, 2, {ARGUMENT_BASIC, ARGUMENT_BASIC}, VALUE_BOOL, template_lt},
	{"le", 2, 2, {ARGUMENT_BASIC, ARGUMENT_BASIC}, VALUE_BOOL, template_le},
	{"gt", 2, 2, {ARGUMENT_BASIC, ARGUMENT_BASIC}, VALUE_BOOL, template_gt},
	{"ge", 2, 2, {ARGUMENT_BASIC, ARGUMENT_BASIC}, VALUE_BOOL, template_ge},
};

static const char *const elsewhere[] = {
	"query",     "first",	    "label",	    "value",	  "strvalue",	 "args",
	"safeHtml",  "match",	    "reReplaceAll", "graphLink",  "tableLink",	 "sortByLabel",
	"stripPort", "stripDomain", "toTime",	    "pathPrefix", "externalURL", "call",
	"html",	     "js",	    "slice",	    "urlquery",
};

static bool same(const char *name, const char *text, size_t len)
{
	return strlen(name) == len && !memcmp(name, text, len);
}

const struct template_function *template_function(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		if (same(functions[i].name, name, len))
			return &functions[i];
	return NULL;
}

bool template_knows(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++)
		if (same(elsewhere[i], name, len))
			return true;
	return false;
}

bool template_accepts(const struct template_function *function, size_t i, enum value_kind type)
{
	/* Of lists that go on, the second kind goes on. */
	enum argument wanted = function->args[i > 1 ? 1 : i];

	if (!type)
		return true;
	switch (wanted) {
	case ARGUMENT_ANY:
		return true;
	case ARGUMENT_STRING:
		return type == VALUE_STRING;
	case ARGUMENT_NUMBER:
		return type == VALUE_FLOAT || type == VALUE_INT || type == VALUE_STRING;
	case ARGUMENT_LABELS:
		return type == VALUE_LABELS;
	case ARGUMENT_SIZED:
		return type == VALUE_STRING || type == VALUE_LABELS;
	case ARGUMENT_BASIC:
		return type != VALUE_LABELS && type != VALUE_DOT;
	}
	return false;
}
