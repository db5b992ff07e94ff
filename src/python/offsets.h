/* SPDX-License-Identifier: GPL-2.0-only */
/* offsets.h - finding out where things are in a CPython, see <cheshire/python_offsets.h>. */
#ifndef CHESHIRE_PYTHON_OFFSETS_FIND_H
#define CHESHIRE_PYTHON_OFFSETS_FIND_H

#include <stddef.h>
#include <stdint.h>

#include "cheshire/python_offsets.h"

struct python_reader;
struct python_symbols;

/*
 * Finds the offsets of the interpreter whose symbols these are: from its own debug offsets (from
 * 3.13 on), else from the table of its version, each checked against the process.
 *
 * On success `why` says how they were found, for people: "its own debug offsets".
 * -EOPNOTSUPP: a build that is not known, or that cannot be watched; `why` says what was tried.
 * -EAGAIN: not yet, it is just starting or ending.  Else what the reader says.
 */
int python_offsets_find(const struct python_symbols *symbols, const struct python_reader *reader,
			struct python_offsets *out, char *why, size_t why_size);

#endif
