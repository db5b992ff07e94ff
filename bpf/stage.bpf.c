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
#include "stream.bpf.h"

#include <asm-generic/errno-base.h>

/* --- entry --- */

/* The frame is of the stage, and of the role, of the function that was hit. */
static __always_inline int frame_alike(const struct frame *f, const struct hit *hit)
{
	return f->stage == hit->stage.index && f->role == hit->bind->role;
}

/*
 * Reached by a jump from the frame's function: the stack pointer is the same, and so is what lies
 * there.  A call from elsewhere at that stack pointer means that the frame is dead.
 */
static __always_inline int jumped_from(const struct hit *hit, const struct frame *f)
{
	__u64 return_address;

	return f->sp == hit->sp && f->bind != hit->bind_index &&
	       !bpf_probe_read_user(&return_address, 8, (void *)hit->sp) &&
	       return_address == f->return_address;
}

/* Opened before its stage was taken off; how it ended was not seen. */
static __always_inline int frame_is_old(const struct frame *f, const struct hit *hit)
{
	return f->stage == hit->stage.index && f->start_ns < hit->stage.conf->frames_since_ns;
}

/*
 * Looks through the open frames: closes the dead, and says whether this call is an inner one of
 * a stage (or an output or hit function) that is open already.
 */
static __always_inline int enter_nested(struct hit *hit, struct thread_state *ts)
{
	int nested = 0;

	for (__u32 i = 0; i < WIRE_FRAMES_MAX; i++) {
		struct frame *f = frame_at(ts, i);

		if (!(ts->used >> i))
			break;
		if (!((ts->used >> i) & 1))
			continue;
		if (frame_is_old(f, hit)) {
			frame_abandon(i, FRAME_FORGOTTEN, hit->now);
			continue;
		}
		if (f->sp == hit->sp && f->bind == hit->bind_index &&
		    (hit->bind->flags & WIRE_BIND_ENTRY_LOOPS))
			return 1;
		if (f->sp <= hit->sp && !jumped_from(hit, f)) {
			if (stack_same(f->sp, hit->sp))
				frame_abandon(i, FRAME_UNWOUND, hit->now);
			continue;
		}
		if (!nested && frame_alike(f, hit) && stack_same(f->sp, hit->sp))
			nested = 1;
	}
	return nested;
}

/*
 * A call that other threads do the work of, by calling the stage's functions on the same handle,
 * is open on some thread.  Known error: one that was left by longjmp is not missed before its
 * thread enters a stage again, or ends.
 */
static __always_inline int enclosed(const struct hit *hit, __u64 handle)
{
	struct enclosing_key key = {.handle = handle, .stage = hit->stage.index};

	return (hit->bind->flags & WIRE_BIND_INSIDE) && handle &&
	       bpf_map_lookup_elem(&enclosing, &key);
}

/* Two at once on one handle: the first has it, and the end of the second does not matter. */
static __always_inline __u32 enclosing_begin(const struct hit *hit, __u64 handle)
{
	struct enclosing_key key = {.handle = handle, .stage = hit->stage.index};
	__u64 now = hit->now;
	long err;

	if (!handle)
		return 0;
	err = bpf_map_update_elem(&enclosing, &key, &now, BPF_NOEXIST);
	if (!err)
		return WIRE_COUNTED_ENCLOSES;
	if (err != -EEXIST)
		ctr_inc(WIRE_CTR_ENCLOSING_FULL);
	return 0;
}

static __noinline int enter_push(struct hit *hit, struct thread_state *ts,
				 const struct value_ctx *at, __u64 key, __u64 handle)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct wire_bind *bind = hit->bind;
	struct frame *f;
	__u32 i;

	for (i = 0; i < WIRE_FRAMES_MAX; i++)
		if (!((ts->used >> i) & 1))
			break;
	if (i >= WIRE_FRAMES_MAX) {
		shared_add(&hit->stage.stats->frames_overflow, 1);
		frame_evict(ts, hit->now);
		return 0;
	}
	f = frame_at(ts, i);
	if ((bind->flags & WIRE_BIND_OWN_EXITS) ||
	    bpf_probe_read_user(&f->return_address, 8, (void *)hit->sp))
		f->return_address = 0;
	if (!usage_active(ts))
		usage_begin(ts, hit->now);
	if (!cache_role(bind)) {
		usage_update(ts, task, hit->now);
		f->at_entry = ts->total;
	}
	f->sp = hit->sp;
	f->start_ns = hit->now;
	f->key = key;
	f->handle = handle;
	for (int n = 0; n < ARCH_REG_ARGS; n++)
		f->arg[n] = at->arg[n];
	f->bind = hit->bind_index;
	f->stage = hit->stage.index;
	f->role = bind->role;
	f->span_flags = bind->key.base != WIRE_BASE_NONE ? WIRE_SPAN_KEY : 0;
	f->slot = 0;
	if (bind->role == WIRE_ROLE_CALL || bind->role == WIRE_ROLE_FRAME)
		f->slot = slot_take(hit->stage.index, hit->now, hit->tid);
	f->counted = flight_begin(&hit->stage, hit->now);
	if (bind->flags & WIRE_BIND_ENCLOSES)
		f->counted |= enclosing_begin(hit, handle);
	ts->used |= 1U << i;
	return 0;
}

/*
 * True when the call's return site is probed already; else asks user space for it, unless it has
 * answered that the site cannot be probed.  Questions take of the stage's records.
 */
static __always_inline int return_site_known(struct hit *hit)
{
	struct site_key key = {.bind = hit->bind_index};
	struct wire_learn *learn;
	__u64 *probed;

	if (bpf_probe_read_user(&key.return_address, 8, (void *)hit->sp)) {
		shared_add(&hit->stage.stats->read_failures, 1);
		return 0;
	}
	probed = bpf_map_lookup_elem(&return_sites, &key);
	if (probed && *probed)
		return 1;
	shared_add(&hit->stage.stats->learning, 1);
	if (probed || !token_take(&hit->stage, hit->now))
		return 0;
	learn = bpf_ringbuf_reserve(&events, sizeof(*learn), 0);
	if (!learn) {
		ctr_inc(WIRE_CTR_RING_FULL);
		return 0;
	}
	__builtin_memset(learn, 0, sizeof(*learn));
	hdr_fill(&learn->hdr, WIRE_KIND_LEARN, sizeof(*learn), hit->now);
	learn->stage = hit->stage.index;
	learn->bind = hit->bind_index;
	learn->return_address = key.return_address;
	bpf_ringbuf_submit(learn, BPF_RB_NO_WAKEUP);
	return 0;
}

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

/*
 * Does the function return to where it was called from?  Another tool's uretprobe on it puts the
 * kernel's trampoline there, which is at the start of the process's uprobes page.
 */
static __always_inline int returns_home(const struct frame *f, __u64 sp)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 return_address = 0;
	struct xol_area *page;

	if (bpf_probe_read_user(&return_address, 8, (void *)sp))
		return 0;
	if (return_address == f->return_address)
		return 1;
	page = BPF_CORE_READ(task, mm, uprobes_state.xol_area);
	return page && return_address == BPF_CORE_READ(page, vaddr);
}

/*
 * An exit without a frame is worth counting.  Not where one is expected: calls that `where`, the
 * class or an enclosing call let pass, learnt return sites behind a `ret` that closed the frame,
 * calls while a stage is taken off.
 */
static __always_inline int was_entered(const struct hit *hit)
{
	return hit->stage.conf->state == WIRE_STAGE_ARMED && !hit->probe->no_ra_check &&
	       hit->bind->where.base == WIRE_BASE_NONE && !hit->bind->cls &&
	       !(hit->bind->flags & WIRE_BIND_INSIDE);
}

/*
 * The open frame that returns here: same function, same stack pointer, and, where others share the
 * exit, the same return address.
 */
static __always_inline int exit_match(struct hit *hit, struct thread_state *ts)
{
	int inner = 0;

	for (__u32 i = 0; i < WIRE_FRAMES_MAX; i++) {
		struct frame *f = frame_at(ts, i);

		if (!(ts->used >> i))
			break;
		if (!((ts->used >> i) & 1) || !frame_alike(f, hit))
			continue;
		if (frame_is_old(f, hit)) {
			frame_abandon(i, FRAME_FORGOTTEN, hit->now);
			continue;
		}
		if (f->bind != hit->bind_index || f->sp != hit->sp) {
			inner = 1;
			continue;
		}
		if (!(hit->bind->flags & WIRE_BIND_OWN_EXITS) && !hit->probe->no_ra_check &&
		    !returns_home(f, hit->sp)) {
			frame_abandon(i, FRAME_UNWOUND, hit->now);
			continue;
		}
		return i;
	}
	if (!inner && was_entered(hit))
		shared_add(&hit->stage.stats->unmatched, 1);
	return -1;
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
	at.ret = regs->ax;
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

	if (!current_is_target())
		return 0;
	now = bpf_ktime_get_ns();
	slice = current_slice();
	if (slice)
		slice->catch_hits++;
	ts = thread_get(bpf_get_current_task_btf(), 0);
	if (ts && ts->used)
		frames_reconcile(ts, regs->sp + bpf_get_attach_cookie(regs), FRAME_EXCEPTION, now);
	measure_run(now);
	return 0;
}
