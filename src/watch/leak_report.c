/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/leak_report.h"

#include <math.h>
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

static bool leaks(const struct leak_report_site *site)
{
	return site->site.verdict >= LEAK_PROBABLE;
}

size_t leak_report_first(const struct leak_report *report, size_t at)
{
	const struct leak_report_site *site = &report->sites[at];

	for (size_t i = 0; i < at; i++)
		if (leaks(&report->sites[i]) == leaks(site) &&
		    is_same_place(place_of(&report->sites[i]), place_of(site)))
			return i;
	return at;
}

/*
 * Ends of intervals are added too: that is wider than it need be where the ways are estimated
 * independently, and wide enough where they are not.
 */
void leak_report_place(const struct leak_report *report, size_t first, struct leak_place *out)
{
	double most = fmax(report->growth.high, 0);
	bool gated = false;

	*out = (struct leak_place){0};
	for (size_t i = first; i < report->sites_n; i++) {
		const struct leak_site *site = &report->sites[i].site;

		if (leak_report_first(report, i) != first)
			continue;
		out->ways++;
		out->rate += site->rate;
		out->low += site->rate_low;
		out->high += site->rate_high;
		gated |= site->gated;
	}
	if (out->ways < 2 || !gated || !report->growth.known)
		return;
	/* Each was cut by itself; together they are no more either. */
	out->rate = fmin(out->rate, most);
	out->low = fmin(out->low, most);
	out->high = fmin(out->high, most);
}

static bool is_confirmed(const struct leak_report_site *site)
{
	return site->site.verdict == LEAK_CONFIRMED;
}

static bool is_first_confirmed(const struct leak_report *report, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (is_confirmed(&report->sites[i]) &&
		    is_same_place(place_of(&report->sites[i]), place_of(&report->sites[at])))
			return false;
	return true;
}

size_t leak_report_places(const struct leak_report *report)
{
	size_t n = 0;

	for (size_t i = 0; report && i < report->sites_n; i++)
		n += is_confirmed(&report->sites[i]) && is_first_confirmed(report, i);
	return n;
}
