// SPDX-License-Identifier: GPL-2.0-only
/*
 * python_sample.bpf.c - which named Python functions are on a thread's chain of frames, looked at
 * by a clock while the thread runs, and whenever it leaves its CPU.
 *
 * Of each stage only the outermost frame matters, as everywhere.  User space is told when the set
 * is another than before; when it was seen last the way it was is told along, so both ends of a
 * span are known within one interval of the clock.
 *
 * A thread that keeps leaving its CPU in one and the same function is not gone through each time:
 * as long as the innermost frame is where it was, with the code that it had, all are taken for what
 * they were up to WALK_NS ago.
 *
 * Known error: a call that begins and ends between two looks is not seen; two calls of a function
 * between which no look falls are one, if the second frame is where the first was, which it nearly
 * always is.
 */
#include "core_fixes.bpf.h"
#include "python.bpf.h"
#include "python_codes.bpf.h"
#include "python_generators.bpf.h"
#include "span.bpf.h"

/* Half of the time between two ticks: what is missed for so long costs no more accuracy than these.
 */
#define WALK_NS (1000000000ULL / WIRE_PYTHON_HZ / 2)

/* Of see_thread(), beside flags: the frames are those of the last walk. */
#define AS_WALKED (1 << 30)

struct walk {
	struct wire_python *py;
	struct python_thread *pt;
	struct wire_python_stats *stats;
	__u64 frame;
	__u64 now;
	__u64 bits;  /* of the stages that are there */
	__u32 flags; /* WIRE_PYTHON_CUT */
	__u32 failed;
};

/* Where a frame of this class is noted: instead of one further in, of the same. */
static __always_inline __u32 place_of(const struct python_thread *pt, __u64 code, __u32 cls)
{
	__u32 n = pt->now_n;

	for (__u32 i = 0; i < WIRE_PYTHON_SET; i++) {
		const struct wire_python_frame *f = &pt->now[i];

		if (i >= n || (f->cls == cls && (cls != WIRE_PYTHON_ASKED || f->code == code)))
			return i;
	}
	return WIRE_PYTHON_SET;
}

/* What nobody knows makes room for what somebody asked for. */
static __always_inline __u32 place_made(const struct python_thread *pt, __u32 cls)
{
	for (__u32 i = 0; i < WIRE_PYTHON_SET && cls != WIRE_PYTHON_ASKED; i++)
		if (pt->now[i].cls == WIRE_PYTHON_ASKED)
			return i;
	return WIRE_PYTHON_SET;
}

/* Frames come from the inside out: the last one of a stage stays. */
static __always_inline void note(struct walk *w, __u64 frame, __u64 code, __u32 cls)
{
	int of_generator = python_frame_of_generator(&w->py->offsets, frame);
	struct python_thread *pt = w->pt;
	__u32 at = place_of(pt, code, cls);

	/* The frame that makes one: it is no call, and gone at once. */
	if (!of_generator && python_code_makes_generators(&w->py->offsets, code))
		return;

	if (at >= WIRE_PYTHON_SET) {
		w->flags |= WIRE_PYTHON_CUT;
		at = place_made(pt, cls);
	}
	if (at >= WIRE_PYTHON_SET)
		return;
	if (at >= pt->now_n)
		pt->now_n = at + 1;
	pt->now[at].frame = frame;
	pt->now[at].code = code;
	pt->now[at].cls = cls;
	pt->now[at].flags = of_generator ? WIRE_PYTHON_GENERATOR : 0;
	/* Those of generators are in flight while they are off the thread, too. */
	if (cls <= WIRE_STAGES_MAX && !pt->now[at].flags)
		w->bits |= 1ULL << ((cls - 1) & (WIRE_STAGES_MAX - 1));
}

static long walk_step(__u32 i, struct walk *w)
{
	const struct python_offsets *o = &w->py->offsets;
	__u64 code = 0, previous = 0;
	__u32 cls;

	(void)i;
	if (!w->frame)
		return 1;
	if (python_frame_code(o, w->frame, &code) ||
	    python_frame_previous(o, w->frame, &previous)) {
		w->failed = 1;
		return 1;
	}
	w->stats->frames++;
	cls = class_of(w->py, code, w->now);
	if (cls != WIRE_PYTHON_NOTHING)
		note(w, w->frame, code, cls);
	w->frame = previous;
	return 0;
}

/* --- stages in flight ------------------------------------------------------------------------ */

struct flight {
	struct python_thread *pt;
	__u64 bits; /* of the stages in flight from now on */
	__u64 now;
};

static long flight_step(__u32 i, struct flight *f)
{
	struct stage_ref ref;
	__u32 at = i & (WIRE_STAGES_MAX - 1);
	int is = (f->bits >> at) & 1, was = (f->pt->stages >> at) & 1;

	if (is == was || !stage_lookup(&ref, at))
		return 0;
	if (is)
		f->pt->counted[at] = (__u8)flight_begin(&ref, f->now);
	else
		flight_end(at, ref.stats, f->pt->counted[at], f->now);
	return 0;
}

static __always_inline void fly(struct python_thread *pt, __u64 bits, __u64 now)
{
	struct flight flight = {.pt = pt, .bits = bits, .now = now};

	if (bits == pt->stages)
		return;
	bpf_loop(WIRE_STAGES_MAX, flight_step, &flight, 0);
	pt->stages = bits;
}

/* --- telling --------------------------------------------------------------------------------- */

/* What is not in use is zero in both; without a branch, of which the verifier would follow each. */
static __noinline int set_is_same(const struct python_thread *pt)
{
	__u64 differs = pt->now_n ^ pt->set_n;

	for (__u32 i = 0; i < WIRE_PYTHON_SET; i++) {
		const struct wire_python_frame *a = &pt->now[i], *b = &pt->set[i];

		differs |= (a->frame ^ b->frame) | (a->code ^ b->code) | (a->cls ^ b->cls);
	}
	return !differs;
}

/*
 * The thread's times as of now.  They are not brought up to date in the thread's state: this may
 * have come in between, when a program on a probe was about to do that.
 */
static __always_inline void sample_usage(struct wire_python_sample *s,
					 const struct thread_state *ts, struct task_struct *task,
					 __u64 now)
{
	__u64 pending = ts->pending_ns, delay = task->sched_info.run_delay - ts->run_delay_ns;
	__u32 reason = ts->pending_reason < WIRE_WAITS ? ts->pending_reason : WIRE_WAIT_OTHER;

	if (delay > pending)
		delay = pending;
	s->cpu_ns = ts->total.cpu_ns + (ts->on_ns && now > ts->on_ns ? now - ts->on_ns : 0);
	s->process_cpu_ns = clock_read(WIRE_CLOCK_CPU, now);
	for (__u32 i = 0; i < WIRE_WAITS; i++)
		s->wait_ns[i] = ts->total.wait_ns[i];
	s->wait_ns[reason] += pending - delay;
	s->wait_ns[WIRE_WAIT_RUNQUEUE] += delay;
}

/* The thread is followed while a named function is on it. */
static __always_inline struct thread_state *follow(struct task_struct *task,
						   const struct python_thread *pt, __u64 now)
{
	struct thread_state *ts;

	ts = bpf_task_storage_get(&thread_states, task, NULL,
				  pt->now_n ? BPF_LOCAL_STORAGE_GET_F_CREATE : 0);
	if (ts && !usage_active(ts) && pt->now_n)
		usage_begin(ts, task, now);
	return ts;
}

/* Until when the thread had the frames that were told last; the first time: since when we look. */
static __always_inline __u64 before(struct task_struct *task, const struct python_thread *pt,
				    __u64 since_ns, __u64 now)
{
	__u64 at = pt->seen_ns > pt->resumed_ns ? pt->seen_ns : pt->resumed_ns;

	if (at < since_ns)
		at = since_ns;
	if (at < task->start_time)
		at = task->start_time;
	return at > now ? now : at;
}

static __noinline int tell(const struct wire_python *py, struct python_thread *pt, __u32 flags,
			   __u64 now)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread_state *ts = follow(task, pt, now);
	struct wire_python_sample *s;

	s = bpf_ringbuf_reserve(&events, sizeof(*s), 0);
	if (!s) {
		ctr_inc(WIRE_CTR_RING_FULL);
		pt->walked_ns = 0;
		return 0; /* the next look will find the same difference */
	}
	__builtin_memset(s, 0, sizeof(*s));
	hdr_fill(&s->hdr, WIRE_KIND_PYTHON_SAMPLE, sizeof(*s), now);
	s->before_ns = before(task, pt, py->since_ns, now);
	/* A new thread began with none. */
	s->flags = pt->seen_ns < py->since_ns && task->start_time < py->since_ns
			   ? flags | WIRE_PYTHON_FIRST
			   : flags;
	if (ts)
		sample_usage(s, ts, task, now);
	s->frames_n = pt->now_n;
	for (__u32 i = 0; i < WIRE_PYTHON_SET; i++) {
		if ((pt->set[i].flags & WIRE_PYTHON_GENERATOR) &&
		    python_generator_over(&py->offsets, pt->set[i].frame, pt->set[i].code))
			s->over[i] = pt->set[i].frame;
		s->frames[i] = pt->now[i];
		pt->set[i] = pt->now[i];
	}
	bpf_ringbuf_submit(s, BPF_RB_NO_WAKEUP);
	pt->set_n = pt->now_n;
	pt->seen_ns = now;
	if (ts)
		ts->sampled = pt->now_n != 0;
	return 0;
}

/* Walks the current thread's frames into pt->now; WIRE_PYTHON_CUT and the like come back. */
static __always_inline int see_frames(struct wire_python *py, struct python_thread *pt,
				      __u64 tstate, struct wire_python_stats *stats, __u64 now)
{
	struct walk w = {.py = py, .pt = pt, .stats = stats, .now = now};

	stats->walks++;
	pt->now_n = 0;
	__builtin_memset(pt->now, 0, sizeof(pt->now));
	pt->unseen = 1;
	pt->walked_ns = 0;
	if (tstate && python_innermost(&py->offsets, tstate, &w.frame)) {
		stats->failed++;
		return -1;
	}
	pt->walked_frame = w.frame;
	if (w.frame && python_frame_code(&py->offsets, w.frame, &pt->walked_code))
		pt->walked_code = 0;
	bpf_loop(WIRE_PYTHON_DEPTH, walk_step, &w, 0);
	if (w.failed) {
		stats->failed++;
		return -1;
	}
	pt->unseen = 0;
	pt->walked_ns = now;
	if (w.frame)
		w.flags |= WIRE_PYTHON_CUT;
	if (w.flags)
		stats->cut++;
	fly(pt, w.bits, now);
	return (int)w.flags;
}

/* Does the thread run what it ran when it was walked, which is not long ago? */
static __always_inline int is_as_walked(const struct wire_python *py,
					const struct python_thread *pt, __u64 tstate, __u64 now)
{
	__u64 frame = 0, code = 0;

	if (now - pt->walked_ns >= WALK_NS || pt->walked_ns < py->since_ns)
		return 0;
	if (tstate && python_innermost(&py->offsets, tstate, &frame))
		return 0;
	if (frame != pt->walked_frame)
		return 0;
	return !frame ||
	       (!python_frame_code(&py->offsets, frame, &code) && code == pt->walked_code);
}

/*
 * Negative: nothing was seen of the current thread.  What is no part of look() is a function, for
 * stacks add up: 512 bytes are for all that are called from each other.
 */
static __noinline int see_thread(struct wire_python *py, struct wire_python_stats *stats, __u64 now)
{
	struct python_thread *pt;
	__u64 tstate = python_tstate(&py->offsets, bpf_get_current_task_btf(), &pt);

	if (!pt)
		return -1;
	if (is_as_walked(py, pt, tstate, now))
		return AS_WALKED;
	return see_frames(py, pt, tstate, stats, now);
}

static __always_inline void look(struct wire_python *py, struct wire_python_stats *stats, __u64 now)
{
	int flags = see_thread(py, stats, now);
	struct task_struct *task = bpf_get_current_task_btf();
	struct python_thread *pt = bpf_task_storage_get(&python_threads, task, NULL, 0);

	if (flags < 0 || !pt)
		return;
	python_generators_look(now, before(task, pt, py->since_ns, now));
	if (flags == AS_WALKED || (set_is_same(pt) && (pt->seen_ns >= py->since_ns || !pt->now_n)))
		pt->seen_ns = now;
	else
		tell(py, pt, (__u32)flags, now);
}

/* Is there room for the verifier's kind of loop?  5.17, e6f2dd0f8067 ("bpf: Add bpf_loop helper").
 */
static __always_inline int can_walk(void)
{
	return cfg_python && bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_loop);
}

__noinline int python_switch_out(__u64 now)
{
	struct wire_python *py = can_walk() ? python_conf_get() : NULL;
	struct wire_python_stats *stats;

	if (!py || !py->sampling)
		return 0;
	stats = python_stats_get();
	if (!stats)
		return 0;
	look(py, stats, now);
	stats->ran_ns += bpf_ktime_get_ns() - now;
	return 0;
}

__noinline int python_thread_end(__u64 now)
{
	struct wire_python *py = can_walk() ? python_conf_get() : NULL;
	struct python_thread *pt;

	if (!py)
		return 0;
	pt = bpf_task_storage_get(&python_threads, bpf_get_current_task_btf(), NULL, 0);
	if (!pt)
		return 0;
	pt->now_n = 0;
	__builtin_memset(pt->now, 0, sizeof(pt->now));
	fly(pt, 0, now);
	if (pt->set_n)
		tell(py, pt, WIRE_PYTHON_THREAD_END, now);
	return 0;
}

/* The context of a program on a perf event begins with the registers. */
SEC("perf_event")
int python_tick(struct pt_regs *regs)
{
	struct wire_python *py = can_walk() ? python_conf_get() : NULL;
	struct wire_python_stats *stats;
	__u64 now;

	if (!py || !current_is_target())
		return 0;
	stats = python_stats_get();
	if (!stats)
		return 0;
	now = bpf_ktime_get_ns();
	stats->ticks++;
	if (py->watching && arch_copies(regs))
		stats->copied_ns += py->tick_ns;
	if (py->sampling)
		look(py, stats, now);
	stats->ran_ns += bpf_ktime_get_ns() - now;
	return 0;
}
