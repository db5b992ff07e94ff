/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * concurrency.h - how many intervals were open at the same time, at most.
 *
 * Intervals are told of late: a begin when its first stage has ended, an end when it was polled.
 * So the count is made afterwards, over the intervals themselves, up to a time before which all is
 * known; a begin that lies further back makes that stretch be looked at again.
 */
#ifndef CHESHIRE_METRICS_CONCURRENCY_H
#define CHESHIRE_METRICS_CONCURRENCY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONCURRENCY_OPEN_MAX   256
#define CONCURRENCY_CLOSED_MAX 256

struct interval {
	uint64_t start_ns; /* 0: free */
	uint64_t end_ns;   /* not in the interval any more */
};

/* All zero is a new one. */
struct concurrency {
	struct interval open[CONCURRENCY_OPEN_MAX]; /* by slot; end_ns UINT64_MAX */
	struct interval closed[CONCURRENCY_CLOSED_MAX];
	size_t closed_next;
	uint64_t forgotten_ns; /* ends up to here may be missing among the closed ones */
	uint64_t looked_ns;    /* looked at up to here */
	uint64_t from_ns;      /* earliest begin since; 0: none */
};

/* An interval opens in a slot below CONCURRENCY_OPEN_MAX, which is free. */
void concurrency_begin(struct concurrency *c, size_t slot, uint64_t start_ns);
/* It ended then; nothing happens when the slot is free. */
void concurrency_end(struct concurrency *c, size_t slot, uint64_t end_ns);
/*
 * The most at any time since the last call, up to until_ns.  *whole is false when intervals that
 * would have counted were forgotten already: there may have been more.
 */
size_t concurrency_most(struct concurrency *c, uint64_t until_ns, bool *whole);

#endif /* CHESHIRE_METRICS_CONCURRENCY_H */
