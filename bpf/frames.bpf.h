/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * frames.bpf.h - the open functions of a thread, and how they end without a return.
 *
 * A frame is known by its stack pointer at entry.  Stacks grow down, so at any event of the
 * thread a frame on the same stack whose stack pointer lies below the current one cannot be
 * alive: it was left by an exception, longjmp or the like.  Frames on other stacks (fibers,
 * signal stacks) are left alone.  Frames have no order: a slot and a bit each.
 */
#ifndef CHESHIRE_FRAMES_BPF_H
#define CHESHIRE_FRAMES_BPF_H

#include "span.bpf.h"

enum frame_end {
	FRAME_RETURNED = 0,
	FRAME_UNWOUND,	 /* noticed now, happened before */
	FRAME_EXCEPTION, /* being caught just now */
	FRAME_THREAD_END,
	FRAME_FORGOTTEN, /* its stage is not watched, or was not for a while: nothing is known */
};

/* The thread's state; made at the first stage it enters.  NULL: none (create: no memory). */
static __always_inline struct thread_state *thread_get(struct task_struct *task, int create)
{
	struct thread_state *ts;

	ts = bpf_task_storage_get(&thread_states, task, NULL,
				  create ? BPF_LOCAL_STORAGE_GET_F_CREATE : 0);
	if (!ts && create)
		ctr_inc(WIRE_CTR_THREAD_STATE);
	return ts;
}

static __always_inline struct frame *frame_at(struct thread_state *ts, __u32 i)
{
	return &ts->frame[i & (WIRE_FRAMES_MAX - 1)];
}

/* Functions whose time from entry to return is what is measured. */
static __always_inline int role_is_span(__u32 role)
{
	return role == WIRE_ROLE_CALL || role == WIRE_ROLE_FRAME || role == WIRE_ROLE_EXECUTE ||
	       role == WIRE_ROLE_STEP;
}

/* 1: the two stack pointers are on the same stack of the current thread (stack.bpf.c). */
int stack_same(__u64 a, __u64 b);

/*
 * Closes frame i of the current thread, which was not left by a return.  Only functions that are
 * spans themselves count as abnormal exits; an output or hit function that throws has no result
 * to tell of.  (frames.bpf.c)
 */
int frame_abandon(__u32 i, __u32 how, __u64 now);

/*
 * The frame's call was an enclosing one: calls on its handle count again.  Not where another call
 * has taken its place, after the stage had been taken off.
 */
static __always_inline void enclosing_end(const struct frame *f)
{
	struct enclosing_key key = {.handle = f->handle, .stage = f->stage};
	__u64 *since_ns = bpf_map_lookup_elem(&enclosing, &key);

	if (since_ns && *since_ns == f->start_ns)
		bpf_map_delete_elem(&enclosing, &key);
}

/* Takes the frame off the thread: its slot, its share of the clocks. */
static __always_inline void frame_release(struct thread_state *ts, __u32 i,
					  struct wire_stage_stats *stats, __u64 now)
{
	struct frame *f = frame_at(ts, i);

	slot_free(stats, f->slot);
	if (f->counted & WIRE_COUNTED_ENCLOSES)
		enclosing_end(f);
	flight_end(f->stage, stats, f->counted, now);
	ts->used &= ~(1U << (i & (WIRE_FRAMES_MAX - 1)));
}

/* Frees one slot when all are taken: the frame that has been open longest. */
static __always_inline void frame_evict(struct thread_state *ts, __u64 now)
{
	__u64 oldest_ns = ~0ULL;
	__u32 oldest = 0;

	for (__u32 i = 0; i < WIRE_FRAMES_MAX; i++) {
		if (frame_at(ts, i)->start_ns < oldest_ns) {
			oldest_ns = frame_at(ts, i)->start_ns;
			oldest = i;
		}
	}
	frame_abandon(oldest, FRAME_UNWOUND, now);
}

/* Closes the frames that cannot be alive with the stack pointer at sp (at or above, inclusive). */
static __always_inline void frames_reconcile(struct thread_state *ts, __u64 sp, __u32 how,
					     __u64 now)
{
	for (__u32 i = 0; i < WIRE_FRAMES_MAX; i++) {
		__u64 frame_sp;

		if (!(ts->used >> i))
			break;
		if (!((ts->used >> i) & 1))
			continue;
		frame_sp = frame_at(ts, i)->sp;
		if (frame_sp <= sp && stack_same(frame_sp, sp))
			frame_abandon(i, how, now);
	}
}

#endif
