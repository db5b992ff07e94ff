/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/publish_connections.h"

#include <math.h>
#include <string.h>

#include "watch/connection_watch.h"
#include "watch/watching.h"

/* By the metric without its statistic; false: it is not about connections. */
static bool order_of(const char *metric, enum connection_order *order)
{
	static const struct {
		const char *metric;
		enum connection_order order;
	} orders[] = {
		{"db.connections.stale", CONNECTION_BY_STALE},
		{"db.connections.age", CONNECTION_BY_AGE},
		{"db.connections", CONNECTION_BY_OPEN},
		{"db.connections.idle", CONNECTION_BY_OPEN},
		{"db.pool.size", CONNECTION_BY_OPEN},
		{"db.connect.longest", CONNECTION_BY_ATTEMPT},
		{"db.connect.latency", CONNECTION_BY_ATTEMPT},
		{"db.connect.failed", CONNECTION_BY_ATTEMPT},
	};
	const char *last = strrchr(metric, '.');

	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
		if (!strcmp(orders[i].metric, metric)) {
			*order = orders[i].order;
			return true;
		}
	*order = CONNECTION_BY_OPEN;
	return !strncmp(metric, "db.", 3) && last && !strcmp(last, ".connections");
}

/* "db.redis.connections" is about that kind alone. */
static bool is_of(const struct connections *c, const struct connection_server *server,
		  const char *metric)
{
	const char *kind = connections__kind(c, server->kind);
	size_t len = strlen(kind);

	if (!strcmp(metric, "db.connections"))
		return true;
	return strcmp(metric + strlen(metric) - strlen(".connections"), ".connections") ||
	       (!strncmp(metric + 3, kind, len) && metric[3 + len] == '.');
}

size_t publish_connections(const struct watching *w, const char *metric,
			   struct sink_evidence out[EVIDENCE_KEPT], struct connection_texts *texts)
{
	const struct connection_server *servers[CONNECTION_SERVERS_MAX];
	const struct connections *c = connection_watch__found(w->connections);
	enum connection_order order;
	size_t n, kept = 0;

	if (!c || !order_of(metric, &order))
		return 0;
	n = connections__servers(c, order, servers, CONNECTION_SERVERS_MAX);
	for (size_t i = 0; i < n && kept < EVIDENCE_KEPT; i++) {
		if (!is_of(c, servers[i], metric))
			continue;
		connections__describe(c, servers[i], texts->text[kept], CONNECTION_TEXT_MAX);
		out[kept] = (struct sink_evidence){.kind = SINK_EVIDENCE_NOTE,
						   .wall_s = NAN,
						   .first_s = NAN,
						   .process_cpu_s = NAN,
						   .text = texts->text[kept]};
		kept++;
	}
	return kept;
}
