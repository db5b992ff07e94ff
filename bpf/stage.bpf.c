/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stage.bpf.c - spans: from the entry of a stage's function to its return.
 *
 * Plain uprobes only.  An entry pushes a frame {function, SP at entry, return address, time}; an
 * exit is any `ret` of the function, or of a function it jumps to, at which SP equals SP at
 * entry again.  So a tail jump does not end a span, and an inner call of the same function, or
 * of what it jumps to, does not either.  Example: PQexec entered at SP 0x7ffe10; the local
 * function that it ends in returns with SP 0x7ffe10: that is the exit.
 *
 * A stage counts its outermost span only, on its thread, or, where so configured, of its handle in
 * the whole process.  A frame left otherwise is found by its stack pointer
 * (frames.bpf.h); a probe on __cxa_begin_catch dates exceptions.
 *
 * Known error: the two traps of an inner stage (and their BPF programs) are part of the outer
 * one's time; a call that was under way when the probes came is not counted (unmatched).
 */
#include "cache.bpf.h"
#include "core_fixes.bpf.h"
#include "pairing.bpf.h"
#include "stream.bpf.h"

/* --- entry --- */

static __always_inline void enter(struct hit *hit, const struct value_ctx *at)
{
	struct wire_bind *bind = hit->bind;
	struct thread_state *ts;
	__u64 handle, key;

	if (bind->where.base != WIRE_BASE_NONE && !(bind->flags & WIRE_BIND_WHERE_AT_RETURN) &&
	    !holds(hit, &bind->where, at)) {
		shared_add(&hit->stage.stats->filtered, 1);
		return;
	}
	if (cache_role(bind) && !(bind->flags & WIRE_BIND_AT_RETURN))
		return (void)cache_act(hit, at);
	handle = value_of(hit, &bind->handle, at);
	if (bind->role == WIRE_ROLE_CLASS) {
		class_learn(hit, handle);
		return;
	}
	if (!class_fits(hit, handle))
		return;
	key = bind->key.base == WIRE_BASE_RET ? 0 : value_of(hit, &bind->key, at);
	if (bind->key.base == WIRE_BASE_NONE)
		key = hit->tid;
	ts = thread_get(bpf_get_current_task_btf(), 1);
	if (!ts)
		return;
	if (!(bind->flags & WIRE_BIND_AT_RETURN)) {
		if (bind->role == WIRE_ROLE_FROM)
			stream_from(hit, ts, key, handle);
		else if (bind->role == WIRE_ROLE_TO)
			stream_to(hit, ts, key, at);
		return;
	}
	if (enter_nested(hit, ts) || enclosed(hit, handle)) {
		shared_add(&hit->stage.stats->nested, 1);
		return;
	}
	if ((bind->flags & WIRE_BIND_LEARN) && !return_site_known(hit))
		return;
	enter_push(hit, ts, at, key, handle);
}

SEC("uprobe")
int probe_enter(struct pt_regs *regs)
{
	struct value_ctx at = {};
	struct hit hit;

	keep_own_stack(regs);
	if (!current_is_target() || !hit_lookup(&hit, regs))
		return 0;
	shared_add(&hit.stage.stats->entry_hits, 1);
	shared_add(&hit.stage.stats->cost_ns, hit.probe->cost_ns);
	if (hit.bind->flags & WIRE_BIND_TRIAL) {
		shared_add(&hit.stage.stats->trial_hits, 1);
	} else if (hit.stage.conf->state == WIRE_STAGE_ARMED) {
		arch_args(regs, at.arg);
		at.sp = hit.sp;
		enter(&hit, &at);
	}
	measure_run(hit.now);
	return 0;
}

/* --- exit --- */

/*
 * Audio stated by a span or frame: samples, and samples per second.  Returns which of the two are
 * known: WIRE_SPAN_WORK both, WIRE_SPAN_RATE the second by the target's own word.
 */
static __always_inline __u32 work_of(struct hit *hit, const struct value_ctx *at, __u64 wall_ns,
				     __s64 *work, __s64 *per_second)
{
	struct wire_stage_stats *stats = hit->stage.stats;
	__u32 flags = 0;

	if (hit->bind->per_second.base == WIRE_BASE_NONE)
		return 0;
	*per_second = value_of(hit, &hit->bind->per_second, at);
	if (*per_second <= 0)
		return 0;
	if (hit->bind->per_second.base != WIRE_BASE_CONST)
		flags = WIRE_SPAN_RATE;
	*work = value_of(hit, &hit->bind->work, at);
	if (*work <= 0 || *work > (1LL << 32))
		return flags;
	shared_add(&stats->work_sum_ns, (__u64)*work * 1000000000ULL / (__u64)*per_second);
	shared_add(&stats->worked_ns, wall_ns);
	return flags | WIRE_SPAN_WORK;
}

/* Counts a call's latency, apart where the answer came out of a cache. */
static __always_inline __u32 count_latency(struct hit *hit, const struct value_ctx *at,
					   __u64 wall_ns)
{
	if (hit->bind->cached.base == WIRE_BASE_NONE || !hit->stage.conf->cached ||
	    !holds(hit, &hit->bind->cached, at)) {
		hist_count(hit->stage.index, WIRE_HIST_LATENCY, wall_ns);
		return 0;
	}
	hist_count_cached(hit->stage.conf->cached - 1, wall_ns);
	shared_add(&hit->stage.stats->cached, 1);
	return WIRE_SPAN_CACHED;
}

static __always_inline void exit_call(struct hit *hit, struct frame *f, const struct usage *used,
				      const struct value_ctx *at)
{
	__u64 wall_ns = hit->now - f->start_ns;
	struct wire_stage_stats *stats = hit->stage.stats;
	__u32 flags = f->span_flags | WIRE_SPAN_CPU;
	__s64 work = 0, per_second = 0;
	struct wire_span *span;

	flags |= count_latency(hit, at, wall_ns);
	if (hit->bind->error.base != WIRE_BASE_NONE && holds(hit, &hit->bind->error, at)) {
		shared_add(&stats->errors, 1);
		flags |= WIRE_SPAN_ERROR;
	}
	flags |= work_of(hit, at, wall_ns, &work, &per_second);
	span = span_reserve(&hit->stage, hit->now);
	if (!span)
		return;
	span->bind = hit->bind_index;
	span->start_ns = f->start_ns;
	span->end_ns = hit->now;
	span->first_ns = hit->now;
	span->key = f->key;
	span->handle = f->handle;
	span->work = work;
	span->per_second = per_second;
	span_usage(span, used);
	span->flags = flags;
	bpf_ringbuf_submit(span, BPF_RB_NO_WAKEUP);
}

/* The newest frame of the thread hit: that is the latency of a frame stage, and a record. */
static __always_inline void frame_hit(struct hit *hit, struct thread_state *ts, __u64 handle)
{
	struct last_frame *last = &ts->last_frame;
	struct wire_span *span;

	if (!last->valid || last->stage != hit->stage.index || last->handle != handle) {
		ctr_inc(WIRE_CTR_HIT_WITHOUT_FRAME);
		return;
	}
	last->valid = 0;
	shared_add(&hit->stage.stats->hits, 1);
	hist_count(hit->stage.index, WIRE_HIST_LATENCY, last->end_ns - last->start_ns);
	span = span_reserve(&hit->stage, hit->now);
	if (!span)
		return;
	span->bind = last->bind;
	span->start_ns = last->start_ns;
	span->end_ns = last->end_ns;
	span->first_ns = last->end_ns;
	span->key = last->key;
	span->handle = last->handle;
	span->work = last->work;
	span->per_second = last->per_second;
	span_usage(span, &last->used);
	span->flags = last->span_flags | WIRE_SPAN_HIT | WIRE_SPAN_CPU;
	bpf_ringbuf_submit(span, BPF_RB_NO_WAKEUP);
}

static __always_inline void exit_frame(struct hit *hit, struct thread_state *ts, struct frame *f,
				       const struct usage *used, const struct value_ctx *at)
{
	__u64 wall_ns = hit->now - f->start_ns;
	struct last_frame *last = &ts->last_frame;

	hist_count(hit->stage.index, WIRE_HIST_FRAME, wall_ns);
	last->start_ns = f->start_ns;
	last->end_ns = hit->now;
	last->handle = f->handle;
	last->key = f->key;
	last->used = *used;
	last->stage = hit->stage.index;
	last->bind = hit->bind_index;
	last->span_flags = f->span_flags;
	last->work = 0;
	last->per_second = 0;
	last->span_flags |= work_of(hit, at, wall_ns, &last->work, &last->per_second);
	if (hit->bind->error.base != WIRE_BASE_NONE && holds(hit, &hit->bind->error, at))
		shared_add(&hit->stage.stats->errors, 1);
	last->valid = 1;
	if (hit->bind->when.base != WIRE_BASE_NONE && holds(hit, &hit->bind->when, at))
		frame_hit(hit, ts, f->handle);
}

/* What a return means, by the role of the function. */
static __noinline int exit_act(struct hit *hit, struct thread_state *ts, struct frame *f,
			       const struct value_ctx *at)
{
	struct wire_stage_stats *stats = hit->stage.stats;
	struct wire_bind *bind = hit->bind;
	__u64 wall_ns = hit->now - f->start_ns;
	struct usage *used = &ts->spent;

	if ((bind->flags & WIRE_BIND_WHERE_AT_RETURN) && !holds(hit, &bind->where, at)) {
		shared_add(&stats->filtered, 1);
		return 0;
	}
	if (bind->key.base == WIRE_BASE_RET)
		f->key = value_of(hit, &bind->key, at);
	if (bind->role == WIRE_ROLE_HIT) {
		if (bind->when.base == WIRE_BASE_NONE || holds(hit, &bind->when, at))
			frame_hit(hit, ts, f->handle);
		return 0;
	}
	if (cache_role(bind))
		return cache_act(hit, at);
	if (bind->role == WIRE_ROLE_FROM) {
		stream_from(hit, ts, f->key, f->handle);
		return 0;
	}
	if (bind->role == WIRE_ROLE_TO) {
		stream_to(hit, ts, f->key, at);
		return 0;
	}
	usage_update(ts, bpf_get_current_task_btf(), hit->now);
	usage_diff(used, &ts->total, &f->at_entry);
	shared_add(&stats->spans, 1);
	shared_add(&stats->sum_ns, wall_ns);
	span_max(hit->stage.index, wall_ns);
	stats_usage(stats, used);
	if (hit->stage.conf->timeout_ns && wall_ns > hit->stage.conf->timeout_ns)
		shared_add(&stats->timeouts, 1);
	if (bind->role == WIRE_ROLE_FRAME)
		exit_frame(hit, ts, f, used, at);
	else
		exit_call(hit, f, used, at);
	return 0;
}

static __always_inline void leave(struct hit *hit, struct pt_regs *regs)
{
	struct thread_state *ts = thread_get(bpf_get_current_task_btf(), 0);
	struct value_ctx at = {};
	struct frame *f;
	int i;

	if (!ts || !ts->used) {
		if (was_entered(hit))
			shared_add(&hit->stage.stats->unmatched, 1);
		return;
	}
	i = exit_match(hit, ts);
	if (i < 0)
		return;
	f = frame_at(ts, i);
	for (int n = 0; n < ARCH_REG_ARGS; n++)
		at.arg[n] = f->arg[n];
	at.ret = arch_ret(regs);
	at.sp = hit->sp;
	exit_act(hit, ts, f, &at);
	frame_release(ts, i, hit->stage.stats, hit->now);
	/* Whatever was open further down this stack has been left on the way. */
	if (ts->used)
		frames_reconcile(ts, hit->sp - 1, FRAME_UNWOUND, hit->now);
}

SEC("uprobe")
int probe_exit(struct pt_regs *regs)
{
	struct hit hit;

	keep_own_stack(regs);
	if (!current_is_target() || !hit_lookup(&hit, regs))
		return 0;
	shared_add(&hit.stage.stats->exit_hits, 1);
	shared_add(&hit.stage.stats->cost_ns, hit.probe->cost_ns);
	if (hit.stage.conf->state >= WIRE_STAGE_ARMED && !(hit.bind->flags & WIRE_BIND_TRIAL) &&
	    !goes_on(&hit, regs))
		leave(&hit, regs);
	measure_run(hit.now);
	return 0;
}

/* --- exceptions --- */

/*
 * __cxa_begin_catch is called by the function that catches, so everything at or below the stack
 * pointer has been unwound by now.  The cookie is the distance to SP at its entry.
 */
SEC("uprobe")
int probe_catch(struct pt_regs *regs)
{
	struct thread_state *ts;
	struct wire_slice *slice;
	__u64 now;

	keep_own_stack(regs);
	if (!current_is_target())
		return 0;
	now = bpf_ktime_get_ns();
	slice = current_slice();
	if (slice)
		slice->catch_hits++;
	ts = thread_get(bpf_get_current_task_btf(), 0);
	if (ts && ts->used)
		frames_reconcile(ts, arch_sp(regs) + bpf_get_attach_cookie(regs), FRAME_EXCEPTION,
				 now);
	measure_run(now);
	return 0;
}
