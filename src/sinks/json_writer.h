/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * json_writer.h - writes strict JSON (RFC 8259): every string escaped, numbers finite or null,
 * shortest text that reads back as the same double.  No trees, no allocation but the buffer's.
 */
#ifndef CHESHIRE_SINKS_JSON_WRITER_H
#define CHESHIRE_SINKS_JSON_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "log/strbuf.h"

struct json_writer {
	struct strbuf *out;
	bool comma; /* something stands before in this object or array */
};

/* `key` is NULL in arrays and for the outermost object. */
void json_begin(struct json_writer *w, const char *key, char bracket); /* '{' or '[' */
void json_end(struct json_writer *w, char bracket);		       /* '}' or ']' */
/* NULL is null; at most ESCAPE_NAME_MAX bytes of it. */
void json_name(struct json_writer *w, const char *key, const char *name);
/* A sentence: longer than a name. */
void json_sentence(struct json_writer *w, const char *key, const char *text);
void json_int(struct json_writer *w, const char *key, int64_t value);
void json_uint(struct json_writer *w, const char *key, uint64_t value);
/* Not finite: null.  Whole numbers have no fraction. */
void json_number(struct json_writer *w, const char *key, double value);
void json_bool(struct json_writer *w, const char *key, bool value);

#endif /* CHESHIRE_SINKS_JSON_WRITER_H */
