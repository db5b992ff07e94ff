/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * backoff.h - when to try again what was too dear: after a while, then after twice as long, and so
 * on up to an hour.  What held out for ten times as long as the last wait starts from the
 * beginning.  Pure.
 */
#ifndef CHESHIRE_WATCH_BACKOFF_H
#define CHESHIRE_WATCH_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

#define BACKOFF_MAX_NS	 3600000000000ULL
#define BACKOFF_HELD_OUT 10

/* All zeros: nothing has failed yet. */
struct backoff {
	uint64_t due_ns;   /* 0: nothing to try */
	uint64_t delay_ns; /* the last wait; 0: none so far */
	uint64_t works_ns; /* works since; 0: does not */
};

/* It failed, or was taken off; the first wait is first_ns. */
void backoff_failed(struct backoff *b, uint64_t first_ns, uint64_t now_ns);
void backoff_works(struct backoff *b, uint64_t now_ns);
/* True once when the wait is over. */
bool backoff_take(struct backoff *b, uint64_t now_ns);

#endif
