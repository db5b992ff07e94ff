/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * strbuf.h - a growing, bounded text buffer.  The first failure (no memory, too long) is
 * remembered and everything after it ignored, so that writers check once, at the end.
 */
#ifndef CHESHIRE_LOG_STRBUF_H
#define CHESHIRE_LOG_STRBUF_H

#include <stdbool.h>
#include <stddef.h>

#include "log/escape.h"

#define STRBUF_MAX_BYTES (1024 * 1024)

struct strbuf {
	char *data; /* NUL-terminated when len > 0 */
	size_t len;
	size_t cap;
	bool failed;
};

void strbuf_free(struct strbuf *buf);
void strbuf_add(struct strbuf *buf, const char *text, size_t len);
void strbuf_puts(struct strbuf *buf, const char *text);
void strbuf_printf(struct strbuf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Adds at most `max` bytes of an untrusted string, escaped; NULL is "". */
void strbuf_escaped(struct strbuf *buf, enum escape_style style, const char *src, size_t max);
/* Spaces until the text since offset `from` is `columns` wide. */
void strbuf_pad(struct strbuf *buf, size_t from, size_t columns);

#endif /* CHESHIRE_LOG_STRBUF_H */
