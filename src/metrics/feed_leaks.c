/* SPDX-License-Identifier: GPL-2.0-only */
/* feed_leaks.c - the allocation sites that are known to leak. */
#include "metrics/state.h"

void metrics__feed_leaks(struct metrics *m, size_t sites_n, const char *why, uint64_t now_ns)
{
	m->leaks_known = !why;
	m->leaks_unknown = why;
	if (!why)
		series_add_gauge(&m->target[TARGET_MEMORY_LEAKS], (double)sites_n, false, now_ns);
}

const char *leaks_unknown(const struct metrics *m)
{
	if (m->leaks_known)
		return NULL;
	return m->leaks_unknown ? m->leaks_unknown : "leaks are not looked for";
}
