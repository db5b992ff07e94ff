/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHESHIRE_WATCH_RECOGNISE_H
#define CHESHIRE_WATCH_RECOGNISE_H

#include <stddef.h>

struct config;
struct object_table;

/*
 * Where the configuration wants it, adds the stages of the engines whose objects the target maps;
 * an engine whose stages do not fit is left out with a warning.  *engines is an allocated text or
 * NULL.  0 or a negative errno with the reason in `why`.
 */
int recognise_engines(struct config *config, const struct object_table *objects, char **engines,
		      char *why, size_t why_size);

#endif
