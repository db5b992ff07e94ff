/* SPDX-License-Identifier: GPL-2.0-only */
#include "metrics/connections.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#define NO_KIND SIZE_MAX

struct connections {
	const struct config *config;
	uint64_t now_ns;
	struct connections_totals totals;
	size_t servers_n;
	struct connection_server server[CONNECTION_SERVERS_MAX];
};

struct connections *connections__new(const struct config *config)
{
	struct connections *c = calloc(1, sizeof(*c));

	if (c)
		c->config = config;
	return c;
}

void connections__free(struct connections *c)
{
	free(c);
}

/* Keeps who had a slow attempt not long ago; the rest is found anew. */
void connections__begin(struct connections *c, uint64_t now_ns)
{
	size_t n = 0;

	memset(&c->totals, 0, sizeof(c->totals));
	c->now_ns = now_ns;
	for (size_t i = 0; i < c->servers_n; i++) {
		struct connection_server s = c->server[i];

		if (!s.attempt_ns || now_ns > s.attempt_end_ns + CONNECTION_ATTEMPT_NS)
			continue;
		s.open = s.stale = s.stay = s.idle = s.connecting = 0;
		s.oldest_ns = s.connecting_ns = 0;
		s.oldest_at_least = false;
		c->server[n++] = s;
	}
	c->servers_n = n;
}

static size_t kind_of_port(const struct config *config, uint16_t port)
{
	for (size_t i = 0; port && i < config->databases_n; i++)
		for (size_t j = 0; j < config->databases[i].ports_n; j++)
			if (config->databases[i].ports[j] == port)
				return i;
	return NO_KIND;
}

static size_t kind_of_path(const struct config *config, const char *path)
{
	for (size_t i = 0; i < config->databases_n; i++)
		for (size_t j = 0; j < config->databases[i].paths_n; j++)
			if (!fnmatch(config->databases[i].paths[j], path, 0))
				return i;
	return NO_KIND;
}

/* As /proc/net/unix shows it: '@' for the NUL of an abstract one, and for those in its midst. */
static void read_path(const struct wire_db_socket *socket, char out[WIRE_UNIX_PATH + 2])
{
	size_t n = socket->path_bytes > WIRE_UNIX_PATH ? WIRE_UNIX_PATH : socket->path_bytes;
	bool abstract = n && !socket->path[0];

	for (size_t i = 0; i < n; i++) {
		if (!socket->path[i] && !abstract) {
			n = i;
			break;
		}
		out[i] = socket->path[i] ? socket->path[i] : '@';
	}
	out[n] = '\0';
}

/* The place of that server, made if need be; NULL: no room. */
static struct connection_server *place(struct connections *c, size_t kind, uint16_t port,
				       enum wire_net net, const char *path)
{
	struct connection_server *s;

	for (size_t i = 0; i < c->servers_n; i++) {
		s = &c->server[i];
		if (s->kind == kind && s->port == port && s->net == net && !strcmp(s->path, path))
			return s;
	}
	if (c->servers_n == CONNECTION_SERVERS_MAX)
		return NULL;
	s = &c->server[c->servers_n++];
	memset(s, 0, sizeof(*s));
	s->kind = (uint16_t)kind;
	s->port = port;
	s->net = net;
	memcpy(s->path, path, strlen(path) + 1);
	return s;
}

static uint64_t age(const struct connections *c, uint64_t since_ns)
{
	return c->now_ns > since_ns ? c->now_ns - since_ns : 0;
}

static void add_open(struct connections *c, size_t kind, struct connection_server *server,
		     const struct wire_db_socket *socket)
{
	struct connections_totals *t = &c->totals;
	uint64_t age_ns = age(c, socket->since_ns);
	bool at_least = socket->flags & WIRE_DB_BEFORE;
	bool idle = socket->flags & WIRE_DB_ACTIVE_KNOWN &&
		    age(c, socket->active_ns) >= CONNECTION_IDLE_NS;

	t->open++;
	t->servers_open++;
	t->of_kind[kind]++;
	t->idle += idle;
	t->unix_open += socket->net == WIRE_NET_UNIX;
	if (age_ns >= t->oldest_ns) {
		t->oldest_ns = age_ns;
		t->oldest_at_least = at_least;
	}
	if (!server)
		return;
	server->open++;
	server->idle += idle;
	server->stay += age_ns >= CONNECTION_STAYS_NS;
	if (server->stay > t->pool)
		t->pool = server->stay;
	if (age_ns >= server->oldest_ns) {
		server->oldest_ns = age_ns;
		server->oldest_at_least = at_least;
	}
}

static void add_attempt(struct connections *c, uint64_t duration_ns)
{
	c->totals.attempted = true;
	if (duration_ns > c->totals.attempt_ns)
		c->totals.attempt_ns = duration_ns;
}

static void add_connecting(struct connections *c, struct connection_server *server,
			   const struct wire_db_socket *socket)
{
	uint64_t waits_ns = age(c, socket->begun_ns);

	add_attempt(c, waits_ns);
	if (!server)
		return;
	server->connecting++;
	if (waits_ns > server->connecting_ns)
		server->connecting_ns = waits_ns;
}

void connections__add(struct connections *c, const struct wire_db_socket *socket)
{
	struct connection_server *server;
	char path[WIRE_UNIX_PATH + 2];
	size_t kind;

	read_path(socket, path);
	kind = socket->port ? kind_of_port(c->config, socket->port) : kind_of_path(c->config, path);
	if (kind == NO_KIND)
		return;
	server = place(c, kind, socket->port, (enum wire_net)socket->net, path);
	if (socket->flags & WIRE_DB_ENDED) {
		bool stale = age(c, socket->ended_ns) >= CONNECTION_STALE_NS;

		c->totals.stale += stale;
		if (server)
			server->stale += stale;
	} else if (socket->state == WIRE_TCP_ESTABLISHED) {
		add_open(c, kind, server, socket);
	} else if (socket->state == WIRE_TCP_SYN_SENT && socket->begun_ns) {
		add_connecting(c, server, socket);
	}
}

bool connections__attempt(struct connections *c, const struct wire_db_connect *connect)
{
	size_t kind = kind_of_port(c->config, connect->port);
	struct connection_server *s;

	if (kind == NO_KIND)
		return false;
	add_attempt(c, connect->duration_ns);
	s = place(c, kind, connect->port, (enum wire_net)connect->net, "");
	if (s && connect->duration_ns > s->attempt_ns) {
		s->attempt_ns = connect->duration_ns;
		s->attempt_end_ns = connect->end_ns;
		s->attempt_failed = connect->failed;
	}
	return true;
}

void connections__handles(struct connections *c, size_t kind, uint32_t n, bool partial)
{
	struct connection_server *s;

	if (kind >= c->config->databases_n)
		return;
	c->totals.open += n;
	c->totals.of_kind[kind] += n;
	if (partial)
		c->totals.handles_partial |= 1U << kind;
	s = n ? place(c, kind, 0, WIRE_NET_LOOPBACK, "") : NULL;
	if (s)
		s->open += n;
}

void connections__handles_unknown(struct connections *c, size_t kind)
{
	if (kind < c->config->databases_n)
		c->totals.handles_unknown |= 1U << kind;
}

const struct connections_totals *connections__totals(const struct connections *c)
{
	return &c->totals;
}

const char *connections__kind(const struct connections *c, size_t kind)
{
	return kind < c->config->databases_n ? c->config->databases[kind].kind : "?";
}

static uint64_t weight(const struct connection_server *s, enum connection_order order)
{
	bool embedded = !s->port && !s->path[0];

	switch (order) {
	case CONNECTION_BY_OPEN:
		return s->open;
	case CONNECTION_BY_STALE:
		return s->stale;
	case CONNECTION_BY_AGE:
		return embedded ? 0 : s->oldest_ns;
	case CONNECTION_BY_ATTEMPT:
		return s->connecting_ns > s->attempt_ns ? s->connecting_ns : s->attempt_ns;
	}
	return 0;
}

size_t connections__servers(const struct connections *c, enum connection_order order,
			    const struct connection_server **out, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < c->servers_n && max; i++) {
		const struct connection_server *s = &c->server[i];
		size_t at;

		if (!weight(s, order))
			continue;
		if (n == max) {
			if (weight(out[n - 1], order) >= weight(s, order))
				continue;
			n--;
		}
		for (at = n++; at && weight(out[at - 1], order) < weight(s, order); at--)
			out[at] = out[at - 1];
		out[at] = s;
	}
	return n;
}
