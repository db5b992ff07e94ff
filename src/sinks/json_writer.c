/* SPDX-License-Identifier: GPL-2.0-only */
#include "sinks/json_writer.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SENTENCE_MAX 4096

static void json_key(struct json_writer *w, const char *key)
{
	if (w->comma)
		strbuf_puts(w->out, ",");
	w->comma = true;
	if (!key)
		return;
	strbuf_puts(w->out, "\"");
	strbuf_escaped(w->out, ESCAPE_JSON, key, ESCAPE_NAME_MAX);
	strbuf_puts(w->out, "\":");
}

void json_begin(struct json_writer *w, const char *key, char bracket)
{
	json_key(w, key);
	strbuf_add(w->out, &bracket, 1);
	w->comma = false;
}

void json_end(struct json_writer *w, char bracket)
{
	strbuf_add(w->out, &bracket, 1);
	w->comma = true;
}

static void json_string(struct json_writer *w, const char *key, const char *text, size_t max)
{
	json_key(w, key);
	if (!text) {
		strbuf_puts(w->out, "null");
		return;
	}
	strbuf_puts(w->out, "\"");
	strbuf_escaped(w->out, ESCAPE_JSON, text, max);
	strbuf_puts(w->out, "\"");
}

void json_name(struct json_writer *w, const char *key, const char *name)
{
	json_string(w, key, name, ESCAPE_NAME_MAX);
}

void json_sentence(struct json_writer *w, const char *key, const char *text)
{
	json_string(w, key, text, SENTENCE_MAX);
}

void json_int(struct json_writer *w, const char *key, int64_t value)
{
	json_key(w, key);
	strbuf_printf(w->out, "%" PRId64, value);
}

void json_uint(struct json_writer *w, const char *key, uint64_t value)
{
	json_key(w, key);
	strbuf_printf(w->out, "%" PRIu64, value);
}

void json_number(struct json_writer *w, const char *key, double value)
{
	char text[40], *comma;

	if (!isfinite(value)) {
		json_name(w, key, NULL);
		return;
	}
	if (value == floor(value) && fabs(value) < 9007199254740992.0) {
		json_int(w, key, (int64_t)value);
		return;
	}
	snprintf(text, sizeof(text), "%.15g", value);
	if (strtod(text, NULL) != value)
		snprintf(text, sizeof(text), "%.17g", value);
	/* A locale must not change the language of the output. */
	comma = strchr(text, ',');
	if (comma)
		*comma = '.';
	json_key(w, key);
	strbuf_puts(w->out, text);
}

void json_bool(struct json_writer *w, const char *key, bool value)
{
	json_key(w, key);
	strbuf_puts(w->out, value ? "true" : "false");
}
