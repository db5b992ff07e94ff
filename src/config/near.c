/* SPDX-License-Identifier: GPL-2.0-only */
#include "config/near.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

static bool same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Optimal string alignment distance, three rows at a time. */
size_t near_distance(const char *a, const char *b)
{
	size_t rows[3][NEAR_TEXT_MAX + 1], *before = rows[0], *prev = rows[1], *row = rows[2], *tmp;
	size_t la = strlen(a), lb = strlen(b);

	if (la > NEAR_TEXT_MAX || lb > NEAR_TEXT_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		tmp = before;
		before = prev;
		prev = row;
		row = tmp;
		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			row[j] = min3(prev[j] + 1, row[j - 1] + 1,
				      prev[j - 1] + !same(a[i - 1], b[j - 1]));
			if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) &&
			    same(a[i - 2], b[j - 1]) && before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}
	}
	return row[lb];
}

void near_init(struct near *near, const char *word)
{
	near->word = word;
	near->best = NULL;
	near->best_distance = SIZE_MAX;
}

void near_add(struct near *near, const char *name)
{
	size_t distance = near_distance(near->word, name);

	if (distance < near->best_distance) {
		near->best = name;
		near->best_distance = distance;
	}
}

const char *near_best(const struct near *near)
{
	size_t len = strlen(near->word);

	/* A third of the letters wrong is still a slip; more is another word. */
	if (!near->best || near->best_distance > (len < 3 ? 1 : len / 3))
		return NULL;
	return near->best;
}
