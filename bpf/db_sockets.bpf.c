/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * db_sockets.bpf.c - the target's connections to databases.
 *
 * An iterator, run once a second, visits the target's descriptors and tells of every TCP socket
 * whose peer has the port of a database, and of every unix socket whose peer has a name; which of
 * these names are databases' is user space's to say.  What a socket itself does not keep (since
 * when it is connected, when it carried something last) is noted beside it in socket storage.
 *
 * How long a TCP connect takes is from SYN_SENT, which the target's own call makes, to ESTABLISHED,
 * or to CLOSE where it fails; both come in interrupts of anybody, and find the note.
 *
 * Example: connect to 127.0.0.1:5432 at 10.0 s, established at 10.2 s: an attempt of 0.2 s; the
 * walk at 11.0 s tells of a connection since 10.2 s; the server dies at 20.0 s: CLOSE_WAIT, and the
 * walk at 20.5 s says that it has ended.
 *
 * Known errors.  A connection that was there before us is as old as we are, and says so.  One whose
 * birth was not seen (a unix socket, one passed by another process) is up to a second older.  The
 * connect of a unix socket is not timed: it waits only for room in the server's backlog.  A peer
 * whose own port is a database's by chance counts as one: name none of the ephemeral ports.
 */
#include "common.bpf.h"
#include "cheshire/wire_db.h"
#include "core_fixes.bpf.h"
#include "sockets.bpf.h"

#define NOTE_TRIES   4
#define RCV_SHUTDOWN 1

struct db_note {
	__u64 begun_ns;
	__u64 since_ns;
	__u64 ended_ns;
	__u64 active_ns;
	__u64 bytes; /* both directions, when it was looked at last */
	__u64 round; /* that found it last */
	__u8 before;
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct db_note);
} db_notes SEC(".maps");

/* Ports of servers: written by user space, once. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u16);
	__type(value, __u8);
} db_ports SEC(".maps");

struct wire_db_connect db_connects[WIRE_DB_CONNECTS];
__u64 db_connects_n; /* so far */
__u64 db_rounds;     /* walks that came to their end */

static __always_inline bool port_is_database(const struct sock *sk, __u16 *port)
{
	*port = bpf_ntohs(sk->__sk_common.skc_dport);
	return *port && bpf_map_lookup_elem(&db_ports, port);
}

/* Made where there is none; the other side may be making it just now, see sockets.bpf.c. */
static __always_inline struct db_note *note_make(struct sock *sk)
{
	struct db_note *note = NULL;

	for (int i = 0; i < NOTE_TRIES && !note; i++)
		note = bpf_sk_storage_get(&db_notes, sk, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!note)
		ctr_inc(WIRE_CTR_SOCKET_NOTE);
	return note;
}

/* The number is taken off while the entry is written, and put on when it is whole. */
static __always_inline void report(const struct sock *sk, __u16 port, __u64 begun_ns, __u64 now,
				   bool failed)
{
	__u64 number = __sync_fetch_and_add(&db_connects_n, 1) + 1;
	struct wire_db_connect *connect = &db_connects[(number - 1) & (WIRE_DB_CONNECTS - 1)];

	__sync_lock_test_and_set(&connect->number, 0);
	connect->end_ns = now;
	connect->duration_ns = now - begun_ns;
	connect->port = port;
	connect->net = socket_net(sk);
	connect->failed = failed;
	__sync_lock_test_and_set(&connect->number, number);
}

static __always_inline void on_connect_begun(struct sock *sk)
{
	struct db_note *note = current_is_target() ? note_make(sk) : NULL;

	if (!note)
		return;
	/* The socket may have been connected before. */
	__builtin_memset(note, 0, sizeof(*note));
	note->begun_ns = bpf_ktime_get_ns();
}

static __always_inline void on_connect_ended(struct sock *sk, __u16 port, bool failed)
{
	struct db_note *note = bpf_sk_storage_get(&db_notes, sk, 0, 0);
	__u64 now = bpf_ktime_get_ns();

	if (!note || !note->begun_ns || note->since_ns)
		return;
	if (!failed)
		note->since_ns = note->active_ns = now;
	/* Of one that had begun before we came, the beginning is not known. */
	if (!note->before)
		report(sk, port, note->begun_ns, now, failed);
	if (failed)
		note->begun_ns = 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(db_socket_state, struct sock *sk, int old, int new)
{
	__u16 port;

	if (new != WIRE_TCP_SYN_SENT && old != WIRE_TCP_SYN_SENT)
		return 0;
	if (sk->sk_protocol != IPPROTO_TCP || !port_is_database(sk, &port))
		return 0;
	if (new == WIRE_TCP_SYN_SENT)
		on_connect_begun(sk);
	else if (new == WIRE_TCP_ESTABLISHED || new == WIRE_TCP_CLOSE)
		on_connect_ended(sk, port, new == WIRE_TCP_CLOSE);
	return 0;
}

/* A socket that nobody has seen yet. */
static __always_inline void note_start(struct db_note *note, const struct wire_db_socket *record,
				       __u64 now)
{
	note->before = !db_rounds;
	if (record->state == WIRE_TCP_SYN_SENT)
		note->begun_ns = now;
	else if (record->state == WIRE_TCP_ESTABLISHED || record->state == WIRE_TCP_CLOSE_WAIT)
		note->since_ns = note->active_ns = now;
}

/* Fills in what the note says; false: seen in this round already. */
static __always_inline bool note_visit(struct sock *sk, struct wire_db_socket *record, __u64 round,
				       __u64 bytes, bool ended)
{
	struct db_note *note = note_make(sk);
	__u64 now = bpf_ktime_get_ns();

	if (!note || note->round == round)
		return false;
	if (!note->round && !note->begun_ns)
		note_start(note, record, now);
	if (note->round && note->bytes != bytes)
		note->active_ns = now;
	if (ended && note->since_ns && !note->ended_ns)
		note->ended_ns = now;
	note->bytes = bytes;
	note->round = round;
	record->begun_ns = note->begun_ns;
	record->since_ns = note->since_ns;
	record->ended_ns = note->ended_ns;
	record->active_ns = note->active_ns;
	if (note->before)
		record->flags |= WIRE_DB_BEFORE;
	if (note->ended_ns)
		record->flags |= WIRE_DB_ENDED;
	return true;
}

static __always_inline void visit_tcp(struct bpf_iter_meta *meta, struct sock *sk)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	struct wire_db_socket record = {};
	bool ended;

	if (!tp || !port_is_database(sk, &record.port))
		return;
	record.state = sk->__sk_common.skc_state;
	if (record.state == WIRE_TCP_LISTEN)
		return;
	record.net = socket_net(sk);
	record.flags = WIRE_DB_ACTIVE_KNOWN;
	ended = record.state == WIRE_TCP_CLOSE_WAIT || record.state == WIRE_TCP_CLOSE;
	if (note_visit(sk, &record, meta->session_id, tp->bytes_sent + tp->bytes_received, ended))
		bpf_seq_write(meta->seq, &record, sizeof(record));
}

/* The name that the other end of a unix socket is bound to; false: it has none. */
static __always_inline bool peer_name(struct sock *sk, struct wire_db_socket *record)
{
	const struct unix_sock *peer = (const void *)BPF_CORE_READ((struct unix_sock *)sk, peer);
	const struct unix_address *address;
	const void *name;
	__u32 bytes;

	if (!peer)
		return false;
	address = BPF_CORE_READ(peer, addr);
	if (!address)
		return false;
	bytes = (__u32)BPF_CORE_READ(address, len) -
		bpf_core_field_offset(struct sockaddr_un, sun_path);
	if (!bytes || bytes > WIRE_UNIX_PATH)
		return false;
	name = (const char *)address + bpf_core_field_offset(struct unix_address, name) +
	       bpf_core_field_offset(struct sockaddr_un, sun_path);
	if (bpf_probe_read_kernel(record->path, bytes, name))
		return false;
	record->path_bytes = bytes;
	return true;
}

static __always_inline void visit_unix(struct bpf_iter_meta *meta, struct sock *sk)
{
	struct wire_db_socket record = {.net = WIRE_NET_UNIX};
	bool ended = sk->sk_shutdown & RCV_SHUTDOWN;

	if (!bpf_core_field_exists(((struct unix_sock *)0)->peer) || !peer_name(sk, &record))
		return;
	record.state = sk->__sk_common.skc_state;
	if (note_visit(sk, &record, meta->session_id, 0, ended))
		bpf_seq_write(meta->seq, &record, sizeof(record));
}

SEC("iter/task_file")
int db_sockets_walk(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct socket *socket;
	struct sock *sk;

	if (!task || !file) {
		db_rounds++;
		return 0;
	}
	if ((__u32)task->tgid != cfg_tgid)
		return 0;
	socket = bpf_sock_from_file(file);
	if (!socket)
		return 0;
	sk = socket->sk;
	if (!sk)
		return 0;
	if (sk->__sk_common.skc_family == AF_UNIX)
		visit_unix(ctx->meta, sk);
	else if (socket_is_inet(sk) && sk->sk_protocol == IPPROTO_TCP)
		visit_tcp(ctx->meta, sk);
	return 0;
}
