/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * users.c - how many users are served at the same time.
 *
 * By turns: the most that were open at any one time, from the intervals of the turns themselves,
 * exact however short they overlapped.  A turn is open from its start to its first audio; one
 * that never gets any, until the next of its key, or `idle` after the last thing that happened in
 * it.  By connections (`users: { port: }`): those accepted and established, looked at once a
 * second.
 */
#include "metrics/state.h"

static bool by_turns(const struct metrics *m)
{
	return !m->config->users.port;
}

bool users_known(const struct metrics *m, enum target_series which)
{
	if (which == TARGET_USERS_CONNECTIONS)
		return !by_turns(m);
	/* Where no end of a turn is ever seen, all are open until they are idle. */
	return !by_turns(m) || turns__has_end(m->turns);
}

const char *users_unknown(const struct metrics *m)
{
	if (by_turns(m))
		return turns_unknown(m);
	if (m->gone || !m->process_valid || m->process.connections_known)
		return NULL;
	return "the connections of the port cannot be counted";
}

void users_feed_connections(struct metrics *m, const struct process_sample *now)
{
	if (by_turns(m) || !now->connections_known)
		return;
	series_add_gauge(&m->target[TARGET_USERS_CONNECTIONS], now->connections, false, now->ts_ns);
	series_add_gauge(&m->target[TARGET_USERS_ACTIVE], now->connections, false, now->ts_ns);
}

void users_tick(struct metrics *m, uint64_t until_ns, uint64_t now_ns)
{
	struct series *active = &m->target[TARGET_USERS_ACTIVE];
	bool whole;
	size_t most;

	if (!by_turns(m) || !turns__has_end(m->turns))
		return;
	most = turns__most(m->turns, until_ns, &whole);
	series_add_gauge(active, (double)most, true, now_ns);
	if (!whole)
		series_mark(active, QUALITY_PARTIAL, NULL, now_ns);
}
