/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/backoff.h"

void backoff_failed(struct backoff *b, uint64_t first_ns, uint64_t now_ns)
{
	bool held_out = b->works_ns && now_ns - b->works_ns >= BACKOFF_HELD_OUT * b->delay_ns;

	if (!b->delay_ns || held_out)
		b->delay_ns = first_ns;
	else
		b->delay_ns = b->delay_ns < BACKOFF_MAX_NS / 2 ? 2 * b->delay_ns : BACKOFF_MAX_NS;
	b->due_ns = now_ns + b->delay_ns;
	b->works_ns = 0;
}

void backoff_works(struct backoff *b, uint64_t now_ns)
{
	b->due_ns = 0;
	b->works_ns = now_ns;
}

bool backoff_take(struct backoff *b, uint64_t now_ns)
{
	if (!b->due_ns || now_ns < b->due_ns)
		return false;
	b->due_ns = 0;
	return true;
}
