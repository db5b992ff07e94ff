/* SPDX-License-Identifier: GPL-2.0-only */
#include "kernel/sockets.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "kernel/loader_state.h"
#include "kernel/snapshot.h"

struct sockets {
	const struct wire_traffic *traffic; /* in the .bss of the programs */
	struct snapshot *walk;
	struct loader *loader; /* borrowed */
};

static bool has_tracepoint(const struct btf *btf, const char *name)
{
	return btf__find_by_name_kind(btf, name, BTF_KIND_TYPEDEF) > 0;
}

static bool have_datagrams(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	bool have = btf && has_tracepoint(btf, "btf_trace_sock_send_length") &&
		    has_tracepoint(btf, "btf_trace_sock_recv_length");

	btf__free(btf);
	return have;
}

int sockets_choose(struct loader *l, bool wanted)
{
	bool datagrams = wanted && have_datagrams();
	int err = bpf_program__set_autoload(l->skel->progs.socket_sent, datagrams);

	l->datagrams_wanted = wanted;
	return err ?: bpf_program__set_autoload(l->skel->progs.socket_received, datagrams);
}

int sockets__open(struct loader *l, struct sockets **out)
{
	struct sockets *s = calloc(1, sizeof(*s));
	struct sockets_reading first;
	int err;

	*out = NULL;
	if (!s)
		return -ENOMEM;
	s->traffic = l->skel->bss->traffic;
	s->loader = l;
	err = loader__link(l, LOADER_LINK_SOCKETS_STATE);
	if (err >= 0)
		err = snapshot__open(loader__link(l, LOADER_LINK_SOCKETS_WALK),
				     sizeof(struct wire_socket), &s->walk);
	err = err < 0 ? err : sockets__read(s, 0, &first);
	if (err) {
		sockets__free(s);
		return err;
	}
	*out = s;
	return 0;
}

/* Hooks that nobody reads would cost for nothing. */
void sockets__free(struct sockets *s)
{
	if (!s)
		return;
	loader__drop_link(s->loader, LOADER_LINK_SOCKETS_RECEIVED);
	loader__drop_link(s->loader, LOADER_LINK_SOCKETS_SENT);
	loader__drop_link(s->loader, LOADER_LINK_SOCKETS_STATE);
	snapshot__free(s->walk);
	free(s);
}

bool sockets__datagrams(const struct sockets *s, const char **why)
{
	bool have = loader__link(s->loader, LOADER_LINK_SOCKETS_SENT) >= 0;

	*why = NULL;
	if (!have)
		*why = s->loader->datagrams_wanted
			       ? "UDP and unix sockets are not counted: this kernel (before 6.3) "
				 "has "
				 "no hooks for them"
			       : "UDP and unix sockets are not counted unless the configuration "
				 "asks "
				 "for it (sockets: { datagrams: yes })";
	return have;
}

/* One look. */
struct look {
	struct sockets_reading *out;
	uint16_t port;
};

static void on_socket(void *ctx, const void *record)
{
	const struct wire_socket *socket = record;
	struct look *look = ctx;

	switch (socket->protocol) {
	case IPPROTO_TCP:
		look->out->tcp++;
		if (look->port && socket->local_port == look->port &&
		    socket->state == WIRE_TCP_ESTABLISHED)
			look->out->connections++;
		break;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		look->out->udp++;
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		break;
	default:
		look->out->uncounted = true;
	}
}

int sockets__read(struct sockets *s, uint16_t port, struct sockets_reading *out)
{
	struct look look = {.out = out, .port = port};
	int err;

	memset(out, 0, sizeof(*out));
	err = snapshot__run(s->walk, on_socket, &look);
	for (int i = 0; i < WIRE_NETS; i++) {
		const volatile struct wire_traffic *traffic = &s->traffic[i];

		out->traffic[i].sent_bytes = traffic->sent_bytes;
		out->traffic[i].received_bytes = traffic->received_bytes;
	}
	return err;
}
