/* SPDX-License-Identifier: GPL-2.0-only */
#include "units.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct unit {
	const char *name;
	double factor;
};

static int parse_unit(const char *text, const struct unit *units, uint64_t *out)
{
	char *end;
	double value;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	value = strtod(text, &end);
	if (errno || !isfinite(value))
		return -EINVAL;
	for (; units->name; units++) {
		if (strcmp(units->name, end) == 0 && value * units->factor < 1e18) {
			*out = (uint64_t)(value * units->factor);
			return 0;
		}
	}
	if (value == 0 && *end == '\0') {
		*out = 0;
		return 0;
	}
	return -EINVAL;
}

int parse_count(const char *text, uint64_t *out)
{
	static const struct unit units[] = {{"", 1}, {NULL, 0}};

	return parse_unit(text, units, out);
}

int parse_duration(const char *text, uint64_t *ns)
{
	static const struct unit units[] = {
		{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {NULL, 0},
	};

	return parse_unit(text, units, ns);
}

int parse_bytes(const char *text, uint64_t *bytes)
{
	static const struct unit units[] = {
		{"B", 1},  {"KB", 1024}, {"MB", 1024.0 * 1024}, {"GB", 1024.0 * 1024 * 1024},
		{NULL, 0},
	};

	return parse_unit(text, units, bytes);
}

int parse_percent(const char *text, uint64_t *percent)
{
	static const struct unit units[] = {{"%", 1}, {"", 1}, {NULL, 0}};

	return parse_unit(text, units, percent);
}
