/* SPDX-License-Identifier: GPL-2.0-only */
#include "config/units.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "config/near.h"

#define DIGITS_MAX     15 /* what a double holds exactly */
#define DURATION_MAX_S (10.0 * 366 * 86400)

struct unit_word {
	const char *word;
	enum unit unit;
	double factor; /* to the base unit */
};

#define KB 1024.0
#define MB (KB * 1024)
#define GB (MB * 1024)
#define TB (GB * 1024)

/* Rates per day or week are not here: nothing has such a window. */
static const struct unit_word words[] = {
	{"ns", UNIT_S, 1e-9},
	{"us", UNIT_S, 1e-6},
	{"ms", UNIT_S, 1e-3},
	{"s", UNIT_S, 1},
	{"m", UNIT_S, 60},
	{"min", UNIT_S, 60},
	{"h", UNIT_S, 3600},
	{"d", UNIT_S, 86400},
	{"B", UNIT_BYTES, 1},
	{"KB", UNIT_BYTES, KB},
	{"MB", UNIT_BYTES, MB},
	{"GB", UNIT_BYTES, GB},
	{"TB", UNIT_BYTES, TB},
	{"B/h", UNIT_BYTES_PER_H, 1},
	{"KB/h", UNIT_BYTES_PER_H, KB},
	{"MB/h", UNIT_BYTES_PER_H, MB},
	{"GB/h", UNIT_BYTES_PER_H, GB},
	{"KB/hour", UNIT_BYTES_PER_H, KB},
	{"MB/hour", UNIT_BYTES_PER_H, MB},
	{"GB/hour", UNIT_BYTES_PER_H, GB},
	{"%", UNIT_PERCENT, 1},
	{"/s", UNIT_PER_S, 1},
	{"/min", UNIT_PER_S, 1.0 / 60},
	{"/h", UNIT_PER_S, 1.0 / 3600},
	{"/hour", UNIT_PER_S, 1.0 / 3600},
	{"bit/s", UNIT_BIT_PER_S, 1},
	{"kbps", UNIT_BIT_PER_S, 1e3},
	{"Mbps", UNIT_BIT_PER_S, 1e6},
	{"Gbps", UNIT_BIT_PER_S, 1e9},
	{"kbit/s", UNIT_BIT_PER_S, 1e3},
	{"Mbit/s", UNIT_BIT_PER_S, 1e6},
	{"Gbit/s", UNIT_BIT_PER_S, 1e9},
};

static const char *const expected[] = {
	[UNIT_NONE] = "a number",
	[UNIT_S] = "a duration (such as 300ms, 1.5s, 5m, 1h)",
	[UNIT_BYTES] = "a size (such as 512MB, 1.5GB)",
	[UNIT_BYTES_PER_H] = "a growth rate (such as 5MB/h)",
	[UNIT_PERCENT] = "a percentage (such as 20%)",
	[UNIT_RATIO] = "a ratio (such as 0.05 or 5%)",
	[UNIT_PER_S] = "a rate (such as 200/s)",
	[UNIT_BIT_PER_S] = "a bandwidth (such as 10Mbit/s)",
	[UNIT_COUNT] = "a plain number (such as 100)",
	[UNIT_PER_H] = "a rate (such as 1/h)",
};

static const char *const names[] = {
	[UNIT_NONE] = "",	    [UNIT_S] = "s",
	[UNIT_BYTES] = "bytes",	    [UNIT_BYTES_PER_H] = "bytes/h",
	[UNIT_PERCENT] = "percent", [UNIT_RATIO] = "ratio",
	[UNIT_PER_S] = "1/s",	    [UNIT_BIT_PER_S] = "bit/s",
	[UNIT_COUNT] = "count",	    [UNIT_PER_H] = "1/h",
};

const char *unit_name(enum unit unit)
{
	return (size_t)unit < sizeof(names) / sizeof(names[0]) ? names[unit] : "";
}

const char *units_expected(enum unit unit)
{
	return (size_t)unit < sizeof(names) / sizeof(names[0]) ? expected[unit] : "a number";
}

/* Digits and one point, by hand: strtod knows signs, hex, nan, inf and the locale. */
static size_t parse_number(const char *text, double *value)
{
	uint64_t digits = 0, scale = 1;
	size_t at = 0, n = 0;
	bool point = false;

	for (; (text[at] >= '0' && text[at] <= '9') || (text[at] == '.' && !point); at++) {
		if (text[at] == '.') {
			if (!n || text[at + 1] < '0' || text[at + 1] > '9')
				return 0;
			point = true;
			continue;
		}
		if (++n > DIGITS_MAX)
			return 0;
		digits = digits * 10 + (uint64_t)(text[at] - '0');
		if (point)
			scale *= 10;
	}
	*value = (double)digits / (double)scale;
	return at;
}

static const struct unit_word *find_word(const char *text)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(words[i].word, text))
			return &words[i];
	return NULL;
}

static int unknown_unit(const char *word, enum unit unit, char *err, size_t err_size)
{
	struct near near;

	near_init(&near, word);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (words[i].unit == unit || (unit == UNIT_PER_H && words[i].unit == UNIT_PER_S))
			near_add(&near, words[i].word);
	if (near_best(&near))
		snprintf(err, err_size, "unknown unit '%s' (did you mean '%s'?)", word,
			 near_best(&near));
	else
		snprintf(err, err_size, "unknown unit '%s': expected %s", word,
			 units_expected(unit));
	return -EINVAL;
}

/* Converts from what was written to what is wanted where both measure the same. */
static int convert(const struct unit_word *word, enum unit unit, double *value)
{
	if (word->unit != unit) {
		if (word->unit == UNIT_PERCENT && unit == UNIT_RATIO)
			*value /= 100;
		else if (word->unit == UNIT_PER_S && unit == UNIT_PER_H)
			*value *= 3600;
		else
			return -EINVAL;
	}
	*value *= word->factor;
	return 0;
}

int units_parse(const char *text, enum unit unit, double *value, char *err, size_t err_size,
		size_t *err_at)
{
	const struct unit_word *word;
	double v;
	size_t n = parse_number(text, &v);

	*err_at = 0;
	if (!n) {
		snprintf(err, err_size, "'%.60s' is not %s", text, units_expected(unit));
		return -EINVAL;
	}
	while (text[n] == ' ')
		n++;
	if (!text[n]) {
		if (unit != UNIT_RATIO && unit != UNIT_COUNT) {
			snprintf(err, err_size, "'%.60s' has no unit: expected %s", text,
				 units_expected(unit));
			return -EINVAL;
		}
		*value = v;
		return 0;
	}
	*err_at = n;
	if (strlen(text + n) > 12) {
		snprintf(err, err_size, "expected %s", units_expected(unit));
		return -EINVAL;
	}
	/* "1/s" and "200 1/s" are one and the same writing of a rate. */
	word = find_word(strncmp(text + n, "1/", 2) ? text + n : text + n + 1);
	if (!word)
		return unknown_unit(text + n, unit, err, err_size);
	if (convert(word, unit, &v)) {
		snprintf(err, err_size, "'%s' does not fit here: expected %s", text + n,
			 units_expected(unit));
		return -EINVAL;
	}
	*value = v;
	return 0;
}

int units_parse_ns(const char *text, uint64_t *ns, char *err, size_t err_size, size_t *err_at)
{
	double s = 0;
	int ret = units_parse(text, UNIT_S, &s, err, err_size, err_at);

	if (ret)
		return ret;
	if (s > DURATION_MAX_S) {
		*err_at = 0;
		snprintf(err, err_size, "'%.60s' is longer than ten years", text);
		return -EINVAL;
	}
	*ns = (uint64_t)llround(s * 1e9);
	return 0;
}
