/* SPDX-License-Identifier: GPL-2.0-only */
/* wakes.h - wake words that were heard, until the turn that answers them begins. */
#ifndef CHESHIRE_METRICS_WAKES_H
#define CHESHIRE_METRICS_WAKES_H

#include <stdbool.h>
#include <stdint.h>

#define WAKES_MAX 64

struct wake {
	bool keyed;
	uint64_t key;
	uint64_t ts_ns; /* 0: free */
};

/* All zero is an empty one. */
struct wakes {
	struct wake wake[WAKES_MAX];
};

/* The oldest is forgotten where there is no room. */
void wakes_add(struct wakes *wakes, bool keyed, uint64_t key, uint64_t ts_ns);
/*
 * The hit that a turn begun at start_ns answers, used up: that of its key, or the only one without
 * a key where `alone` says that no other turn can be meant.  False where there is none for sure.
 */
bool wakes_take(struct wakes *wakes, bool keyed, uint64_t key, uint64_t start_ns, bool alone,
		uint64_t *ts_ns);

#endif /* CHESHIRE_METRICS_WAKES_H */
