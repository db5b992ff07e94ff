/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * datagrams.bpf.c - payload of UDP and unix sockets, of which the kernel keeps no counters.
 *
 * The two tracepoints (6.3, 6e6eda44b939 "sock: add tracepoint for send recv length") run after
 * every send and receive of every process on the host, which docs/overhead.md has the price of.
 * They tell the socket and the result, not the address that a datagram went to: an unconnected UDP
 * socket counts as remote unless it is bound to a loopback address.
 */
#include "sockets.bpf.h"

#define MSG_PEEK 2

/* Where the bytes belong; WIRE_NETS: they are not counted here. */
static __always_inline enum wire_net datagram_net(const struct sock *sk)
{
	if (sk->__sk_common.skc_family == AF_UNIX)
		return WIRE_NET_UNIX;
	if (!socket_is_inet(sk) ||
	    (sk->sk_protocol != IPPROTO_UDP && sk->sk_protocol != IPPROTO_UDPLITE))
		return WIRE_NETS;
	return socket_net(sk);
}

SEC("?tp_btf/sock_send_length")
int BPF_PROG(socket_sent, struct sock *sk, int length, int flags)
{
	enum wire_net net;

	(void)flags;
	if (length <= 0 || !current_is_target())
		return 0;
	net = datagram_net(sk);
	if (net < WIRE_NETS)
		shared_add(&traffic[net].sent_bytes, length);
	return 0;
}

SEC("?tp_btf/sock_recv_length")
int BPF_PROG(socket_received, struct sock *sk, int length, int flags)
{
	enum wire_net net;

	if (length <= 0 || flags & MSG_PEEK || !current_is_target())
		return 0;
	net = datagram_net(sk);
	if (net < WIRE_NETS)
		shared_add(&traffic[net].received_bytes, length);
	return 0;
}
