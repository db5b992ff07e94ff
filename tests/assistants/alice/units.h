/* SPDX-License-Identifier: GPL-2.0-only */
/* Numbers with units, as typed by people. All return 0 or -EINVAL and take the whole string. */
#ifndef ALICE_UNITS_H
#define ALICE_UNITS_H

#include <stdint.h>

int parse_count(const char *text, uint64_t *out);	/* 12 */
int parse_duration(const char *text, uint64_t *ns);	/* 600ms, 1.5s, 2m; 0 */
int parse_bytes(const char *text, uint64_t *bytes);	/* 300MB, 64KB, 1GB, 512B */
int parse_percent(const char *text, uint64_t *percent); /* 80 or 80% */

#endif
