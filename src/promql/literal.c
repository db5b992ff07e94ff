/* SPDX-License-Identifier: GPL-2.0-only */
#include "promql/literal.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "memory/arena.h"
#include "promql/rune.h"

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 16;
}

/* A whole number that fits 63 bits, hexadecimal after 0x, octal after 0. */
static bool read_integer(const char *text, int64_t *value)
{
	int base = 10;

	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		base = 16;
		text += 2;
		if (!*text)
			return false;
	} else if (text[0] == '0') {
		base = 8;
	}
	*value = 0;
	for (; *text; text++) {
		int digit = digit_value(*text);

		if (digit >= base || __builtin_mul_overflow(*value, base, value) ||
		    __builtin_add_overflow(*value, digit, value))
			return false;
	}
	return true;
}

/* Digits with a point and an exponent, which must have digits: what strtod takes is more. */
static bool is_decimal(const char *text)
{
	size_t whole = strspn(text, "0123456789"), fraction = 0;

	text += whole;
	if (*text == '.') {
		fraction = strspn(text + 1, "0123456789");
		text += 1 + fraction;
	}
	if (whole + fraction == 0)
		return false;
	if (*text == 'e' || *text == 'E') {
		text++;
		text += *text == '+' || *text == '-';
		if (!*text)
			return false;
		text += strspn(text, "0123456789");
	}
	return *text == '\0';
}

int literal_number(struct arena *arena, const char *text, size_t len, double *value)
{
	char *copy = arena__strndup(arena, text, len);
	int64_t integer;

	if (!copy)
		return -ENOMEM;
	if (!strcasecmp(copy, "inf")) {
		*value = INFINITY;
	} else if (!strcasecmp(copy, "nan")) {
		*value = NAN;
	} else if (read_integer(copy, &integer)) {
		*value = (double)integer;
	} else {
		if (!is_decimal(copy))
			return -EINVAL;
		*value = strtod(copy, NULL);
		if (isinf(*value))
			return -ERANGE;
	}
	return 0;
}

/* The character of an escape at text[1 ..]; returns the bytes that it took, backslash included. */
static size_t read_escape(const char *text, uint32_t *code, bool *is_byte)
{
	static const char names[] = "abfnrtv", values[] = "\a\b\f\n\r\t\v";
	const char *name = strchr(names, text[1]);
	size_t digits = text[1] == 'x' ? 2 : text[1] == 'u' ? 4 : 8;
	size_t from = 2;
	uint32_t base = 16;

	*is_byte = text[1] != 'u' && text[1] != 'U';
	*code = 0;
	if (name) {
		*code = (unsigned char)values[name - names];
		return 2;
	}
	if (text[1] >= '0' && text[1] <= '7') {
		digits = 3;
		from = 1;
		base = 8;
	} else if (*is_byte && text[1] != 'x') {
		*code = (unsigned char)text[1];
		return 2;
	}
	for (size_t i = 0; i < digits; i++)
		*code = *code * base + (uint32_t)digit_value(text[from + i]);
	return from + digits;
}

int literal_string(struct arena *arena, const char *text, size_t len, const char **value)
{
	bool raw = text[0] == '`', is_byte;
	char *out = arena__alloc(arena, len); /* no escape is shorter than what it stands for */
	size_t n = 0;
	uint32_t code;

	if (!out)
		return -ENOMEM;
	*value = out;
	for (size_t at = 1; at < len - 1;) {
		if (raw || text[at] != '\\') {
			out[n++] = text[at++];
		} else {
			at += read_escape(text + at, &code, &is_byte);
			if (is_byte)
				out[n++] = (char)code;
			else
				n += rune_encode(code, out + n);
		}
		if (out[n - 1] == '\0')
			return -EINVAL;
	}
	return 0;
}
