/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "promql/evaluation.h"

void marks_clear(struct label_marks *marks)
{
	if (++marks->now)
		return;
	memset(marks->stamp, 0, marks->size * sizeof(marks->stamp[0]));
	marks->now = 1;
}

static int make_room(struct label_marks *marks, uint32_t id)
{
	size_t size = id + (size_t)id / 2 + 64;
	uint32_t *bigger;

	bigger = realloc(marks->stamp, size * sizeof(bigger[0]));
	if (!bigger)
		return -ENOMEM;
	marks->stamp = bigger;
	bigger = realloc(marks->number, size * sizeof(bigger[0]));
	if (!bigger)
		return -ENOMEM;
	marks->number = bigger;
	memset(marks->stamp + marks->size, 0, (size - marks->size) * sizeof(bigger[0]));
	marks->size = size;
	return 0;
}

int marks_add(struct label_marks *marks, const struct labels *labels, uint32_t *number)
{
	if (labels->id >= marks->size && make_room(marks, labels->id))
		return -ENOMEM;
	if (marks->stamp[labels->id] == marks->now) {
		*number = marks->number[labels->id];
		return 1;
	}
	marks->stamp[labels->id] = marks->now;
	marks->number[labels->id] = *number;
	return 0;
}

bool marks_get(const struct label_marks *marks, const struct labels *labels, uint32_t *number)
{
	if (labels->id >= marks->size || marks->stamp[labels->id] != marks->now)
		return false;
	*number = marks->number[labels->id];
	return true;
}
