/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHESHIRE_WATCH_HINTS_H
#define CHESHIRE_WATCH_HINTS_H

#include <stdio.h>

struct watching;

/*
 * Where no stage is watched: says what was seen and prints the lines of YAML to start from.
 * Prints nothing where at least one stage is armed.
 */
void hints_print(const struct watching *w, FILE *out);

#endif
