/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rune.h - code points of UTF-8, and strings as PromQL writes them.
 */
#ifndef CHESHIRE_PROMQL_RUNE_H
#define CHESHIRE_PROMQL_RUNE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define RUNE_BYTES_MAX 4
#define RUNE_MAX       0x10ffffu
#define RUNE_ERROR     0xfffdu /* what Prometheus takes for a sign of broken text */

/* Bytes of the well-formed character at text[0 .. len), or 0; *code is filled unless it is 0. */
size_t rune_decode(const char *text, size_t len, uint32_t *code);
/* Bytes written to out; `code` must be a code point and no surrogate. */
size_t rune_encode(uint32_t code, char out[RUNE_BYTES_MAX]);

/* In double quotes, escaped so that it is one line, harmless on a terminal, and reads back. */
void rune_quote(const char *text, FILE *out);

#endif /* CHESHIRE_PROMQL_RUNE_H */
