/* SPDX-License-Identifier: GPL-2.0-only */
/* hit.bpf.h - one probe hit: what is configured for it, and the values it reads. */
#ifndef CHESHIRE_HIT_BPF_H
#define CHESHIRE_HIT_BPF_H

#include "frames.bpf.h"
#include "value.bpf.h"

/* One probe hit and what is configured for it. */
struct hit {
	const struct pt_regs *regs;
	struct wire_probe *probe;
	struct wire_bind *bind;
	struct stage_ref stage;
	__u32 bind_index;
	__u32 tid;
	__u64 sp; /* stack pointer at function entry */
	__u64 now;
};

/* Counted, not timed: cache.bpf.h. */
static __always_inline int cache_role(const struct wire_bind *bind)
{
	return bind->role >= WIRE_ROLE_LOOKUP && bind->role <= WIRE_ROLE_EVICT;
}

/* Which probe was hit, by the BPF cookie.  0: not ours, or a bug (counted). */
static __always_inline int hit_lookup(struct hit *hit, struct pt_regs *regs)
{
	__u32 index = bpf_get_attach_cookie(regs);

	hit->regs = regs;
	hit->probe = bpf_map_lookup_elem(&probes, &index);
	if (!hit->probe)
		goto bug;
	hit->bind_index = hit->probe->bind;
	hit->bind = bpf_map_lookup_elem(&binds, &hit->bind_index);
	if (!hit->bind || !stage_lookup(&hit->stage, hit->bind->stage))
		goto bug;
	hit->sp = arch_sp(regs) + (__s64)hit->probe->sp_delta;
	hit->tid = (__u32)bpf_get_current_pid_tgid();
	hit->now = bpf_ktime_get_ns();
	return 1;
bug:
	ctr_inc(WIRE_CTR_BUG);
	return 0;
}

/* At a conditional jump that stands for a ret: it goes the other way. */
static __always_inline int goes_on(const struct hit *hit, const struct pt_regs *regs)
{
	__u8 condition = hit->probe->unless;

	return condition && arch_condition(regs, condition - 1);
}

/* One run in 64 of a uprobe program is timed, from its first clock reading on. */
static __always_inline void measure_run(__u64 start_ns)
{
	struct wire_slice *slice = current_slice();
	__u64 ran_ns;

	if (!slice || (slice->probe_runs++ & SAMPLE_MASK))
		return;
	ran_ns = bpf_ktime_get_ns() - start_ns;
	if (ran_ns >= SAMPLE_MAX_NS)
		return;
	slice->probe_sampled++;
	slice->probe_sampled_ns += ran_ns;
}

/* A condition; counts what could not be read, which is a no. */
static __always_inline int holds(struct hit *hit, const struct wire_value *v,
				 const struct value_ctx *at)
{
	long result = value_holds(v, at);

	if (result < 0)
		shared_add(&hit->stage.stats->read_failures, 1);
	return result > 0;
}

/* A value, 0 where there is none or it could not be read. */
static __always_inline __u64 value_of(struct hit *hit, const struct wire_value *v,
				      const struct value_ctx *at)
{
	__u64 value = 0;

	if (v->base != WIRE_BASE_NONE && value_eval(v, at, &value))
		shared_add(&hit->stage.stats->read_failures, 1);
	return value;
}

/* Is the handle of the class that the bind asks for?  Counts the refusal. */
static __always_inline int class_fits(struct hit *hit, __u64 handle)
{
	struct class_key key = {.handle = handle};
	__u64 *cls;

	if (!hit->bind->cls)
		return 1;
	cls = bpf_map_lookup_elem(&handle_classes, &key);
	if (!cls) {
		shared_add(&hit->stage.stats->unknown_class, 1);
		return 0;
	}
	if (*cls == hit->bind->cls)
		return 1;
	shared_add(&hit->stage.stats->filtered, 1);
	return 0;
}

static __always_inline void class_learn(struct hit *hit, __u64 handle)
{
	struct class_key key = {.handle = handle};
	__u64 cls = hit->bind->cls;

	if (bpf_map_update_elem(&handle_classes, &key, &cls, BPF_ANY))
		ctr_inc(WIRE_CTR_CLASSES_FULL);
}

#endif
