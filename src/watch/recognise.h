/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHESHIRE_WATCH_RECOGNISE_H
#define CHESHIRE_WATCH_RECOGNISE_H

#include <stddef.h>

struct config;
struct object_table;

/*
 * Without stages of the operator's, gives the configuration those of the engines whose objects
 * the target maps.  *engines and *skipped are allocated texts or NULL.  0 or a negative errno
 * with the reason in `why`.
 */
int recognise_engines(struct config *config, const struct object_table *objects, char **engines,
		      char **skipped, char *why, size_t why_size);

#endif
