/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * format.h - numbers for people: "1.43 s", "312 MB", "11.5 MB/h", "37.2 %".
 *
 * Three significant digits (at most two decimals), a space, the unit.  MB is 2^20 bytes, Mbit 10^6
 * bits.  JSON never goes through here: it carries base units.
 */
#ifndef CHESHIRE_SINKS_FORMAT_H
#define CHESHIRE_SINKS_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

/* Enough for every result of this file. */
#define FORMAT_MAX 48

/* A unit as it is shown: shown = value / divisor, then `suffix`. */
struct unit_scale {
	double divisor;
	const char *suffix; /* "ms", "MB/h"; "" for counts and ratios */
	int whole;	    /* values are whole numbers: no decimals where there are none */
};

/* The scale in which `value` reads best; values that are not finite get the base unit. */
struct unit_scale unit_scale_for(double value, enum unit unit);

/* Writes value in the given scale; "unknown" where it is not finite.  Returns buf. */
char *unit_format_scaled(char *buf, size_t size, double value, const struct unit_scale *scale);

/* The same in the scale that suits it. */
char *unit_format(char *buf, size_t size, double value, enum unit unit);

/* "300ms", "5m", "1h30m", "0s": as the configuration writes durations.  Returns buf. */
char *duration_format(char *buf, size_t size, uint64_t ns);

/* RFC 3339 in UTC with milliseconds, "2026-11-22T10:41:07.123Z", of CLOCK_REALTIME ns. */
char *timestamp_format(char *buf, size_t size, uint64_t realtime_ns);

#endif /* CHESHIRE_SINKS_FORMAT_H */
