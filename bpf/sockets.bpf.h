/* SPDX-License-Identifier: GPL-2.0-only */
/* sockets.bpf.h - what kind of socket this is, and where its other end. */
#ifndef CHESHIRE_SOCKETS_BPF_H
#define CHESHIRE_SOCKETS_BPF_H

#include "common.bpf.h"
#include "cheshire/wire_net.h"

#define AF_UNIX	 1
#define AF_INET	 2
#define AF_INET6 10

#define IPPROTO_TCP	6
#define IPPROTO_UDP	17
#define IPPROTO_UDPLITE 136

#define LOOPBACK_IFINDEX 1 /* in every network namespace */

/* sockets.bpf.c */
extern struct wire_traffic traffic[WIRE_NETS];

static __always_inline bool socket_is_inet(const struct sock *sk)
{
	return sk->__sk_common.skc_family == AF_INET || sk->__sk_common.skc_family == AF_INET6;
}

/* 127.0.0.0/8; addresses are in network order. */
static __always_inline bool ipv4_is_loopback(__be32 address)
{
	return (bpf_ntohl(address) >> 24) == 127;
}

static __always_inline bool ipv6_is_loopback(const __be32 word[4])
{
	if (word[0] || word[1])
		return false;
	/* ::1, or an IPv4 address behind ::ffff:0:0/96 */
	return (!word[2] && word[3] == bpf_htonl(1)) ||
	       (word[2] == bpf_htonl(0xffff) && ipv4_is_loopback(word[3]));
}

static __always_inline bool ipv6_socket_is_loopback(const struct sock *sk)
{
	struct in6_addr local = {}, remote = {};
	const __be32 *l = local.in6_u.u6_addr32, *r = remote.in6_u.u6_addr32;

	/* Not in a kernel that was built without IPv6; there are no such sockets then. */
	if (!bpf_core_field_exists(sk->__sk_common.skc_v6_daddr))
		return false;
	BPF_CORE_READ_INTO(&remote, sk, __sk_common.skc_v6_daddr);
	BPF_CORE_READ_INTO(&local, sk, __sk_common.skc_v6_rcv_saddr);
	/* Without a peer it is where it is bound. */
	if (!(r[0] | r[1] | r[2] | r[3]))
		return ipv6_is_loopback(l);
	return ipv6_is_loopback(r) ||
	       (l[0] == r[0] && l[1] == r[1] && l[2] == r[2] && l[3] == r[3]);
}

static __always_inline bool ipv4_socket_is_loopback(const struct sock *sk)
{
	__be32 remote = sk->__sk_common.skc_daddr, local = sk->__sk_common.skc_rcv_saddr;

	if (!remote)
		return ipv4_is_loopback(local);
	return ipv4_is_loopback(remote) || local == remote;
}

/* From one of the host's addresses to another: only the route knows. */
static __always_inline bool socket_route_is_loopback(const struct sock *sk)
{
	return BPF_CORE_READ(sk, sk_dst_cache, dev, ifindex) == LOOPBACK_IFINDEX;
}

/* Of an internet socket. */
static __always_inline enum wire_net socket_net(const struct sock *sk)
{
	bool loopback = sk->__sk_common.skc_family == AF_INET6 ? ipv6_socket_is_loopback(sk)
							       : ipv4_socket_is_loopback(sk);

	return loopback || socket_route_is_loopback(sk) ? WIRE_NET_LOOPBACK : WIRE_NET_REMOTE;
}

#endif
