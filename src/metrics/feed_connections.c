/* SPDX-License-Identifier: GPL-2.0-only */
/* feed_connections.c - connections to databases: what one look a second found. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/connections.h"
#include "metrics/state.h"

#define AT_LEAST                                                                                   \
	"connections that were open before watching began are as old as it, at least: their age "  \
	"is not known"
#define UNIX_IDLE "unix sockets do not tell when they carried something: they are left out"
#define HANDLES_PARTIAL                                                                            \
	"handles of embedded databases that were open before watching began may be missing"
#define HANDLES_UNKNOWN "the stages that open and close its handles are not watched"

int connections_init(struct metrics *m)
{
	int err = 0;

	m->kinds_n = m->config->databases_n;
	m->kinds = calloc(m->kinds_n ? m->kinds_n : 1, sizeof(*m->kinds));
	if (!m->kinds)
		return -ENOMEM;
	for (size_t i = 0; i < m->kinds_n && !err; i++) {
		ids_join(m->kinds[i].id, sizeof(m->kinds[i].id), "db", m->config->databases[i].kind,
			 kind_def.id);
		err = series_init(&m->kinds[i].series, &kind_def);
	}
	return err;
}

void connections_release(struct metrics *m)
{
	for (size_t i = 0; m->kinds && i < m->kinds_n; i++)
		series_release(&m->kinds[i].series);
	free(m->kinds);
}

static void gauge(struct metrics *m, enum target_series which, double value, uint64_t now_ns)
{
	series_add_gauge(&m->target[which], value, false, now_ns);
}

static void feed_kinds(struct metrics *m, const struct connections_totals *t, uint64_t now_ns)
{
	for (size_t i = 0; i < m->kinds_n; i++) {
		struct kind_series *kind = &m->kinds[i];

		kind->seen |= t->of_kind[i] || t->handles_partial >> i & 1;
		kind->unknown = t->handles_unknown >> i & 1;
		series_add_gauge(&kind->series, t->of_kind[i], false, now_ns);
		if (t->handles_partial >> i & 1)
			series_mark(&kind->series, QUALITY_PARTIAL, HANDLES_PARTIAL, now_ns);
	}
}

static void feed_servers(struct metrics *m, const struct connections_totals *t, uint64_t now_ns)
{
	struct series *age = &m->target[TARGET_DB_AGE];

	gauge(m, TARGET_DB_IDLE, t->idle, now_ns);
	gauge(m, TARGET_DB_STALE, t->stale, now_ns);
	if (t->unix_open)
		series_mark(&m->target[TARGET_DB_IDLE], QUALITY_PARTIAL, UNIX_IDLE, now_ns);
	/* None any more is an age of 0, not the last one's. */
	if (t->servers_open || age->total.values)
		series_add_gauge(age, (double)t->oldest_ns / 1e9, false, now_ns);
	if (t->servers_open && t->oldest_at_least)
		series_mark(age, QUALITY_PARTIAL, AT_LEAST, now_ns);
	if (t->pool)
		gauge(m, TARGET_DB_POOL, t->pool, now_ns);
	if (t->attempted)
		gauge(m, TARGET_DB_CONNECT_LONGEST, (double)t->attempt_ns / 1e9, now_ns);
}

void metrics__feed_connections(struct metrics *m, const struct connections *connections,
			       uint64_t now_ns)
{
	const struct connections_totals *t = connections__totals(connections);

	m->now_ns = now_ns;
	m->connections_unknown = false;
	gauge(m, TARGET_DB_CONNECTIONS, t->open, now_ns);
	if (t->handles_partial)
		series_mark(&m->target[TARGET_DB_CONNECTIONS], QUALITY_PARTIAL, HANDLES_PARTIAL,
			    now_ns);
	feed_servers(m, t, now_ns);
	feed_kinds(m, t, now_ns);
}

void metrics__connections_unknown(struct metrics *m)
{
	m->connections_unknown = true;
}

void metrics__feed_connect(struct metrics *m, uint64_t duration_ns, bool failed, uint64_t now_ns)
{
	if (failed)
		series_add_ratio(&m->target[TARGET_DB_CONNECT_FAILED], 1.0, 0.0, 1, now_ns);
	else
		m->losses.memory += series_add_duration(&m->target[TARGET_DB_CONNECT_LATENCY],
							duration_ns, now_ns);
}

void metrics__lost_connects(struct metrics *m, uint64_t now_ns)
{
	for (int i = TARGET_DB_CONNECT_LATENCY; i <= TARGET_DB_CONNECT_FAILED; i++)
		series_mark(&m->target[i], QUALITY_PARTIAL, NULL, now_ns);
}

static const struct kind_series *kind_of(const struct metrics *m, const struct series *series)
{
	for (size_t i = 0; i < m->kinds_n; i++)
		if (series == &m->kinds[i].series)
			return &m->kinds[i];
	return NULL;
}

struct series *connections_find(struct metrics *m, const char *id)
{
	for (size_t i = 0; i < m->kinds_n; i++)
		if (strcmp(m->kinds[i].id, id) == 0)
			return &m->kinds[i].series;
	return NULL;
}

bool connections_own(const struct metrics *m, const struct series *series)
{
	return (series >= &m->target[TARGET_DB_CONNECTIONS] &&
		series <= &m->target[TARGET_DB_CONNECT_FAILED]) ||
	       kind_of(m, series);
}

const char *connections_id(const struct metrics *m, const struct series *series)
{
	const struct kind_series *kind = kind_of(m, series);

	return kind ? kind->id : NULL;
}

const char *connections_unknown(const struct metrics *m, const struct series *series)
{
	const struct kind_series *kind = kind_of(m, series);

	if (m->gone || !m->process_valid)
		return NULL;
	if (m->connections_unknown)
		return "the target's sockets cannot be looked at";
	return kind && kind->unknown ? HANDLES_UNKNOWN : NULL;
}
