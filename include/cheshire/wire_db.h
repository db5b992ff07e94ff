/* SPDX-License-Identifier: GPL-2.0-only */
/* wire_db.h - what the BPF programs on connections to databases and user space say; see wire.h. */
#ifndef CHESHIRE_WIRE_DB_H
#define CHESHIRE_WIRE_DB_H

#include "cheshire/wire_net.h"

#define WIRE_UNIX_PATH 108 /* bytes of a unix socket's name, the kernel's limit */

enum wire_db_flags {
	WIRE_DB_BEFORE = 1 << 0, /* it was there before us: its times are those of our coming */
	WIRE_DB_ENDED = 1 << 1,	 /* the server has closed or reset it, the target has not */
	WIRE_DB_ACTIVE_KNOWN = 1 << 2, /* active_ns is valid: TCP */
};

/* A client socket of the target that may lead to a database; one record, however many refer to it.
 */
struct wire_db_socket {
	__u64 begun_ns;	 /* TCP: began to connect; 0: not seen */
	__u64 since_ns;	 /* connected, or was seen first; 0: it never was connected */
	__u64 ended_ns;	 /* WIRE_DB_ENDED: since then at the latest */
	__u64 active_ns; /* when something was sent or received, to a second */
	__u16 port;	 /* TCP: of the server */
	__u8 state;	 /* enum wire_tcp_state, of unix sockets too */
	__u8 net;	 /* enum wire_net */
	__u8 flags;	 /* enum wire_db_flags */
	__u8 path_bytes; /* unix: of the server's name; abstract ones begin with a NUL */
	__u16 pad0;
	char path[WIRE_UNIX_PATH];
	__u32 pad1;
};

/* One attempt to connect by TCP that has ended, in a ring of the newest. */
struct wire_db_connect {
	__u64 number; /* from 1; 0: being written */
	__u64 end_ns;
	__u64 duration_ns;
	__u16 port;
	__u8 net;    /* enum wire_net */
	__u8 failed; /* refused, timed out or given up */
	__u32 pad0;
};

#define WIRE_DB_CONNECTS 1024 /* kept: more of them in a second are counted as lost */

_Static_assert(sizeof(struct wire_db_socket) == 152, "wire_db_socket layout");
_Static_assert(sizeof(struct wire_db_connect) == 32, "wire_db_connect layout");

#endif
