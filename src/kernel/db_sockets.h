/* SPDX-License-Identifier: GPL-2.0-only */
/* db_sockets.h - the target's connections to databases: bpf/db_sockets.bpf.c. */
#ifndef CHESHIRE_KERNEL_DB_SOCKETS_H
#define CHESHIRE_KERNEL_DB_SOCKETS_H

#include <stddef.h>
#include <stdint.h>

#include "cheshire/wire_db.h"

struct loader;
struct db_sockets;

/*
 * Times connects to these ports from now on, and notes the sockets that are there already.
 * 0 or a negative errno.
 */
int db_sockets__open(struct loader *loader, const uint16_t *ports, size_t ports_n,
		     struct db_sockets **out);
/* Before loader__free; NULL is fine. */
void db_sockets__free(struct db_sockets *sockets);

/* The record is valid during the call only. */
typedef void (*db_socket_fn)(void *ctx, const struct wire_db_socket *socket);
typedef void (*db_connect_fn)(void *ctx, const struct wire_db_connect *connect);

/*
 * Looks at every socket of the target: those of the ports, and every unix socket with a named peer.
 * 0 or a negative errno: some may have been handed out before it failed.
 */
int db_sockets__walk(struct db_sockets *sockets, db_socket_fn fn, void *ctx);
/* The attempts to connect that ended since the last call; returns how many were lost. */
uint64_t db_sockets__connects(struct db_sockets *sockets, db_connect_fn fn, void *ctx);

#endif
