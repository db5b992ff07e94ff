/* SPDX-License-Identifier: GPL-2.0-only */
/* pairing.bpf.h - entries and exits of functions become frames: which belong together. */
#ifndef CHESHIRE_PAIRING_BPF_H
#define CHESHIRE_PAIRING_BPF_H

#include "hit.bpf.h"

#include <asm-generic/errno-base.h>

/* --- entry --- */

/*
 * The frame is of the stage, and of the role, of the function that was hit.  All that is done about
 * statements is one role: inside one statement there is no other.
 */
static __always_inline int frame_alike(const struct frame *f, const struct hit *hit)
{
	return f->stage == hit->stage.index &&
	       (f->role == hit->bind->role || f->role >= WIRE_ROLE_EXECUTE);
}

/*
 * Reached by a jump from the frame's function: the stack pointer is the same, and so is what lies
 * there.  A call from elsewhere at that stack pointer means that the frame is dead.
 */
static __always_inline int jumped_from(const struct hit *hit, const struct frame *f)
{
	__u64 return_address;

	return f->sp == hit->sp && f->bind != hit->bind_index &&
	       !arch_return_address(hit->regs, hit->sp, &return_address) &&
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
	__u64 *since_ns;

	if (!(hit->bind->flags & WIRE_BIND_INSIDE) || !handle)
		return 0;
	since_ns = bpf_map_lookup_elem(&enclosing, &key);
	/* One whose end nobody saw, for the stage was taken off, encloses nothing. */
	return since_ns && *since_ns >= hit->stage.conf->frames_since_ns;
}

/* Two at once on one handle: the first has it, and the end of the second does not matter. */
static __always_inline __u32 enclosing_begin(const struct hit *hit, __u64 handle)
{
	struct enclosing_key key = {.handle = handle, .stage = hit->stage.index};
	__u64 now = hit->now, *since_ns;
	long err;

	if (!handle)
		return 0;
	err = bpf_map_update_elem(&enclosing, &key, &now, BPF_NOEXIST);
	since_ns = err == -EEXIST ? bpf_map_lookup_elem(&enclosing, &key) : NULL;
	if (since_ns && *since_ns < hit->stage.conf->frames_since_ns)
		err = bpf_map_update_elem(&enclosing, &key, &now, BPF_ANY);
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
	    arch_return_address(hit->regs, hit->sp, &f->return_address))
		f->return_address = 0;
	if (!usage_active(ts))
		usage_begin(ts, task, hit->now);
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
	if (role_is_span(bind->role))
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

	if (arch_return_address(hit->regs, hit->sp, &key.return_address)) {
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

/* --- exit --- */

/*
 * Does the function return to where it was called from?  Another tool's uretprobe on it puts the
 * kernel's trampoline there, which is at the start of the process's uprobes page.
 */
static __always_inline int returns_home(const struct frame *f, const struct hit *hit)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 return_address = 0;
	struct xol_area *page;

	if (arch_return_address(hit->regs, hit->sp, &return_address))
		return 0;
	if (return_address == f->return_address)
		return 1;
	page = BPF_CORE_READ(task, mm, uprobes_state.xol_area);
	return page && return_address == BPF_CORE_READ(page, vaddr);
}

/*
 * An exit without a frame is worth counting.  Not where one is expected: functions that others call
 * as well, calls that `where`, the class or an enclosing call let pass, learnt return sites behind
 * a `ret` that closed the frame, calls while a stage is taken off.
 */
static __always_inline int was_entered(const struct hit *hit)
{
	/* Functions about statements end in each other: the first probe there closes the frame. */
	if (hit->bind->role >= WIRE_ROLE_EXECUTE && !(hit->bind->flags & WIRE_BIND_OWN_EXITS))
		return 0;
	return hit->stage.conf->state == WIRE_STAGE_ARMED && !hit->probe->no_ra_check &&
	       !hit->probe->shared && hit->bind->where.base == WIRE_BASE_NONE && !hit->bind->cls &&
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
		    !returns_home(f, hit)) {
			frame_abandon(i, FRAME_UNWOUND, hit->now);
			continue;
		}
		return i;
	}
	if (!inner && was_entered(hit))
		shared_add(&hit->stage.stats->unmatched, 1);
	return -1;
}

#endif
