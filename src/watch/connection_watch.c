/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/connection_watch.h"

#include <errno.h>
#include <stdlib.h>

#include "config/config.h"
#include "kernel/db_sockets.h"
#include "log/log.h"
#include "metrics/connections.h"
#include "watch/db_handles.h"
#include "watch/watching.h"

#define PORTS_MAX (CONFIG_DATABASES_MAX * CONFIG_DATABASE_PORTS_MAX)

struct connection_watch {
	struct db_sockets *sockets;
	struct connections *found;
	struct db_handles handles[CONFIG_DATABASES_MAX];
	bool said_failed;
};

static int open_sockets(struct connection_watch *cw, struct loader *loader,
			const struct config *config)
{
	uint16_t ports[PORTS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < config->databases_n; i++)
		for (size_t j = 0; j < config->databases[i].ports_n; j++)
			ports[n++] = config->databases[i].ports[j];
	return db_sockets__open(loader, ports, n, &cw->sockets);
}

struct connection_watch *connection_watch__new(struct loader *loader, const struct config *config)
{
	struct connection_watch *cw = calloc(1, sizeof(*cw));
	int err;

	if (!cw)
		return NULL;
	cw->found = connections__new(config);
	err = cw->found ? open_sockets(cw, loader, config) : -ENOMEM;
	if (!err)
		return cw;
	connection_watch__free(cw);
	errno = -err;
	return NULL;
}

void connection_watch__free(struct connection_watch *cw)
{
	if (!cw)
		return;
	db_sockets__free(cw->sockets);
	connections__free(cw->found);
	free(cw);
}

const struct connections *connection_watch__found(const struct connection_watch *cw)
{
	return cw ? cw->found : NULL;
}

static void on_socket(void *ctx, const struct wire_db_socket *socket)
{
	connections__add(ctx, socket);
}

struct look {
	struct connections *found;
	struct metrics *metrics;
	uint64_t now_ns;
};

static void on_connect(void *ctx, const struct wire_db_connect *connect)
{
	struct look *look = ctx;

	if (connections__attempt(look->found, connect))
		metrics__feed_connect(look->metrics, connect->duration_ns, connect->failed,
				      look->now_ns);
}

static void look_at_handles(struct connection_watch *cw, const struct watching *w)
{
	for (size_t i = 0; i < w->config->databases_n; i++) {
		const struct database_config *db = &w->config->databases[i];
		uint32_t n = 0;

		if (!db->open || !db->close)
			continue;
		switch (db_handles_look(&cw->handles[i], w, db, &n)) {
		case DB_HANDLES_KNOWN:
			connections__handles(cw->found, i, n, cw->handles[i].partial);
			break;
		case DB_HANDLES_UNKNOWN:
			connections__handles_unknown(cw->found, i);
			break;
		case DB_HANDLES_NONE:
			break;
		}
	}
}

void connection_watch__stages(struct connection_watch *cw, const struct watching *w)
{
	uint32_t n;

	for (size_t i = 0; cw && i < w->config->databases_n; i++)
		if (w->config->databases[i].open && w->config->databases[i].close)
			(void)db_handles_look(&cw->handles[i], w, &w->config->databases[i], &n);
}

void connection_watch__look(struct connection_watch *cw, struct watching *w, uint64_t now_ns)
{
	struct look look = {.metrics = w->metrics, .now_ns = now_ns};
	int err;

	if (!cw) {
		metrics__connections_unknown(w->metrics);
		return;
	}
	look.found = cw->found;
	connections__begin(cw->found, now_ns);
	err = db_sockets__walk(cw->sockets, on_socket, cw->found);
	if (err) {
		if (!cw->said_failed)
			log_info("connections cannot be looked at: %s", err_str(err));
		cw->said_failed = true;
		metrics__connections_unknown(w->metrics);
		return;
	}
	if (db_sockets__connects(cw->sockets, on_connect, &look))
		metrics__lost_connects(w->metrics, now_ns);
	look_at_handles(cw, w);
	metrics__feed_connections(w->metrics, cw->found, now_ns);
}
