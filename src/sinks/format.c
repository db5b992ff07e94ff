/* SPDX-License-Identifier: GPL-2.0-only */
#include "sinks/format.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <time.h>

#define KIB 1024.0
#define MIB (1024.0 * 1024.0)
#define GIB (1024.0 * 1024.0 * 1024.0)

struct step {
	double divisor;
	const char *suffix;
};

/* From the largest down; the last one also takes everything smaller. */
static const struct step seconds[] = {
	{1, "s"}, {1e-3, "ms"}, {1e-6, "us"}, {1e-9, "ns"}, {0, NULL}};
static const struct step bytes[] = {{GIB, "GB"}, {MIB, "MB"}, {KIB, "KB"}, {1, "B"}, {0, NULL}};
static const struct step bytes_per_h[] = {
	{GIB, "GB/h"}, {MIB, "MB/h"}, {KIB, "KB/h"}, {1, "B/h"}, {0, NULL}};
static const struct step bits_per_s[] = {
	{1e9, "Gbit/s"}, {1e6, "Mbit/s"}, {1e3, "kbit/s"}, {1, "bit/s"}, {0, NULL}};

static const struct step *steps_of(enum unit unit)
{
	switch (unit) {
	case UNIT_S:
		return seconds;
	case UNIT_BYTES:
		return bytes;
	case UNIT_BYTES_PER_H:
		return bytes_per_h;
	case UNIT_BIT_PER_S:
		return bits_per_s;
	default:
		return NULL;
	}
}

static struct unit_scale plain_scale(enum unit unit)
{
	struct unit_scale scale = {.divisor = 1, .suffix = "", .whole = 0};

	switch (unit) {
	case UNIT_PERCENT:
		scale.suffix = "%";
		break;
	case UNIT_PER_S:
		scale.suffix = "/s";
		break;
	case UNIT_PER_H:
		scale.suffix = "/h";
		scale.whole = 1;
		break;
	case UNIT_COUNT:
		scale.whole = 1;
		break;
	default:
		break;
	}
	return scale;
}

struct unit_scale unit_scale_for(double value, enum unit unit)
{
	const struct step *step = steps_of(unit);
	struct unit_scale scale;

	if (!step)
		return plain_scale(unit);
	/* Zero and what is no number have no size of their own: the unit of the configuration. */
	scale = (struct unit_scale){
		.divisor = 1, .suffix = unit == UNIT_S ? "s" : "B", .whole = unit != UNIT_S};
	if (unit == UNIT_BYTES_PER_H)
		scale.suffix = "B/h";
	if (unit == UNIT_BIT_PER_S)
		scale.suffix = "bit/s";
	if (!isfinite(value) || value == 0)
		return scale;
	/* 0.9996 s would round to "1000 ms": it is 1.00 s already. */
	while (step[1].suffix && fabs(value) < step->divisor * 0.9995)
		step++;
	scale.divisor = step->divisor;
	scale.suffix = step->suffix;
	scale.whole = step->suffix[0] == 'B' || (step->suffix[0] == 'n');
	return scale;
}

char *unit_format_scaled(char *buf, size_t size, double value, const struct unit_scale *scale)
{
	double shown = value / scale->divisor;
	int decimals = 2;

	if (!isfinite(shown)) {
		snprintf(buf, size, "unknown");
		return buf;
	}
	if (scale->whole && shown == floor(shown))
		decimals = 0;
	else if (fabs(shown) >= 99.95)
		decimals = 0;
	else if (fabs(shown) >= 9.995)
		decimals = 1;
	if (shown == 0)
		shown = 0; /* no "-0" */
	/* Small is not nothing: 0.0025 %, not 0.00 %. */
	if (shown != 0 && fabs(shown) < 0.005) {
		snprintf(buf, size, "%.2g%s%s", shown, scale->suffix[0] ? " " : "", scale->suffix);
		return buf;
	}
	snprintf(buf, size, "%.*f%s%s", decimals, shown, scale->suffix[0] ? " " : "",
		 scale->suffix);
	return buf;
}

char *unit_format(char *buf, size_t size, double value, enum unit unit)
{
	struct unit_scale scale = unit_scale_for(value, unit);

	return unit_format_scaled(buf, size, value, &scale);
}

char *duration_format(char *buf, size_t size, uint64_t ns)
{
	uint64_t ms = ns / 1000000, s = ms / 1000;
	uint64_t h = s / 3600, m = s / 60 % 60;
	size_t n = 0;

	if (s < 1 && ms > 0) {
		snprintf(buf, size, "%" PRIu64 "ms", ms);
		return buf;
	}
	if (h)
		n += (size_t)snprintf(buf + n, size - n, "%" PRIu64 "h", h);
	if (m && n < size)
		n += (size_t)snprintf(buf + n, size - n, "%" PRIu64 "m", m);
	if (n >= size)
		return buf;
	if (ms % 1000 && !h)
		snprintf(buf + n, size - n, "%" PRIu64 ".%" PRIu64 "s", s % 60, ms % 1000 / 100);
	else if (s % 60 || !n)
		snprintf(buf + n, size - n, "%" PRIu64 "s", s % 60);
	return buf;
}

char *timestamp_format(char *buf, size_t size, uint64_t realtime_ns)
{
	time_t s = (time_t)(realtime_ns / 1000000000);
	unsigned int ms = (unsigned int)(realtime_ns % 1000000000 / 1000000);
	struct tm tm;

	if (!gmtime_r(&s, &tm)) {
		snprintf(buf, size, "1970-01-01T00:00:00.000Z");
		return buf;
	}
	snprintf(buf, size, "%04d-%02d-%02dT%02d:%02d:%02d.%03uZ", tm.tm_year + 1900, tm.tm_mon + 1,
		 tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, ms);
	return buf;
}
