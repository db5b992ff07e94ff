/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages about configuration, collected so that everything wrong is said in one go:
 *
 *	alice.yaml:7:14: unknown unit 'sec' (did you mean 's'?)
 *	    stt.latency: { target: 3sec }
 *	                           ^
 */
#include "config/errors.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/utf8.h"
#include "log/escape.h"

#define MESSAGE_MAX   1024
#define SHOWN_COLUMNS 100 /* of an offending line */

struct message {
	char *text;
	const char *file; /* owned by the sources, or NULL */
	int line;
	int column;
	size_t order; /* messages of the same place stay in this order */
};

struct source {
	char *file;
	char *text;
	size_t len;
	struct source *next;
};

struct config_errors {
	struct message *messages;
	size_t n;     /* kept */
	size_t count; /* said */
	struct source *sources;
};

struct config_errors *config_errors__new(void)
{
	return calloc(1, sizeof(struct config_errors));
}

void config_errors__free(struct config_errors *errors)
{
	struct source *next;

	if (!errors)
		return;
	for (size_t i = 0; i < errors->n; i++)
		free(errors->messages[i].text);
	free(errors->messages);
	for (struct source *s = errors->sources; s; s = next) {
		next = s->next;
		free(s->file);
		free(s->text);
		free(s);
	}
	free(errors);
}

static struct source *find_source(const struct config_errors *errors, const char *file)
{
	struct source *s = errors->sources;

	while (s && strcmp(s->file, file))
		s = s->next;
	return s;
}

void config_errors__add_source(struct config_errors *errors, const char *file, const char *text,
			       size_t len)
{
	struct source *s = find_source(errors, file);
	char *copy = malloc(len + 1);

	if (!copy)
		return; /* only the echo of the line is lost */
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (!s) {
		s = calloc(1, sizeof(*s));
		if (s)
			s->file = strdup(file);
		if (!s || !s->file) {
			free(s);
			free(copy);
			return;
		}
		s->next = errors->sources;
		errors->sources = s;
	}
	free(s->text);
	s->text = copy;
	s->len = len;
}

/* Messages may outlive the config that owns pos->file: the name is kept with the sources. */
static const char *keep_file(struct config_errors *errors, const char *file)
{
	struct source *s = find_source(errors, file);

	if (!s) {
		config_errors__add_source(errors, file, "", 0);
		s = find_source(errors, file);
	}
	return s ? s->file : NULL;
}

static int by_place(const void *pa, const void *pb)
{
	const struct message *a = pa, *b = pb;
	int order = strcmp(a->file ? a->file : "", b->file ? b->file : "");

	if (order)
		return order;
	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	if (a->column != b->column)
		return a->column < b->column ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

void config_errors__vadd(struct config_errors *errors, const struct config_pos *pos,
			 const char *fmt, va_list args)
{
	char text[MESSAGE_MAX], escaped[MESSAGE_MAX * ESCAPE_GROWTH];
	struct message *m;

	errors->count++;
	if (errors->n == CONFIG_ERRORS_MAX)
		return;
	m = reallocarray(errors->messages, errors->n + 1, sizeof(*m));
	if (!m)
		return;
	errors->messages = m;
	vsnprintf(text, sizeof(text), fmt, args);
	escape_bytes(ESCAPE_LINE, escaped, sizeof(escaped), text, strlen(text), 0);
	m += errors->n;
	m->text = strdup(escaped);
	if (!m->text)
		return;
	m->file = pos && pos->file ? keep_file(errors, pos->file) : NULL;
	m->line = pos ? pos->line : 0;
	m->column = pos ? pos->column : 0;
	m->order = errors->count;
	errors->n++;
	qsort(errors->messages, errors->n, sizeof(*m), by_place);
}

void config_errors__add(struct config_errors *errors, const struct config_pos *pos, const char *fmt,
			...)
{
	va_list args;

	va_start(args, fmt);
	config_errors__vadd(errors, pos, fmt, args);
	va_end(args);
}

size_t config_errors__count(const struct config_errors *errors)
{
	return errors->count;
}

/* Start and length of a line of text, from 1; NULL when there is none. */
static const char *find_line(const struct source *s, int line, size_t *len)
{
	const char *p = s->text, *end = s->text + s->len, *nl;

	for (int i = 1; p < end; i++, p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		if (!nl)
			nl = end;
		if (i == line) {
			*len = (size_t)(nl - p);
			if (*len && p[*len - 1] == '\r')
				--*len;
			return p;
		}
	}
	return NULL;
}

/* Bytes of the first `columns` characters. */
static size_t bytes_of(const char *text, size_t len, size_t columns)
{
	size_t at = 0, n;

	for (; columns && at < len; columns--) {
		n = utf8_printable(text + at, len - at);
		at += n ? n : 1;
	}
	return at;
}

static void print_line(const struct source *s, const struct message *m, FILE *out)
{
	char spaced[SHOWN_COLUMNS * 4], shown[sizeof(spaced) * ESCAPE_GROWTH];
	size_t len, caret, skip = 0, column = m->column > 0 ? (size_t)m->column - 1 : 0;
	const char *line = find_line(s, m->line, &len);

	if (!line)
		return;
	if (column > SHOWN_COLUMNS / 2 + 20)
		skip = bytes_of(line, len, column - SHOWN_COLUMNS / 2);
	caret = bytes_of(line, len, column) - skip;
	line += skip;
	len = bytes_of(line, len - skip, SHOWN_COLUMNS);
	/* Tabs are shown as wide as they are counted. */
	for (size_t i = 0; i < len; i++)
		spaced[i] = line[i] == '\t' ? ' ' : line[i];
	escape_bytes(ESCAPE_LINE, shown, sizeof(shown), spaced, len, 0);
	fprintf(out, "    %s\n", shown);
	escape_bytes(ESCAPE_LINE, shown, sizeof(shown), spaced, caret < len ? caret : len, 0);
	fprintf(out, "    %*s^\n", (int)escape_columns(shown), "");
}

void config_errors__print(const struct config_errors *errors, FILE *out)
{
	char file[ESCAPE_NAME_MAX * ESCAPE_GROWTH + 1];

	for (size_t i = 0; i < errors->n; i++) {
		const struct message *m = &errors->messages[i];
		const struct source *s = m->file ? find_source(errors, m->file) : NULL;

		if (m->file) {
			escape_name(ESCAPE_TEXT, file, sizeof(file), m->file);
			fprintf(out, m->line ? "%s:%d:%d: " : "%s: ", file, m->line, m->column);
		}
		fprintf(out, "%s\n", m->text);
		if (s && m->line)
			print_line(s, m, out);
	}
	if (errors->count > errors->n)
		fprintf(out, "%zu more\n", errors->count - errors->n);
}
