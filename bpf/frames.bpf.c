/* SPDX-License-Identifier: GPL-2.0-only */
/* frames.bpf.c - the end of frames that were not left by a return. */
#include "frames.bpf.h"

/* Sends a record for a span that did not return; its CPU time is that up to now. */
static __always_inline void abnormal_record(struct stage_ref *ref, struct frame *f,
					    const struct usage *used, __u32 flags, __u64 now)
{
	struct wire_span *span;

	/* Of a statement it is counted only: records of it have a text. */
	if (f->role >= WIRE_ROLE_EXECUTE)
		return;
	span = span_reserve(ref, now);
	if (!span)
		return;
	span->bind = f->bind;
	span->flags = f->span_flags | WIRE_SPAN_ABNORMAL | flags;
	span->start_ns = f->start_ns;
	span->end_ns = now;
	span->first_ns = now;
	span->key = f->key;
	span->handle = f->handle;
	span_usage(span, used);
	bpf_ringbuf_submit(span, BPF_RB_NO_WAKEUP);
}

__noinline int frame_abandon(__u32 i, __u32 how, __u64 now)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread_state *ts = thread_get(task, 0);
	struct wire_bind *bind;
	struct stage_ref ref;
	struct frame *f;
	__u32 bind_index;

	if (!ts)
		return 0;
	f = frame_at(ts, i);
	bind_index = f->bind;
	bind = bpf_map_lookup_elem(&binds, &bind_index);
	if (!bind || !stage_lookup(&ref, bind->stage)) {
		ctr_inc(WIRE_CTR_BUG);
		ts->used &= ~(1U << (i & (WIRE_FRAMES_MAX - 1)));
		return 0;
	}
	/* Nobody looked when a stage that was taken off should have seen its end. */
	if (ref.conf->state != WIRE_STAGE_ARMED || f->start_ns < ref.conf->frames_since_ns)
		how = FRAME_FORGOTTEN;
	if (how != FRAME_FORGOTTEN && role_is_span(bind->role)) {
		usage_update(ts, task, now);
		usage_diff(&ts->spent, &ts->total, &f->at_entry);
		/* When a frame that was just found dead ended is not known: no reason to count. */
		if (how != FRAME_UNWOUND && ref.conf->timeout_ns &&
		    now - f->start_ns > ref.conf->timeout_ns)
			shared_add(&ref.stats->timeouts, 1);
		if (how == FRAME_EXCEPTION) {
			shared_add(&ref.stats->abnormal_exception, 1);
			abnormal_record(&ref, f, &ts->spent, WIRE_SPAN_EXCEPTION, now);
		} else if (how == FRAME_THREAD_END) {
			shared_add(&ref.stats->abnormal_thread_end, 1);
			abnormal_record(&ref, f, &ts->spent, WIRE_SPAN_THREAD_END, now);
		} else {
			shared_add(&ref.stats->abnormal_unwound, 1);
			abnormal_record(&ref, f, &ts->spent, WIRE_SPAN_UPPER_BOUND, now);
		}
	}
	/* A look-up left by an exception has found nothing. */
	if (bind->role == WIRE_ROLE_LOOKUP && how == FRAME_EXCEPTION)
		shared_add(&ref.stats->abnormal_exception, 1);
	else if (bind->role == WIRE_ROLE_LOOKUP && how == FRAME_UNWOUND)
		shared_add(&ref.stats->abnormal_unwound, 1);
	frame_release(ts, i, ref.stats, now);
	return 0;
}
