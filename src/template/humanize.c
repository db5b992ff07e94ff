/* SPDX-License-Identifier: GPL-2.0-only */
/* The humanize functions: numbers as people write them, exactly as Prometheus 2.42 does. */
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "promql/ast.h"
#include "log/strbuf.h"
#include "template/functions.h"

static const char *const small_prefixes[] = {"m", "u", "n", "p", "f", "a", "z", "y"};

#define PREFIXES_N (sizeof(small_prefixes) / sizeof(small_prefixes[0]))

/* What strconv.ParseFloat takes and strtod does not agree about: spaces; locale is not used. */
static bool parse_number(const char *text, double *out)
{
	const char *digits = text + (*text == '-' || *text == '+');
	char *end;

	if (!strcasecmp(digits, "inf") || !strcasecmp(digits, "infinity")) {
		*out = *text == '-' ? -INFINITY : INFINITY;
		return true;
	}
	if (!strcasecmp(text, "nan")) {
		*out = NAN;
		return true;
	}
	if ((*digits < '0' || *digits > '9') && *digits != '.')
		return false;
	*out = strtod(text, &end);
	return end != text && !*end && !isinf(*out);
}

static bool number_of(struct expansion *x, const struct value *v, double *out)
{
	if (v->kind == VALUE_FLOAT)
		*out = v->number;
	else if (v->kind == VALUE_INT)
		*out = (double)v->integer;
	else if (v->kind != VALUE_STRING || !parse_number(v->text, out)) {
		expansion_fail(x, "\"%.60s\" is not a number",
			       v->kind == VALUE_STRING ? v->text : value_type(v));
		return false;
	}
	return true;
}

/* Go's %.4g with a prefix behind it. */
static void four_digits(struct strbuf *made, double v, const char *prefix)
{
	const struct value value = {.kind = VALUE_FLOAT, .number = v};

	value_printf("%.4g", &value, 1, made);
	strbuf_puts(made, prefix);
}

static void smaller(struct strbuf *made, double v, const char *unit)
{
	const char *prefix = "";

	for (size_t i = 0; i < PREFIXES_N && !(fabs(v) >= 1); i++) {
		prefix = small_prefixes[i];
		v *= 1000;
	}
	four_digits(made, v, prefix);
	strbuf_puts(made, unit);
}

static void larger(struct strbuf *made, double v, double step, const char *const prefixes[])
{
	const char *prefix = "";

	for (size_t i = 0; i < PREFIXES_N && !(fabs(v) < step); i++) {
		prefix = prefixes[i];
		v /= step;
	}
	four_digits(made, v, prefix);
}

void template_humanize(struct expansion *x, const struct value *args, size_t n, struct value *out)
{
	static const char *const prefixes[] = {"k", "M", "G", "T", "P", "E", "Z", "Y"};
	struct strbuf made = {0};
	double v;

	(void)n;
	if (!number_of(x, args, &v))
		return;
	if (v == 0 || isnan(v) || isinf(v))
		four_digits(&made, v, "");
	else if (fabs(v) >= 1)
		larger(&made, v, 1000, prefixes);
	else
		smaller(&made, v, "");
	expansion_text(x, &made, out);
}

void template_humanize1024(struct expansion *x, const struct value *args, size_t n,
			   struct value *out)
{
	static const char *const prefixes[] = {"ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"};
	struct strbuf made = {0};
	double v;

	(void)n;
	if (!number_of(x, args, &v))
		return;
	if (fabs(v) <= 1 || isnan(v) || isinf(v))
		four_digits(&made, v, "");
	else
		larger(&made, v, 1024, prefixes);
	expansion_text(x, &made, out);
}

static void long_duration(struct strbuf *made, double v)
{
	const char *sign = v < 0 ? "-" : "";
	/* Go's conversion of what does not fit gives the lowest number on this architecture. */
	int64_t s = fabs(v) < 9.2e18 ? (int64_t)fabs(v) : INT64_MIN;
	int64_t minutes = s / 60 % 60, hours = s / 3600 % 24, days = s / 86400;

	if (days)
		strbuf_printf(made, "%s%" PRId64 "d %" PRId64 "h %" PRId64 "m %" PRId64 "s", sign,
			      days, hours, minutes, s % 60);
	else if (hours)
		strbuf_printf(made, "%s%" PRId64 "h %" PRId64 "m %" PRId64 "s", sign, hours,
			      minutes, s % 60);
	else if (minutes)
		strbuf_printf(made, "%s%" PRId64 "m %" PRId64 "s", sign, minutes, s % 60);
	else {
		strbuf_puts(made, sign);
		four_digits(made, fabs(v), "s");
	}
}

void template_humanize_duration(struct expansion *x, const struct value *args, size_t n,
				struct value *out)
{
	struct strbuf made = {0};
	double v;

	(void)n;
	if (!number_of(x, args, &v))
		return;
	if (isnan(v) || isinf(v))
		four_digits(&made, v, "");
	else if (v == 0)
		four_digits(&made, v, "s");
	else if (fabs(v) >= 1)
		long_duration(&made, v);
	else
		smaller(&made, v, "s");
	expansion_text(x, &made, out);
}

void template_humanize_percentage(struct expansion *x, const struct value *args, size_t n,
				  struct value *out)
{
	struct strbuf made = {0};
	double v;

	(void)n;
	if (!number_of(x, args, &v))
		return;
	four_digits(&made, v * 100, "%");
	expansion_text(x, &made, out);
}

/* "2006-01-02 15:04:05.999 +0000 UTC", milliseconds only where there are any. */
void template_humanize_timestamp(struct expansion *x, const struct value *args, size_t n,
				 struct value *out)
{
	struct strbuf made = {0};
	int64_t ms, second, rest;
	char day[32], fraction[8] = "";
	struct tm tm;
	time_t at;
	double v;

	(void)n;
	if (!number_of(x, args, &v))
		return;
	if (isnan(v) || isinf(v)) {
		four_digits(&made, v, "");
		expansion_text(x, &made, out);
		return;
	}
	if (!(fabs(v * 1e9) < 9223372036854775807.0)) {
		expansion_fail(x, "%g cannot be represented as a nanoseconds timestamp", v);
		return;
	}
	ms = (int64_t)(v * 1e9) / 1000000;
	rest = ms % 1000;
	second = ms / 1000 - (rest < 0);
	rest += rest < 0 ? 1000 : 0;
	at = second;
	if (!gmtime_r(&at, &tm) || !strftime(day, sizeof(day), "%Y-%m-%d %H:%M:%S", &tm)) {
		expansion_fail(x, "%g is no time", v);
		return;
	}
	if (rest)
		snprintf(fraction, sizeof(fraction), ".%03d", (int)rest);
	for (size_t i = strlen(fraction); i && fraction[i - 1] == '0'; i--)
		fraction[i - 1] = '\0';
	strbuf_printf(&made, "%s%s +0000 UTC", day, fraction);
	expansion_text(x, &made, out);
}

void template_parse_duration(struct expansion *x, const struct value *args, size_t n,
			     struct value *out)
{
	int64_t ms = 0;

	(void)n;
	if (strcmp(args->text, "0") && promql_duration(args->text, strlen(args->text), &ms)) {
		expansion_fail(x, "not a valid duration string: \"%.60s\"", args->text);
		return;
	}
	*out = (struct value){.kind = VALUE_FLOAT, .number = (double)ms / 1000};
}
