/* SPDX-License-Identifier: GPL-2.0-only */
/* units.h - numbers with their units: "300ms", "1.5GB", "5MB/h", "50%". */
#ifndef CHESHIRE_CONFIG_UNITS_H
#define CHESHIRE_CONFIG_UNITS_H

#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

/*
 * Parses the whole of text as a number in `unit`, into the base unit of it: s, bytes, bytes/h,
 * percent, ratio, 1/s, bit/s, count, 1/h.  A ratio may be written as a percentage.  Plain numbers
 * are allowed for ratios and counts only, and nothing is negative.  Returns 0, or -EINVAL with
 * the reason in err and the offset of the mistake in text in *err_at.
 */
int units_parse(const char *text, enum unit unit, double *value, char *err, size_t err_size,
		size_t *err_at);
/* A duration in whole nanoseconds, at most ten years. */
int units_parse_ns(const char *text, uint64_t *ns, char *err, size_t err_size, size_t *err_at);
/* What is expected, for messages: "a duration (such as 300ms)". */
const char *units_expected(enum unit unit);

#endif /* CHESHIRE_CONFIG_UNITS_H */
