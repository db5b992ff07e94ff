/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Durations: numbers with units from the largest to the smallest, each at most once.  Prometheus
 * counts nanoseconds in 64 bits, which is what bounds them (292 years).
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "promql/ast.h"
#include "promql/duration.h"

static const struct duration_unit {
	const char *name;
	int64_t ms;
} units[] = {
	{"y", 365LL * 86400000},
	{"w", 7LL * 86400000},
	{"d", 86400000},
	{"h", 3600000},
	{"m", 60000},
	{"s", 1000},
	{"ms", 1},
};

#define UNITS_N (sizeof(units) / sizeof(units[0]))

static size_t letters(const char *text, size_t len)
{
	size_t n = 0;

	while (n < len && (text[n] < '0' || text[n] > '9'))
		n++;
	return n;
}

/* The unit's index, from `from`; UNITS_N: none. */
static size_t find_unit(const char *name, size_t len, size_t from)
{
	while (from < UNITS_N &&
	       (strlen(units[from].name) != len || memcmp(units[from].name, name, len) != 0))
		from++;
	return from;
}

int promql_duration(const char *text, size_t len, int64_t *ms)
{
	size_t at = 0, unit = 0, name_len;
	int64_t total_ns = 0;

	*ms = 0;
	if (len == 1 && text[0] == '0')
		return 0;
	if (len == 0)
		return -EINVAL;
	while (at < len) {
		int64_t n = 0;
		size_t start = at;

		for (; at < len && text[at] >= '0' && text[at] <= '9'; at++)
			if (__builtin_mul_overflow(n, 10, &n) ||
			    __builtin_add_overflow(n, text[at] - '0', &n))
				return -EINVAL;
		name_len = letters(text + at, len - at);
		unit = find_unit(text + at, name_len, unit);
		if (at == start || unit == UNITS_N)
			return -EINVAL;
		if (__builtin_mul_overflow(n, units[unit].ms * 1000000, &n) ||
		    __builtin_add_overflow(total_ns, n, &total_ns))
			return -EINVAL;
		unit++;
		at += name_len;
	}
	*ms = total_ns / 1000000;
	return 0;
}

void promql_duration_print(int64_t ms, FILE *out)
{
	if (ms == 0)
		fputs("0s", out);
	if (ms < 0) {
		putc('-', out);
		ms = -ms;
	}
	/* As Prometheus: years and weeks only where nothing is left over. */
	for (size_t i = 0; i < UNITS_N && ms; i++) {
		int64_t n = ms / units[i].ms;

		if (n == 0 || (i < 2 && ms % units[i].ms))
			continue;
		fprintf(out, "%lld%s", (long long)n, units[i].name);
		ms -= n * units[i].ms;
	}
}
