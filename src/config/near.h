/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHESHIRE_CONFIG_NEAR_H
#define CHESHIRE_CONFIG_NEAR_H

#include <stddef.h>

#define NEAR_TEXT_MAX 128 /* longer names are not compared */

/* Finds the name most like `word` among the names added.  A plain value: no ownership. */
struct near {
	const char *word;
	const char *best;
	size_t best_distance;
};

void near_init(struct near *near, const char *word);
/* `name` must live as long as the result is used. */
void near_add(struct near *near, const char *name);
/* The best name if it is near enough to be a slip of the pen, else NULL. */
const char *near_best(const struct near *near);

/* Edits (insert, delete, replace, swap neighbours) from a to b; upper and lower case are equal. */
size_t near_distance(const char *a, const char *b);

#endif /* CHESHIRE_CONFIG_NEAR_H */
