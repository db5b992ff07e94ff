/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHESHIRE_WATCH_HINTS_H
#define CHESHIRE_WATCH_HINTS_H

#include <stdio.h>

struct watching;

/*
 * What somebody without `stages:` in the configuration does next.  Where no stage is watched: says
 * what was seen and prints the lines of YAML to start from.  Where engines were recognised: that
 * intent and response are still to be named, if they are.
 */
void hints_print(const struct watching *w, FILE *out);

#endif
