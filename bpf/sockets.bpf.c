/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sockets.bpf.c - payload of the target's TCP sockets, from the counters that the kernel keeps in
 * each of them.
 *
 * An iterator, run once a second, visits the target's descriptors.  What a socket's counters have
 * gained since they were looked at last is added to the totals; how far they have been counted is
 * noted beside the socket itself (socket storage: the kernel frees it with the socket).  So a
 * socket behind several descriptors counts once, and whoever looks later counts the rest.
 *
 * What comes and goes between two rounds is caught at changes of state, which are rare: a socket
 * that the target connects gets its note then, the children of a socket that it listens on get
 * theirs from the kernel (BPF_F_CLONE), and at the end of a connection the last counters are taken.
 *
 * received = bytes_received, less the FIN, which the kernel counts as one;
 * sent = bytes_sent - bytes_retrans: both are payload, and so are what is sent once.
 *
 * Example: connect, 10 bytes out, 5 in, close, all within a second: a note at SYN_SENT, 10 and 5
 * are taken at FIN_WAIT1, nothing is left at CLOSE.
 *
 * Known errors.  Bytes before the first look at a socket count only where its birth was seen: not
 * of sockets that were there before us, nor of those that another process passes to the target.
 * A socket shared with another process (a forked child) counts whole while the target has it
 * open, and up to two rounds longer.  A connection on a port that several processes accept from,
 * reset less than two rounds after it came, may be another's.  A reading between the arrival of a
 * FIN and its note is 1 byte too high.  Queued data that was never sent is not counted.
 */
#include "common.bpf.h"
#include "cheshire/wire_net.h"
#include "core_fixes.bpf.h"
#include "sockets.bpf.h"

#define NOTE_TRIES 4

enum socket_owner {
	OWNER_LISTENER = 0, /* of the target; its children until we know who has them */
	OWNER_TARGET = 1,
	OWNER_OTHER = 2,
};

/* How far a socket has been counted. */
struct socket_note {
	__u64 sent_bytes;
	__u64 received_bytes;
	__u64 round; /* that found it among the target's descriptors last, or saw its birth */
	__u32 owner; /* enum socket_owner */
	__u16 valid;
	__u8 closed; /* the target itself ended its sending: what is left is still its own */
	__u8 net;    /* enum wire_net + 1; 0: not known yet */
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct socket_note);
} socket_notes SEC(".maps");

struct wire_traffic traffic[WIRE_NETS];

/*
 * Iterators are numbered by the kernel, upwards: the one at work, the last that came through, and
 * the one before that.
 */
__u64 round_begun, round_done, round_before;

/* Adds what `now` is more than what was counted, once, whoever else looks at the same time. */
static __always_inline void count_up_to(__u64 *counted, __u64 now, __u64 *total)
{
	for (int i = 0; i < NOTE_TRIES; i++) {
		__u64 before = *(volatile __u64 *)counted;

		if (now <= before)
			return;
		if (__sync_val_compare_and_swap(counted, before, now) != before)
			continue;
		shared_add(total, now - before);
		return;
	}
	ctr_inc(WIRE_CTR_SOCKET_RETRY);
}

static __always_inline __u64 tcp_sent(const struct tcp_sock *tp)
{
	__u64 sent = tp->bytes_sent, again = tp->bytes_retrans;

	return sent > again ? sent - again : 0;
}

static __always_inline __u64 tcp_received(const struct tcp_sock *tp, const struct sock *sk)
{
	__u64 received = tp->bytes_received;

	if (received && (sk->__sk_common.skc_flags >> SOCK_DONE) & 1)
		received--;
	return received;
}

/* Where the socket leads is asked once it has carried something: by then it is connected. */
static __always_inline void note_count(struct socket_note *note, const struct tcp_sock *tp,
				       const struct sock *sk)
{
	__u64 sent = tcp_sent(tp), received = tcp_received(tp, sk);
	__u32 net;

	if (sent <= note->sent_bytes && received <= note->received_bytes)
		return;
	if (!note->net)
		note->net = socket_net(sk) + 1;
	net = note->net - 1;
	if (net >= WIRE_NETS)
		return;
	count_up_to(&note->sent_bytes, sent, &traffic[net].sent_bytes);
	count_up_to(&note->received_bytes, received, &traffic[net].received_bytes);
}

/*
 * The socket's note, made if need be.  Where the other side (the walk, or the hook) makes the first
 * one at the same time, the kernel lets one of the two fail: then it is there.
 */
static __always_inline struct socket_note *note_of(struct sock *sk)
{
	struct socket_note *note = NULL;

	for (int i = 0; i < NOTE_TRIES && !note; i++)
		note = bpf_sk_storage_get(&socket_notes, sk, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!note)
		ctr_inc(WIRE_CTR_SOCKET_NOTE);
	return note;
}

/* Counting starts here. */
static __always_inline void note_start(struct socket_note *note, __u64 sent_bytes,
				       __u64 received_bytes, __u64 round)
{
	note->sent_bytes = sent_bytes;
	note->received_bytes = received_bytes;
	note->round = round;
	note->closed = 0;
	note->net = 0;
	note->valid = 1;
}

/* False where the kernel's buffer is full: it comes again with the same socket. */
static __always_inline bool record_socket(struct seq_file *seq, const struct sock *sk)
{
	struct wire_socket record = {
		.family = sk->__sk_common.skc_family,
		.protocol = sk->sk_protocol,
		.local_port = sk->__sk_common.skc_num,
		.remote_port = bpf_ntohs(sk->__sk_common.skc_dport),
		.state = sk->__sk_common.skc_state,
		.net = socket_net(sk),
	};

	return !bpf_seq_write(seq, &record, sizeof(record));
}

/* A TCP socket of the target, for each of its descriptors. */
static __always_inline void visit_tcp(struct bpf_iter_meta *meta, struct sock *sk)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	__u64 round = meta->session_id;
	struct socket_note *note = note_of(sk);

	if (!tp || !note)
		return;
	if (!note->valid)
		note_start(note, tcp_sent(tp), tcp_received(tp, sk), 0);
	if (note->round == round || !record_socket(meta->seq, sk))
		return;
	note->round = round;
	if (sk->__sk_common.skc_state == WIRE_TCP_LISTEN) {
		note->owner = OWNER_LISTENER;
		note->net = 0;
		return;
	}
	note->owner = OWNER_TARGET;
	note_count(note, tp, sk);
}

SEC("iter/task_file")
int sockets_walk(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct socket *socket;
	struct sock *sk;

	if (!task || !file) {
		round_before = round_done;
		round_done = ctx->meta->session_id;
		return 0;
	}
	round_begun = ctx->meta->session_id;
	if ((__u32)task->tgid != cfg_tgid)
		return 0;
	socket = bpf_sock_from_file(file);
	if (!socket)
		return 0;
	sk = socket->sk;
	if (!sk || !socket_is_inet(sk))
		return 0;
	if (sk->sk_protocol == IPPROTO_TCP)
		visit_tcp(ctx->meta, sk);
	else
		record_socket(ctx->meta->seq, sk);
	return 0;
}

/*
 * Changes of state that only a system call makes, so that the current task is who wants it; all
 * others happen in interrupts of anybody.
 */
static __always_inline bool by_system_call(int new)
{
	switch (new) {
	case WIRE_TCP_SYN_SENT:
	case WIRE_TCP_LISTEN:
	case WIRE_TCP_FIN_WAIT1:
	case WIRE_TCP_LAST_ACK:
		return true;
	}
	return false;
}

/* The target connects or listens: counting starts at the beginning. */
static __always_inline void on_birth(struct sock *sk, int new)
{
	struct socket_note *note = note_of(sk);

	if (!note)
		return;
	note_start(note, 0, 0, round_begun);
	note->owner = new == WIRE_TCP_LISTEN ? OWNER_LISTENER : OWNER_TARGET;
}

/* Sending ends, or all does. */
static __always_inline void on_end(struct sock *sk, int old, int new, int target)
{
	struct socket_note *note = bpf_sk_storage_get(&socket_notes, sk, 0, 0);
	bool call = by_system_call(new);
	struct tcp_sock *tp;

	if (!note || old == WIRE_TCP_LISTEN)
		return;
	if (call && target) {
		note->owner = OWNER_TARGET;
		note->closed = 1;
	} else if (call && note->owner == OWNER_LISTENER) {
		note->owner = OWNER_OTHER;
	}
	/*
	 * One round may have passed the place of its descriptor before the target had accepted it:
	 * a socket that two have not found is another's.
	 */
	if (note->owner == OWNER_OTHER || (!note->closed && note->round < round_before))
		return;
	tp = bpf_skc_to_tcp_sock(sk);
	if (tp)
		note_count(note, tp, sk);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(sockets_state, struct sock *sk, int old, int new)
{
	int target;

	if (sk->sk_protocol != IPPROTO_TCP)
		return 0;
	target = current_is_target();
	switch (new) {
	case WIRE_TCP_SYN_SENT:
	case WIRE_TCP_LISTEN:
		if (target)
			on_birth(sk, new);
		break;
	case WIRE_TCP_FIN_WAIT1:
	case WIRE_TCP_LAST_ACK:
	case WIRE_TCP_CLOSE:
		on_end(sk, old, new, target);
		break;
	}
	return 0;
}
