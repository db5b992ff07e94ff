/* SPDX-License-Identifier: GPL-2.0-only */
#include "metrics/concurrency.h"

void concurrency_begin(struct concurrency *c, size_t slot, uint64_t start_ns)
{
	c->open[slot] = (struct interval){.start_ns = start_ns, .end_ns = UINT64_MAX};
	if (!c->from_ns || start_ns < c->from_ns)
		c->from_ns = start_ns;
}

void concurrency_end(struct concurrency *c, size_t slot, uint64_t end_ns)
{
	struct interval *open = &c->open[slot];
	struct interval *kept = &c->closed[c->closed_next];

	if (!open->start_ns)
		return;
	if (kept->end_ns > c->forgotten_ns)
		c->forgotten_ns = kept->end_ns;
	*kept = (struct interval){.start_ns = open->start_ns, .end_ns = end_ns};
	c->closed_next = (c->closed_next + 1) % CONCURRENCY_CLOSED_MAX;
	open->start_ns = 0;
}

static size_t open_at(const struct interval *intervals, size_t n, uint64_t at_ns)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += intervals[i].start_ns && intervals[i].start_ns <= at_ns &&
			 intervals[i].end_ns > at_ns;
	return count;
}

static size_t count_at(const struct concurrency *c, uint64_t at_ns)
{
	return open_at(c->open, CONCURRENCY_OPEN_MAX, at_ns) +
	       open_at(c->closed, CONCURRENCY_CLOSED_MAX, at_ns);
}

/* The count rises at begins only. */
static size_t most_at_begins(const struct concurrency *c, const struct interval *intervals,
			     size_t n, uint64_t from_ns, uint64_t until_ns)
{
	size_t most = 0;

	for (size_t i = 0; i < n; i++) {
		size_t count;

		if (!intervals[i].start_ns || intervals[i].start_ns < from_ns ||
		    intervals[i].start_ns > until_ns)
			continue;
		count = count_at(c, intervals[i].start_ns);
		most = count > most ? count : most;
	}
	return most;
}

size_t concurrency_most(struct concurrency *c, uint64_t until_ns, bool *whole)
{
	uint64_t from_ns = c->looked_ns;
	size_t most, others;

	if (c->from_ns && c->from_ns < from_ns)
		from_ns = c->from_ns;
	*whole = from_ns >= c->forgotten_ns;
	most = count_at(c, from_ns);
	others = most_at_begins(c, c->open, CONCURRENCY_OPEN_MAX, from_ns, until_ns);
	most = others > most ? others : most;
	others = most_at_begins(c, c->closed, CONCURRENCY_CLOSED_MAX, from_ns, until_ns);
	most = others > most ? others : most;
	/* Begins after `until` are looked at next time, for that begins there. */
	if (until_ns > c->looked_ns)
		c->looked_ns = until_ns;
	c->from_ns = 0;
	return most;
}
