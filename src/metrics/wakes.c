/* SPDX-License-Identifier: GPL-2.0-only */
#include "metrics/wakes.h"

#include <stddef.h>

#define WAKE_KEPT_NS (60ULL * 1000000000ULL)

void wakes_add(struct wakes *wakes, bool keyed, uint64_t key, uint64_t ts_ns)
{
	struct wake *place = &wakes->wake[0];

	for (size_t i = 0; i < WAKES_MAX; i++) {
		struct wake *wake = &wakes->wake[i];

		/* Said again: the later one is answered. */
		if (wake->ts_ns && wake->keyed == keyed && wake->key == key) {
			place = wake;
			break;
		}
		if (wake->ts_ns < place->ts_ns)
			place = wake;
	}
	*place = (struct wake){.keyed = keyed, .key = key, .ts_ns = ts_ns};
}

bool wakes_take(struct wakes *wakes, bool keyed, uint64_t key, uint64_t start_ns, bool alone,
		uint64_t *ts_ns)
{
	struct wake *found = NULL;
	size_t unkeyed = 0;

	for (size_t i = 0; i < WAKES_MAX; i++) {
		struct wake *wake = &wakes->wake[i];

		if (!wake->ts_ns || wake->ts_ns > start_ns)
			continue;
		if (start_ns - wake->ts_ns > WAKE_KEPT_NS) {
			wake->ts_ns = 0;
			continue;
		}
		if (wake->keyed && keyed) {
			if (wake->key != key)
				continue;
			*ts_ns = wake->ts_ns;
			wake->ts_ns = 0;
			return true;
		}
		unkeyed++;
		found = wake;
	}
	if (unkeyed != 1 || !alone)
		return false;
	*ts_ns = found->ts_ns;
	found->ts_ns = 0;
	return true;
}
