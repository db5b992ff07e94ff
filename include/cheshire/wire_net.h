/* SPDX-License-Identifier: GPL-2.0-only */
/* wire_net.h - what the BPF programs on sockets and user space say to each other; see wire.h. */
#ifndef CHESHIRE_WIRE_NET_H
#define CHESHIRE_WIRE_NET_H

#include "cheshire/wire.h"

/* Where the other end of a socket is. */
enum wire_net {
	WIRE_NET_REMOTE = 0,
	WIRE_NET_LOOPBACK = 1, /* this host: 127.0.0.0/8, ::1, or one of its own addresses */
	WIRE_NET_UNIX = 2,
	WIRE_NETS = 3,
};

/* Payload of the target's sockets, running totals since the programs were loaded. */
struct wire_traffic {
	__u64 sent_bytes;
	__u64 received_bytes;
};

/* One internet socket among the target's descriptors; one record, however many refer to it. */
struct wire_socket {
	__u16 family;	/* AF_INET, AF_INET6 */
	__u16 protocol; /* IPPROTO_TCP, ... */
	__u16 local_port;
	__u16 remote_port; /* 0: not connected */
	__u8 state;	   /* of TCP: enum wire_tcp_state */
	__u8 net;	   /* enum wire_net */
	__u16 pad0;
};

/* Of include/net/tcp_states.h, an interface of the kernel to user space. */
enum wire_tcp_state {
	WIRE_TCP_ESTABLISHED = 1,
	WIRE_TCP_SYN_SENT = 2,
	WIRE_TCP_FIN_WAIT1 = 4,
	WIRE_TCP_CLOSE = 7,
	WIRE_TCP_CLOSE_WAIT = 8,
	WIRE_TCP_LAST_ACK = 9,
	WIRE_TCP_LISTEN = 10,
};

_Static_assert(sizeof(struct wire_traffic) == 16, "wire_traffic layout");
_Static_assert(sizeof(struct wire_socket) == 12, "wire_socket layout");

#endif
