/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * connections.h - the target's connections to databases, as one look a second finds them: by
 * server, and in all.
 *
 * Pure.  A look: connections__begin(), __add() for every socket, __attempt() for every connect that
 * ended since the look before, __handles() for every kind that is embedded; then the totals.
 */
#ifndef CHESHIRE_METRICS_CONNECTIONS_H
#define CHESHIRE_METRICS_CONNECTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cheshire/wire_db.h"
#include "config/config.h"

#define CONNECTION_SERVERS_MAX 64 /* told apart; those beyond are in the totals only */
#define CONNECTION_TEXT_MAX    384

/* A connection that carried nothing for so long is idle; one that is older stays open. */
#define CONNECTION_IDLE_NS  10000000000ULL
#define CONNECTION_STAYS_NS 10000000000ULL
/* Ended by the server for so long, it is not just being closed. */
#define CONNECTION_STALE_NS 900000000ULL
/* The longest attempt to connect is remembered for so long. */
#define CONNECTION_ATTEMPT_NS 600000000000ULL

/* Where connections lead. */
struct connection_server {
	uint16_t kind;		       /* index into config.databases */
	uint16_t port;		       /* 0: by path, or embedded */
	enum wire_net net;	       /* of a port: this host or another */
	char path[WIRE_UNIX_PATH + 2]; /* "": by port; escape before printing */
	uint32_t open, stale, stay;    /* stay: open for CONNECTION_STAYS_NS */
	uint32_t idle, connecting;     /* idle: of TCP only */
	uint64_t oldest_ns;	       /* age of the oldest that is open */
	bool oldest_at_least;	       /* it was there before us */
	uint64_t connecting_ns;	       /* the longest attempt that still waits */
	uint64_t attempt_ns;	       /* the longest that has ended, at attempt_end_ns; 0: none */
	uint64_t attempt_end_ns;
	bool attempt_failed;
};

struct connections_totals {
	uint32_t open; /* with handles */
	uint32_t of_kind[CONFIG_DATABASES_MAX];
	uint32_t servers_open; /* without handles */
	uint32_t idle, stale;
	uint32_t pool;	    /* that stay open, of the server with most of them */
	uint32_t unix_open; /* not known whether they are idle */
	uint64_t oldest_ns; /* where servers_open */
	bool oldest_at_least;
	bool attempted;	     /* an attempt ended since the look before, or waits now */
	uint64_t attempt_ns; /* the longest of these */
	/* Of embedded kinds: bits by kind. */
	uint32_t handles_unknown, handles_partial;
};

struct connections;

/* `config` is kept by reference.  NULL and errno on failure. */
struct connections *connections__new(const struct config *config);
void connections__free(struct connections *c);

/* A new look; what the one before found is forgotten, but for slow attempts to connect. */
void connections__begin(struct connections *c, uint64_t now_ns);
/* Ignored where it is of no kind of database. */
void connections__add(struct connections *c, const struct wire_db_socket *socket);
/* False where its port is of no kind. */
bool connections__attempt(struct connections *c, const struct wire_db_connect *connect);
/* Open handles of an embedded kind. */
void connections__handles(struct connections *c, size_t kind, uint32_t n, bool partial);
void connections__handles_unknown(struct connections *c, size_t kind);

const struct connections_totals *connections__totals(const struct connections *c);

/* The name of a kind, "?" where there is none. */
const char *connections__kind(const struct connections *c, size_t kind);

/* What a metric's alert is about: which servers come first. */
enum connection_order {
	CONNECTION_BY_OPEN,
	CONNECTION_BY_STALE,
	CONNECTION_BY_AGE,
	CONNECTION_BY_ATTEMPT,
};

/* Servers with something to say in this order, first first; at most `max`; returns how many. */
size_t connections__servers(const struct connections *c, enum connection_order order,
			    const struct connection_server **out, size_t max);
/* A sentence: "redis, port 6379 on this host: 12 open (3 idle), oldest 7210 s". */
void connections__describe(const struct connections *c, const struct connection_server *server,
			   char *out, size_t size);

#endif /* CHESHIRE_METRICS_CONNECTIONS_H */
