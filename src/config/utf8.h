/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHESHIRE_CONFIG_UTF8_H
#define CHESHIRE_CONFIG_UTF8_H

#include <stddef.h>

/*
 * Bytes of the character at text[0 .. len): 1 to 4 for well-formed UTF-8, 0 for anything else and
 * for control characters.
 */
size_t utf8_printable(const char *text, size_t len);

#endif /* CHESHIRE_CONFIG_UTF8_H */
