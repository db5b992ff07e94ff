/* SPDX-License-Identifier: GPL-2.0-only */
#include "log/strbuf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void strbuf_free(struct strbuf *buf)
{
	free(buf->data);
	*buf = (struct strbuf){0};
}

/* Makes room for `more` bytes and a NUL. */
static bool strbuf_reserve(struct strbuf *buf, size_t more)
{
	size_t need = buf->len + more + 1, cap = buf->cap ? buf->cap : 512;
	char *data;

	if (buf->failed || more > STRBUF_MAX_BYTES || need > STRBUF_MAX_BYTES) {
		buf->failed = true;
		return false;
	}
	if (need <= buf->cap)
		return true;
	while (cap < need)
		cap *= 2;
	data = realloc(buf->data, cap);
	if (!data) {
		buf->failed = true;
		return false;
	}
	buf->data = data;
	buf->cap = cap;
	return true;
}

void strbuf_add(struct strbuf *buf, const char *text, size_t len)
{
	if (!strbuf_reserve(buf, len))
		return;
	memcpy(buf->data + buf->len, text, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
}

void strbuf_puts(struct strbuf *buf, const char *text)
{
	strbuf_add(buf, text, strlen(text));
}

void strbuf_printf(struct strbuf *buf, const char *fmt, ...)
{
	va_list args, again;
	int n;

	va_start(args, fmt);
	va_copy(again, args);
	n = vsnprintf(NULL, 0, fmt, args);
	if (n < 0)
		buf->failed = true;
	else if (strbuf_reserve(buf, (size_t)n)) {
		vsnprintf(buf->data + buf->len, (size_t)n + 1, fmt, again);
		buf->len += (size_t)n;
	}
	va_end(again);
	va_end(args);
}

void strbuf_escaped(struct strbuf *buf, enum escape_style style, const char *src, size_t max)
{
	/* One byte more than is shown tells whether there was more. */
	size_t len = src ? strnlen(src, max + 1) : 0;
	size_t size = len * ESCAPE_GROWTH + sizeof("...");

	if (!len || !strbuf_reserve(buf, size))
		return;
	buf->len += escape_bytes(style, buf->data + buf->len, size, src, len, max);
}

void strbuf_pad(struct strbuf *buf, size_t from, size_t columns)
{
	size_t width;

	if (buf->failed)
		return;
	width = buf->len > from ? escape_columns(buf->data + from) : 0;
	for (; width < columns; width++)
		strbuf_add(buf, " ", 1);
}
