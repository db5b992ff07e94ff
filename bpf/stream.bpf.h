/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stream.bpf.h - stages from a first `from` to a last `to`, kept by key in a table.
 *
 * The kernel does not know when a stream is over: user space closes it by the next stage of the
 * turn or a gap; only the next `from` of the same key closes it here.
 */
#ifndef CHESHIRE_STREAM_BPF_H
#define CHESHIRE_STREAM_BPF_H

#include "hit.bpf.h"

/* A stream's record, complete as of its last output. */
static __noinline int stream_record(struct hit *hit, const struct wire_stream *s, __u64 key,
				    __u32 flags)
{
	struct wire_span *span = span_reserve(&hit->stage, hit->now);

	if (!span)
		return 0;
	span->bind = s->bind;
	span->flags = s->flags | flags;
	span->start_ns = s->start_ns;
	span->end_ns = s->last_ns ?: s->start_ns;
	span->first_ns = s->first_ns;
	span->key = key;
	span->handle = s->handle;
	span->work = s->work;
	span->per_second = s->per_second;
	span->cpu_ns = s->cpu_ns;
	span->process_cpu_ns = s->process_cpu_ns;
	for (int i = 0; i < WIRE_WAITS; i++)
		span->wait_ns[i] = s->wait_ns[i];
	span->outputs = s->outputs;
	bpf_ringbuf_submit(span, BPF_RB_NO_WAKEUP);
	return 0;
}

/* The stream is not in flight any more: it put something out, or was given up. */
static __always_inline void stream_landed(struct hit *hit, struct wire_stream *s)
{
	__u32 counted = s->counted;

	/* Two threads may put out at once; it lands once. */
	if (!counted || __sync_val_compare_and_swap(&s->counted, counted, 0) != counted)
		return;
	slot_free(hit->stage.stats, s->slot);
	flight_end(hit->stage.index, hit->stage.stats, counted, hit->now);
}

static __noinline int stream_from(struct hit *hit, struct thread_state *ts, __u64 key, __u64 handle)
{
	struct wire_stream_key at = {.key = key, .stage = hit->stage.index};
	struct wire_stream *old = bpf_map_lookup_elem(&streams, &at);
	struct task_struct *task = bpf_get_current_task_btf();
	struct wire_stream *s = &ts->stream;

	if (old) {
		stream_landed(hit, old);
		stream_record(hit, old, key,
			      WIRE_SPAN_STREAM_CLOSED | (old->outputs ? 0 : WIRE_SPAN_ABNORMAL));
	}
	__builtin_memset(s, 0, sizeof(*s));
	s->start_ns = hit->now;
	s->handle = handle;
	s->tid = hit->tid;
	s->bind = hit->bind_index;
	s->flags = hit->bind->key.base != WIRE_BASE_NONE ? WIRE_SPAN_KEY : 0;
	if (!usage_active(ts))
		usage_begin(ts, task, hit->now);
	usage_update(ts, task, hit->now);
	s->cpu0_ns = ts->total.cpu_ns;
	s->process_cpu0_ns = ts->total.process_cpu_ns;
	for (int i = 0; i < WIRE_WAITS; i++)
		s->wait0_ns[i] = ts->total.wait_ns[i];
	ts->streams = 1;
	s->slot = slot_take(hit->stage.index, hit->now, hit->tid);
	s->counted = flight_begin(&hit->stage, hit->now);
	if (bpf_map_update_elem(&streams, &at, s, BPF_ANY)) {
		ctr_inc(WIRE_CTR_STREAMS_FULL);
		stream_landed(hit, s);
		return 0;
	}
	stream_record(hit, s, key, WIRE_SPAN_STREAM_OPEN);
	return 0;
}

/* The thread's totals since `from`, if it is the thread of `from`. */
static __always_inline void stream_usage(struct wire_stream *s, struct thread_state *ts,
					 struct hit *hit)
{
	if (s->tid != hit->tid || !usage_active(ts)) {
		s->flags &= ~WIRE_SPAN_CPU;
		return;
	}
	usage_update(ts, bpf_get_current_task_btf(), hit->now);
	s->cpu_ns = ts->total.cpu_ns - s->cpu0_ns;
	s->process_cpu_ns = clock_diff(ts->total.process_cpu_ns, s->process_cpu0_ns);
	for (int i = 0; i < WIRE_WAITS; i++)
		s->wait_ns[i] = ts->total.wait_ns[i] - s->wait0_ns[i];
	s->flags |= WIRE_SPAN_CPU;
}

/* The audio of an output adds up; what is wrong with it user space sees. */
static __always_inline void stream_work(struct hit *hit, struct wire_stream *s,
					const struct value_ctx *at)
{
	const struct wire_bind *bind = hit->bind;

	if (bind->per_second.base == WIRE_BASE_NONE)
		return;
	s->per_second = value_of(hit, &bind->per_second, at);
	if (bind->per_second.base != WIRE_BASE_CONST)
		s->flags |= WIRE_SPAN_RATE;
	if (bind->work.base == WIRE_BASE_NONE)
		return;
	s->work += value_of(hit, &bind->work, at);
	s->flags |= WIRE_SPAN_WORK;
}

static __noinline int stream_to(struct hit *hit, struct thread_state *ts, __u64 key,
				const struct value_ctx *at)
{
	struct wire_stream_key where = {.key = key, .stage = hit->stage.index};
	struct wire_stream *s = bpf_map_lookup_elem(&streams, &where);

	/* An output before any `from`: partial results while the user still speaks. */
	if (!s)
		return 0;
	if (hit->bind->when.base != WIRE_BASE_NONE && !holds(hit, &hit->bind->when, at))
		return 0;
	if (hit->bind->error.base != WIRE_BASE_NONE && holds(hit, &hit->bind->error, at))
		s->flags |= WIRE_SPAN_ERROR;
	stream_work(hit, s, at);
	s->last_ns = hit->now;
	s->outputs++;
	stream_usage(s, ts, hit);
	stream_landed(hit, s);
	if (!s->first_ns) {
		s->first_ns = hit->now;
		stream_record(hit, s, key, WIRE_SPAN_STREAM_FIRST);
	}
	return 0;
}

#endif
