/* SPDX-License-Identifier: GPL-2.0-only */
/* python_listing.h - the Python functions of a process, for `cheshire stages`. */
#ifndef CHESHIRE_CMD_PYTHON_LISTING_H
#define CHESHIRE_CMD_PYTHON_LISTING_H

#include <stddef.h>

struct object_table;
struct process;

/* Called for each that is printed: a stage that its name sounds like; NULL: none. */
typedef const char *(*python_sound_fn)(void *ctx, const char *name, const char *probe);

/*
 * Prints the functions that match, as probes with their file and line, at most max of them.  The
 * pattern is `python:FILE:QUALNAME`, `python:GLOB` or a glob on the qualified name; NULL: all of
 * the program's own files, which are neither the standard library's nor installed packages'.
 * Nothing where there is no interpreter; one that cannot be read says why.
 */
void python_listing_print(const struct process *proc, struct object_table *objects,
			  const char *pattern, python_sound_fn sound, void *ctx, size_t max);

#endif
