/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * statement_text.bpf.h - the texts of database statements: read, known by their hash, sent to user
 * space the first time, tied to the handles and names that stand for them.
 */
#ifndef CHESHIRE_STATEMENT_TEXT_BPF_H
#define CHESHIRE_STATEMENT_TEXT_BPF_H

#include "pairing.bpf.h"
#include "cheshire/wire_statement.h"

#define WORD_MAX 32 /* bytes of a command's name */
#define NAME_MAX 64 /* bytes of a prepared statement's name that are looked at */
#define HASH_K	 0x9e3779b97f4a7c15ULL
#define TEXT_MIN 1 /* bytes that say anything */

struct prepared_key {
	__u64 handle;
	__u64 name; /* hash of it; 0: none */
};

/* By hash: enum wire_class; written by user space once it has read the text. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, __u64);
} text_classes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct prepared_key);
	__type(value, __u64); /* hash of the text */
} prepared SEC(".maps");

/* Seconds << 32 | new texts sent in it. */
static __u64 text_tokens;

/*
 * The functions that are not static are verified once, by themselves (common.bpf.h): they find
 * again what they work on, on this thread.  0: a bug (counted).
 */
static __always_inline int hit_again(struct hit *hit, __u32 bind_index, __u64 now)
{
	hit->probe = NULL;
	hit->bind_index = bind_index;
	hit->bind = bpf_map_lookup_elem(&binds, &bind_index);
	if (!hit->bind || !stage_lookup(&hit->stage, hit->bind->stage)) {
		ctr_inc(WIRE_CTR_BUG);
		return 0;
	}
	hit->sp = 0;
	hit->tid = (__u32)bpf_get_current_pid_tgid();
	hit->now = now;
	return 1;
}

static __noinline __u64 text_hash(struct statement_scratch *s, __u32 bytes, __u64 seed)
{
	__u64 hash = (seed + 1) * HASH_K ^ bytes;

	for (__u32 i = 0; i < (WIRE_TEXT_MAX + 1) / 8; i++) {
		__u32 at = i * 8;
		__u64 word;

		if (at >= bytes)
			break;
		word = s->word[i];
		if (bytes - at < 8)
			word &= (1ULL << ((bytes - at) * 8)) - 1;
		hash = (hash ^ word) * HASH_K;
		hash ^= hash >> 29;
	}
	return hash ?: 1;
}

/* Bytes of the first word. */
static __always_inline __u32 word_bytes(const struct statement_scratch *s, __u32 bytes)
{
	for (__u32 i = 0; i < WORD_MAX; i++)
		if (i >= bytes || s->text[i] <= ' ' || s->text[i] > '~')
			return i;
	return WORD_MAX;
}

/*
 * Reads the text of a statement into the scratch.  Returns its bytes, 0 where there is none, it is
 * not given or cannot be read: pages that nobody has touched yet cannot, at the entry.
 */
static __noinline __u32 text_read(struct hit *hit, const struct value_ctx *at,
				  struct statement_scratch *s)
{
	struct wire_bind *bind = hit->bind;
	__u32 room = WIRE_TEXT_MAX + 1;
	__u64 addr = 0, length = 0;
	long n;

	if (value_eval(&bind->text, at, &addr) || !addr)
		return 0;
	if (bind->length.base != WIRE_BASE_NONE && !value_eval(&bind->length, at, &length) &&
	    length < WIRE_TEXT_MAX)
		room = length + 1;
	if ((bind->flags & WIRE_BIND_WORD) && room > WORD_MAX + 1)
		room = WORD_MAX + 1;
	if (room > WIRE_TEXT_MAX + 1)
		return 0;
	n = bpf_probe_read_user_str(s->text, room, (void *)addr);
	if (n <= TEXT_MIN || n > WIRE_TEXT_MAX + 1)
		return 0;
	if (bind->flags & WIRE_BIND_WORD)
		return word_bytes(s, n - 1);
	return n - 1;
}

static __always_inline int text_allowed(__u64 now)
{
	__u64 old = text_tokens, second = (now >> 30) & 0xffffffff;

	if (old >> 32 != second) {
		__sync_val_compare_and_swap(&text_tokens, old, (second << 32) | 1);
		return 1;
	}
	if ((__u32)old >= WIRE_TEXTS_PER_S)
		return 0;
	shared_add(&text_tokens, 1);
	return 1;
}

static __always_inline void record_begin(struct hit *hit, struct wire_statement *record, __u64 hash)
{
	__builtin_memset(record, 0, sizeof(*record));
	record->stage = hit->stage.index;
	record->bind = hit->bind_index;
	record->hash = hash;
}

/* Sends the record and so much of the text.  0, or negative when there was no room. */
static __always_inline long record_send(struct hit *hit, struct statement_scratch *s, __u32 bytes)
{
	long err;

	bytes &= WIRE_TEXT_MAX;
	s->record.text_bytes = bytes;
	hdr_fill(&s->record.hdr, WIRE_KIND_STATEMENT, sizeof(s->record) + bytes, hit->now);
	/* Until user space knows the class of a new text, each execution of it is a record. */
	err = bpf_ringbuf_output(&events, s, sizeof(s->record) + bytes,
				 bytes ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
	if (!err) {
		shared_add(&hit->stage.stats->records, 1);
		return 0;
	}
	shared_add(&hit->stage.stats->records_lost, 1);
	ctr_inc(WIRE_CTR_RING_FULL);
	return err;
}

/*
 * The hash of the text that the bind reads.  When it is new, user space is told: until it answers
 * the class is pending.  0: there is no text.
 */
static __noinline __u64 text_note(struct hit *hit, const struct value_ctx *at,
				  struct statement_scratch *s)
{
	__u32 bytes = text_read(hit, at, s);
	__u64 pending = WIRE_CLASS_PENDING, hash;

	if (!bytes)
		return 0;
	hash = text_hash(s, bytes, hit->stage.index);
	if (bpf_map_lookup_elem(&text_classes, &hash))
		return hash;
	if (!text_allowed(hit->now)) {
		ctr_inc(WIRE_CTR_TEXTS_LIMITED);
		return hash;
	}
	/* Of two threads with the same new text, one tells of it. */
	if (bpf_map_update_elem(&text_classes, &hash, &pending, BPF_NOEXIST))
		return hash;
	record_begin(hit, &s->record, hash);
	s->record.flags = WIRE_STMT_TEXT;
	if (record_send(hit, s, bytes))
		bpf_map_delete_elem(&text_classes, &hash);
	return hash;
}

/* The hash of a prepared statement's name; 0: none is given. */
static __noinline __u64 name_hash(struct hit *hit, const struct value_ctx *at,
				  struct statement_scratch *s)
{
	__u64 addr = 0;
	long n;

	if (hit->bind->name.base == WIRE_BASE_NONE)
		return 0;
	if (value_eval(&hit->bind->name, at, &addr))
		return 1;
	n = bpf_probe_read_user_str(s->text, NAME_MAX, (void *)addr);
	if (n <= 0 || n > NAME_MAX)
		return 1;
	return text_hash(s, n - 1, ~0ULL - 1);
}

/*
 * The hash of the text that a call is about: of what it is given, or of what was prepared under its
 * handle and name.  0: not known.
 */
__noinline __u64 statement_hash(__u32 bind_index, const struct value_ctx *at, __u64 handle,
				__u64 now)
{
	struct thread_state *ts = thread_get(bpf_get_current_task_btf(), 0);
	struct prepared_key key = {.handle = handle};
	struct hit hit;
	__u64 *hash;

	if (!at || !ts || !hit_again(&hit, bind_index, now))
		return 0;
	if (hit.bind->text.base != WIRE_BASE_NONE)
		return text_note(&hit, at, &ts->statement);
	key.name = name_hash(&hit, at, &ts->statement);
	hash = bpf_map_lookup_elem(&prepared, &key);
	return hash ? *hash : 0;
}

/* A text was prepared: the handle (and name) stands for it. */
__noinline int statement_prepared(__u32 bind_index, const struct value_ctx *at, __u64 now)
{
	struct thread_state *ts = thread_get(bpf_get_current_task_btf(), 0);
	struct prepared_key key = {.name = 0};
	struct hit hit;
	__u64 hash;

	if (!at || !ts || !hit_again(&hit, bind_index, now))
		return 0;
	key.handle = value_of(&hit, &hit.bind->handle, at);
	if (!key.handle)
		return 0;
	key.name = name_hash(&hit, at, &ts->statement);
	hash = text_note(&hit, at, &ts->statement);
	if (hash)
		bpf_map_update_elem(&prepared, &key, &hash, BPF_ANY);
	else
		bpf_map_delete_elem(&prepared, &key);
	return 0;
}

#endif
