/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/leak_report.h"

#include <string.h>

/* NULL: its stack could not be read. */
static const struct frame_name *place_of(const struct leak_report_site *site)
{
	return site->own < site->frames_n ? &site->frames[site->own] : NULL;
}

/* The compiler may have made several calls of one line; without lines the code itself is it. */
static bool is_same_place(const struct frame_name *a, const struct frame_name *b)
{
	if (!a || !b || strcmp(a->object, b->object) != 0 || strcmp(a->function, b->function) != 0)
		return false;
	if (a->line && b->line)
		return a->line == b->line && !strcmp(a->file, b->file);
	return a->offset == b->offset;
}

static bool is_first_of_place(const struct leak_report *report, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (report->sites[i].site.verdict == LEAK_CONFIRMED &&
		    is_same_place(place_of(&report->sites[i]), place_of(&report->sites[at])))
			return false;
	return true;
}

size_t leak_report_places(const struct leak_report *report)
{
	size_t n = 0;

	for (size_t i = 0; report && i < report->sites_n; i++)
		n += report->sites[i].site.verdict == LEAK_CONFIRMED &&
		     is_first_of_place(report, i);
	return n;
}
