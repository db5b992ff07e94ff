/* SPDX-License-Identifier: GPL-2.0-only */
#include "log/escape.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Bytes of the valid UTF-8 character at s, which *cp gets; 0 where there is none. */
static size_t utf8_decode(const unsigned char *s, size_t len, uint32_t *cp)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t i, n;
	uint32_t c;

	if (s[0] < 0x80) {
		*cp = s[0];
		return 1;
	}
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		n = 2;
	else if ((s[0] & 0xf0) == 0xe0)
		n = 3;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		n = 4;
	else
		return 0;
	if (n > len)
		return 0;
	c = s[0] & (0x7fu >> n);
	for (i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < smallest[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*cp = c;
	return n;
}

/*
 * Characters above ASCII that a terminal or an eye misreads: C1 controls (0x9b is CSI), soft
 * hyphen, zero-width and directional marks, line separators, tags and other invisibles.
 */
static bool is_treacherous(uint32_t cp)
{
	return (cp >= 0x80 && cp <= 0x9f) || cp == 0xad || cp == 0x61c || cp == 0x180e ||
	       (cp >= 0x200b && cp <= 0x200f) || (cp >= 0x2028 && cp <= 0x202e) ||
	       (cp >= 0x2060 && cp <= 0x206f) || cp == 0xfeff || (cp >= 0xfff9 && cp <= 0xfffb) ||
	       (cp >= 0xfffe && cp <= 0xffff) || (cp >= 0xe0000 && cp <= 0xe0fff);
}

static int escape_ascii(enum escape_style style, char *out, size_t size, unsigned char c)
{
	if (c == '\n')
		return snprintf(out, size, "\\n");
	if (c == '\t')
		return snprintf(out, size, "\\t");
	if (c == '\r')
		return snprintf(out, size, "\\r");
	if (c < 0x20 || c == 0x7f)
		return snprintf(out, size, style == ESCAPE_JSON ? "\\u%04x" : "\\x%02x", c);
	if (c == '\\' && style != ESCAPE_LINE)
		return snprintf(out, size, "\\\\");
	if (c == '"' && style == ESCAPE_JSON)
		return snprintf(out, size, "\\\"");
	return snprintf(out, size, "%c", c);
}

/* \uNNNN; above 0xffff JSON wants a surrogate pair, text gets \UNNNNNNNN. */
static int escape_code_point(enum escape_style style, char *out, size_t size, uint32_t cp)
{
	if (cp <= 0xffff)
		return snprintf(out, size, "\\u%04x", cp);
	if (style == ESCAPE_JSON)
		return snprintf(out, size, "\\u%04x\\u%04x", 0xd800 + ((cp - 0x10000) >> 10),
				0xdc00 + ((cp - 0x10000) & 0x3ff));
	return snprintf(out, size, "\\U%08x", cp);
}

/* Escapes the one character at s into out; *used gets its length in the source. */
static size_t escape_one(enum escape_style style, char *out, size_t size, const unsigned char *s,
			 size_t len, size_t *used)
{
	uint32_t cp = 0;
	size_t n;

	n = utf8_decode(s, len, &cp);
	*used = n ? n : 1;
	if (!n)
		return (size_t)(style == ESCAPE_JSON ? snprintf(out, size, "\\ufffd")
						     : snprintf(out, size, "\\x%02x", s[0]));
	if (cp < 0x80)
		return (size_t)escape_ascii(style, out, size, s[0]);
	if (is_treacherous(cp))
		return (size_t)escape_code_point(style, out, size, cp);
	memcpy(out, s, n);
	return n;
}

size_t escape_bytes(enum escape_style style, char *dst, size_t size, const char *src, size_t len,
		    size_t max)
{
	static const char dots[] = "...";
	const unsigned char *s = (const unsigned char *)src;
	size_t out = 0, cut = 0, in = 0, used, n;
	bool too_long = max && len > max;
	size_t limit = too_long ? max : len;
	char one[16];

	if (!size)
		return 0;
	while (in < limit) {
		n = escape_one(style, one, sizeof(one), s + in, len - in, &used);
		/* A character that straddles the limit is left out whole. */
		if (out + n >= size || in + used > limit) {
			too_long = true;
			break;
		}
		memcpy(dst + out, one, n);
		out += n;
		in += used;
		/* The last place where the dots would still fit. */
		if (out + sizeof(dots) <= size)
			cut = out;
	}
	if (too_long) {
		n = size - 1 < 3 ? size - 1 : 3;
		memcpy(dst + cut, dots, n);
		out = cut + n;
	}
	dst[out] = '\0';
	return out;
}

size_t escape_name(enum escape_style style, char *dst, size_t size, const char *src)
{
	/* One byte more than is shown tells whether there was more. */
	size_t len = src ? strnlen(src, ESCAPE_NAME_MAX + 1) : 0;

	return escape_bytes(style, dst, size, src ? src : "", len, ESCAPE_NAME_MAX);
}

size_t escape_columns(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}
