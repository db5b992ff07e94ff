/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Go's fmt.Sprintf for the values of templates.  Not there: argument indexes and `*`, which are
 * taken for verbs that nothing fits.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log/strbuf.h"
#include "template/value.h"

#define WIDTH_MAX  200
#define DIGITS_MAX 60 /* of a precision */

struct spec {
	bool minus, plus, space, zero;
	int width;     /* 0: none */
	int precision; /* negative: none */
	const char *verb;
	int verb_bytes;
};

static int parse_number(const char **p, int max)
{
	int n = 0;

	for (; **p >= '0' && **p <= '9'; (*p)++)
		if (n <= max)
			n = n * 10 + (**p - '0');
	return n > max ? max : n;
}

static const char *parse_spec(const char *p, struct spec *s)
{
	*s = (struct spec){.precision = -1};
	for (; *p && strchr("-+ 0#", *p); p++) {
		s->minus |= *p == '-';
		s->plus |= *p == '+';
		s->space |= *p == ' ';
		s->zero |= *p == '0';
	}
	s->zero &= !s->minus;
	s->width = parse_number(&p, WIDTH_MAX);
	if (*p == '.') {
		p++;
		s->precision = parse_number(&p, DIGITS_MAX);
	}
	s->verb = p;
	s->verb_bytes = *p != '\0';
	while (*p && ((unsigned char)p[s->verb_bytes] & 0xc0) == 0x80)
		s->verb_bytes++;
	if (*p == 'v')
		s->plus = false; /* %+v is about names of fields */
	return p + s->verb_bytes;
}

static size_t characters(const char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)text[i] & 0xc0) != 0x80;
	return n;
}

static void pad(const struct spec *s, const char *text, size_t len, struct strbuf *out)
{
	size_t have = characters(text, len), width = (size_t)s->width;

	for (size_t i = have; i < width && !s->minus; i++)
		strbuf_puts(out, s->zero ? "0" : " ");
	strbuf_add(out, text, len);
	for (size_t i = have; i < width && s->minus; i++)
		strbuf_puts(out, " ");
}

/* `text` is a number: zeros go between its sign and its digits. */
static void pad_number(const struct spec *s, const char *text, struct strbuf *out)
{
	struct spec digits = *s;
	bool sign = text[0] == '-' || text[0] == '+' || text[0] == ' ';

	if (s->zero && sign && s->width > 1) {
		strbuf_add(out, text, 1);
		digits.width--;
		text++;
	}
	pad(&digits, text, strlen(text), out);
}

static void print_float(const struct spec *s, char verb, double v, struct strbuf *out)
{
	char text[512], body[480];
	const char *sign = signbit(v) ? "" : s->plus ? "+" : s->space ? " " : "";
	struct spec no_zero = *s;

	if (isnan(v) || isinf(v)) {
		no_zero.zero = false;
		snprintf(text, sizeof(text), "%s",
			 isinf(v)  ? (v < 0 ? "-Inf" : "+Inf")
			 : s->plus ? "+NaN"
				   : "NaN");
		pad(&no_zero, text, strlen(text), out);
		return;
	}
	if ((verb == 'g' || verb == 'G') && s->precision < 0)
		value_number(v, body);
	else if (verb == 'e' || verb == 'E')
		snprintf(body, sizeof(body), "%.*e", s->precision < 0 ? 6 : s->precision, v);
	else if (verb == 'f')
		snprintf(body, sizeof(body), "%.*f", s->precision < 0 ? 6 : s->precision, v);
	else
		snprintf(body, sizeof(body), "%.*g", s->precision, v);
	for (char *p = body; *p && (verb == 'G' || verb == 'E'); p++)
		if (*p == 'e')
			*p = 'E';
	snprintf(text, sizeof(text), "%s%s", sign, body);
	pad_number(s, text, out);
}

static void print_int(const struct spec *s, char verb, int64_t v, struct strbuf *out)
{
	const char *sign = v < 0 ? "-" : s->plus ? "+" : s->space ? " " : "";
	uint64_t size = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
	int digits = s->precision < 0 ? 1 : s->precision;
	struct spec shown = *s;
	char text[128];

	if (verb == 'x')
		snprintf(text, sizeof(text), "%s%.*" PRIx64, sign, digits, size);
	else if (verb == 'X')
		snprintf(text, sizeof(text), "%s%.*" PRIX64, sign, digits, size);
	else if (verb == 'o')
		snprintf(text, sizeof(text), "%s%.*" PRIo64, sign, digits, size);
	else
		snprintf(text, sizeof(text), "%s%.*" PRIu64, sign, digits, size);
	if (s->precision >= 0)
		shown.zero = false;
	pad_number(&shown, text, out);
}

static void quote(const char *text, size_t len, struct strbuf *out)
{
	strbuf_puts(out, "\"");
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '"' || c == '\\')
			strbuf_printf(out, "\\%c", c);
		else if (c == '\n' || c == '\t')
			strbuf_puts(out, c == '\n' ? "\\n" : "\\t");
		else if (c < 0x20 || c == 0x7f)
			strbuf_printf(out, "\\x%02x", c);
		else
			strbuf_add(out, text + i, 1);
	}
	strbuf_puts(out, "\"");
}

static void print_string(const struct spec *s, char verb, const char *text, struct strbuf *out)
{
	struct strbuf made = {0};
	size_t len = 0, shown = 0;

	for (; text[len]; len++)
		if (((unsigned char)text[len] & 0xc0) != 0x80 && s->precision >= 0 &&
		    shown++ == (size_t)s->precision)
			break;
	if (verb == 'q')
		quote(text, len, &made);
	else if (verb == 'x' || verb == 'X')
		for (size_t i = 0; i < len; i++)
			strbuf_printf(&made, verb == 'x' ? "%02x" : "%02X", (unsigned char)text[i]);
	else
		strbuf_add(&made, text, len);
	pad(s, made.len ? made.data : "", made.len, out);
	strbuf_free(&made);
}

/* Prints by a verb that fits; false: it does not. */
static bool print_fitting(const struct spec *s, char verb, const struct value *v,
			  struct strbuf *out)
{
	switch (v->kind) {
	case VALUE_FLOAT:
		if (!strchr("veEfFgG", verb))
			return false;
		print_float(s, verb == 'v' ? 'g' : verb == 'F' ? 'f' : verb, v->number, out);
		return true;
	case VALUE_INT:
		if (!strchr("vdxXo", verb))
			return false;
		print_int(s, verb, v->integer, out);
		return true;
	case VALUE_STRING:
		if (!strchr("vsqxX", verb))
			return false;
		print_string(s, verb, v->text, out);
		return true;
	case VALUE_BOOL:
		if (!strchr("vt", verb))
			return false;
		pad(s, v->truth ? "true" : "false", v->truth ? 4 : 5, out);
		return true;
	case VALUE_LABELS:
	case VALUE_DOT:
		break;
	}
	if (!strchr("vs", verb))
		return false;
	value_print(v, out);
	return true;
}

static void print_arg(const struct spec *s, const struct value *v, struct strbuf *out)
{
	if (s->verb_bytes == 1 && print_fitting(s, *s->verb, v, out))
		return;
	strbuf_printf(out, "%%!%.*s(%s=", s->verb_bytes, s->verb, value_type(v));
	print_fitting(s, 'v', v, out);
	strbuf_puts(out, ")");
}

static void print_extra(const struct value *args, size_t n, struct strbuf *out)
{
	strbuf_puts(out, "%!(EXTRA ");
	for (size_t i = 0; i < n; i++) {
		strbuf_printf(out, "%s%s=", i ? ", " : "", value_type(&args[i]));
		value_print(&args[i], out);
	}
	strbuf_puts(out, ")");
}

void value_printf(const char *format, const struct value *args, size_t n, struct strbuf *out)
{
	struct spec spec;
	size_t used = 0;
	const char *p = format;

	while (*p) {
		size_t plain = strcspn(p, "%");

		strbuf_add(out, p, plain);
		p += plain;
		if (!*p)
			break;
		p = parse_spec(p + 1, &spec);
		if (!spec.verb_bytes)
			strbuf_puts(out, "%!(NOVERB)");
		else if (*spec.verb == '%')
			strbuf_puts(out, "%");
		else if (used == n)
			strbuf_printf(out, "%%!%.*s(MISSING)", spec.verb_bytes, spec.verb);
		else
			print_arg(&spec, &args[used++], out);
	}
	if (used < n)
		print_extra(args + used, n - used, out);
}
