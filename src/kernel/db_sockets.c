/* SPDX-License-Identifier: GPL-2.0-only */
#include "kernel/db_sockets.h"

#include <errno.h>
#include <stdlib.h>

#include <bpf/libbpf.h>

#include "kernel/loader_state.h"
#include "kernel/snapshot.h"

struct db_sockets {
	const struct wire_db_connect *connects; /* these two in the .bss of the programs */
	const uint64_t *connects_n;
	uint64_t seen_n;
	struct snapshot *walk;
	struct loader *loader; /* borrowed */
	db_socket_fn fn;       /* of the walk that is running */
	void *ctx;
};

static int set_ports(struct loader *l, const uint16_t *ports, size_t n)
{
	const uint8_t yes = 1;
	int err = 0;

	for (size_t i = 0; i < n && !err; i++)
		err = bpf_map__update_elem(l->skel->maps.db_ports, &ports[i], sizeof(ports[i]),
					   &yes, sizeof(yes), 0);
	return err;
}

int db_sockets__open(struct loader *l, const uint16_t *ports, size_t ports_n,
		     struct db_sockets **out)
{
	struct db_sockets *s = calloc(1, sizeof(*s));
	int err;

	*out = NULL;
	if (!s)
		return -ENOMEM;
	s->loader = l;
	s->connects = l->skel->bss->db_connects;
	s->connects_n = (const uint64_t *)&l->skel->bss->db_connects_n;
	err = set_ports(l, ports, ports_n);
	if (!err && loader__link(l, LOADER_LINK_DB_STATE) < 0)
		err = loader__link(l, LOADER_LINK_DB_STATE);
	if (!err)
		err = snapshot__open(loader__link(l, LOADER_LINK_DB_WALK),
				     sizeof(struct wire_db_socket), &s->walk);
	err = err ?: db_sockets__walk(s, NULL, NULL);
	if (err) {
		db_sockets__free(s);
		return err;
	}
	*out = s;
	return 0;
}

void db_sockets__free(struct db_sockets *s)
{
	if (!s)
		return;
	loader__drop_link(s->loader, LOADER_LINK_DB_STATE);
	snapshot__free(s->walk);
	free(s);
}

static void on_record(void *ctx, const void *record)
{
	const struct db_sockets *s = ctx;

	if (s->fn)
		s->fn(s->ctx, record);
}

int db_sockets__walk(struct db_sockets *s, db_socket_fn fn, void *ctx)
{
	s->fn = fn;
	s->ctx = ctx;
	return snapshot__run(s->walk, on_record, s);
}

enum read {
	READ_WHOLE = 0,
	READ_LATER = 1, /* it is being written */
	READ_LOST = 2,	/* it was overwritten */
};

static enum read read_connect(const struct db_sockets *s, uint64_t number,
			      struct wire_db_connect *out)
{
	const struct wire_db_connect *at = &s->connects[(number - 1) % WIRE_DB_CONNECTS];
	uint64_t before = __atomic_load_n(&at->number, __ATOMIC_ACQUIRE);

	if (before != number)
		return before > number ? READ_LOST : READ_LATER;
	*out = *at;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return __atomic_load_n(&at->number, __ATOMIC_RELAXED) == number ? READ_WHOLE : READ_LOST;
}

uint64_t db_sockets__connects(struct db_sockets *s, db_connect_fn fn, void *ctx)
{
	uint64_t end = __atomic_load_n(s->connects_n, __ATOMIC_ACQUIRE), lost = 0;
	struct wire_db_connect connect;

	if (end - s->seen_n > WIRE_DB_CONNECTS) {
		lost = end - s->seen_n - WIRE_DB_CONNECTS;
		s->seen_n += lost;
	}
	for (; s->seen_n < end; s->seen_n++) {
		enum read how = read_connect(s, s->seen_n + 1, &connect);

		if (how == READ_LATER)
			break;
		if (how == READ_WHOLE)
			fn(ctx, &connect);
		else
			lost++;
	}
	return lost;
}
