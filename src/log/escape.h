/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * escape.h - makes strings of the target (comm, paths, symbols, names) harmless on output.
 *
 * Everything that a terminal, a log reader or a JSON reader could take for more than text is
 * written as an escape: C0 and C1 control characters, DEL, line and paragraph separators, and
 * characters that change the direction of text or are invisible.  Bytes that are no UTF-8
 * (overlong forms, surrogates, truncated sequences) become `\xNN` in text and U+FFFD in JSON.
 */
#ifndef CHESHIRE_LOG_ESCAPE_H
#define CHESHIRE_LOG_ESCAPE_H

#include <stddef.h>

enum escape_style {
	ESCAPE_TEXT = 0, /* \n \t \r \\ \xNN \uNNNN: unambiguous, for people and syslog */
	ESCAPE_JSON = 1, /* the inside of a JSON string, without the quotes */
	ESCAPE_LINE = 2, /* as ESCAPE_TEXT, but a backslash stands for itself: whole lines */
};

/* Bytes of a single name (symbol, path, thread, rule) that are shown; longer ones end in "...". */
#define ESCAPE_NAME_MAX 512

/* The most that one source byte can become, in bytes (JSON: one byte -> "\u00NN"). */
#define ESCAPE_GROWTH 6

/*
 * Writes the escaped form of `len` bytes at `src` into dst[size], NUL-terminated when size > 0.
 * When it does not fit, or when len > max (0: no limit), it is cut between characters and ends in
 * "...".  Returns the length written without the NUL.
 */
size_t escape_bytes(enum escape_style style, char *dst, size_t size, const char *src, size_t len,
		    size_t max);

/* The same for a NUL-terminated name; NULL is "". */
size_t escape_name(enum escape_style style, char *dst, size_t size, const char *src);

/* Columns that valid UTF-8 takes on a terminal, one per code point: for padding. */
size_t escape_columns(const char *text);

#endif /* CHESHIRE_LOG_ESCAPE_H */
