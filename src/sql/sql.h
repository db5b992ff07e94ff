/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sql.h - what kind of statement a text is, and the text without what people said in it.
 *
 * Pure.  The text is the first bytes of what a program gave to its database: hostile, cut anywhere.
 * docs/metrics.md defines the classes.
 */
#ifndef CHESHIRE_SQL_SQL_H
#define CHESHIRE_SQL_SQL_H

#include <stddef.h>

#include "cheshire/wire_statement.h"
#include "config/config.h"

/* Bytes of a redacted text, with its NUL. */
#define SQL_REDACTED_MAX 256

/*
 * Reads a text of so many bytes.  `out` gets what may be shown: words of the language and names of
 * tables, columns and functions, printable ASCII all; every literal, parameter and comment is gone.
 * Where it is not certain what a part is, it is gone too.  Never WIRE_CLASS_PENDING.
 */
enum wire_class sql_read(const char *text, size_t bytes, enum language language,
			 char out[SQL_REDACTED_MAX]);

#endif
