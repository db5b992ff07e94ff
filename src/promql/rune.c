/* SPDX-License-Identifier: GPL-2.0-only */
#include "promql/rune.h"

#include <stdbool.h>
#include <string.h>

size_t rune_decode(const char *text, size_t len, uint32_t *code)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *p = (const unsigned char *)text;
	size_t n;

	if (!len)
		return 0;
	*code = p[0];
	if (p[0] < 0x80)
		return 1;
	n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc2 || p[0] > 0xf4 || n > len)
		return 0;
	*code &= 0x7fu >> n;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (p[i] & 0x3f);
	}
	if (*code < smallest[n] || *code > RUNE_MAX || (*code >= 0xd800 && *code <= 0xdfff))
		return 0;
	return n;
}

size_t rune_encode(uint32_t code, char out[RUNE_BYTES_MAX])
{
	size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	static const unsigned char first[] = {0, 0, 0xc0, 0xe0, 0xf0};

	for (size_t i = n; i-- > 1;) {
		out[i] = (char)(0x80 | (code & 0x3f));
		code >>= 6;
	}
	out[0] = (char)(first[n] | code);
	return n;
}

/* Invisible characters and those that change the direction of text are escaped too. */
static bool plain(uint32_t code)
{
	if (code < 0x20 || (code >= 0x7f && code < 0xa0) || code == RUNE_ERROR)
		return false;
	return !(code == 0xad || code == 0x61c || (code >= 0x200b && code <= 0x200f) ||
		 (code >= 0x2028 && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f) ||
		 code == 0xfeff);
}

void rune_quote(const char *text, FILE *out)
{
	size_t len = strlen(text), n;
	uint32_t code;

	putc('"', out);
	for (; len; text += n, len -= n) {
		n = rune_decode(text, len, &code);
		if (n == 0 || code < 0x20 || code == 0x7f) {
			n = 1;
			if (*text == '\n')
				fputs("\\n", out);
			else
				fprintf(out, "\\x%02x", (unsigned char)*text);
		} else if (!plain(code)) {
			fprintf(out, "\\u%04x", code);
		} else {
			if (code == '"' || code == '\\')
				putc('\\', out);
			fwrite(text, 1, n, out);
		}
	}
	putc('"', out);
}
