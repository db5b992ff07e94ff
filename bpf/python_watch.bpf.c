// SPDX-License-Identifier: GPL-2.0-only
/*
 * python_watch.bpf.c - spans of Python functions, exact: the program of watchpoints on the
 * reference counts of their code objects (wire_watch.h).
 *
 * The trap comes right after the instruction that wrote the count, in the thread that did, which
 * holds the GIL: so counts are seen in the order in which they were written, and the difference to
 * the last one says which way it went.  From 3.11 on frames lie on a stack of the thread: F is a
 * new one if it ends where that stack ends and begins behind the frame that runs.  It is left when
 * the count goes down while it ends there.  The rest are references of others: f.__code__, a new
 * function object, a frame that a traceback keeps.
 *
 * To 3.10 frames are objects.  A code object keeps the last one for the next call, and has none
 * while a call runs: the count goes up with none there, and down when the caller's frame runs.
 *
 * A frame that is left by an exception lives on in the traceback.  From 3.12 on the traceback has a
 * copy, and the count goes down as always; before, PyTraceBack_Here says that an exception came to
 * the frame, and, when it comes to the caller too, that it was the end.
 *
 * To 3.11 the end of a call is not seen if it returns while a traceback, of an exception that it
 * caught, is kept by others, or if C code swallows the exception that it is left by: it is known at
 * the next call, or when the traceback goes, and counts as abnormal.
 *
 * The stage counts the outermost call on a thread, as everywhere.  Known error: half a trap at each
 * end; to 3.10 a reference that is taken and dropped before the function was called for the first
 * time, or while another thread calls it, counts as a call.
 */
#include "core_fixes.bpf.h"
#include "frames.bpf.h"
#include "python.bpf.h"

#include "cheshire/wire_watch.h"

/* Generators below the newest frame of the stack, at most. */
#define FRAMES_LOOKED_AT 8

/* An open call of a watched function on a thread. */
struct watched_call {
	__u64 start_ns;
	__u64 left_ns; /* an exception came to it; 0: none did */
	__u64 frame;   /* its outermost; to 3.10: 0 */
	__u64 caller;  /* frame that was innermost before */
	struct usage at_entry;
	__u32 depth; /* 0: none is open */
	__u32 slot;
	__u32 counted; /* enum wire_counted */
	__u32 pad0;
};

struct watched_calls {
	struct watched_call of[WIRE_WATCHES];
};

struct python_calls {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct watched_calls);
};

struct python_watches {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WIRE_WATCHES);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct wire_watch);
};

struct python_calls python_calls SEC(".maps");
struct python_watches python_watches SEC(".maps");

/* What one hit is about. */
struct touch {
	struct wire_watch *watch;
	struct watched_call *call;
	const struct python_offsets *offsets;
	struct stage_ref stage;
	__u64 tstate;
	__u64 innermost; /* frame that runs */
	__u64 bottom;	 /* the thread's stack of frames, from 3.11 on */
	__u64 top;
	__u64 now;
};

static __always_inline struct watched_call *call_of(__u32 i, int create)
{
	struct watched_calls *calls;

	calls = bpf_task_storage_get(&python_calls, bpf_get_current_task_btf(), NULL,
				     create ? BPF_LOCAL_STORAGE_GET_F_CREATE : 0);
	return calls ? &calls->of[i & (WIRE_WATCHES - 1)] : NULL;
}

static __always_inline int touch_lookup(struct touch *t, __u32 i, __u64 now, int create)
{
	struct wire_python *py = python_conf_get();

	if (!cfg_python)
		return 0;
	t->now = now;
	t->watch = bpf_map_lookup_elem(&python_watches, &i);
	if (!py || !py->known || !t->watch || !stage_lookup(&t->stage, t->watch->stage))
		return 0;
	t->offsets = &py->offsets;
	t->call = call_of(i, create);
	return t->call != NULL;
}

/* Where the thread is.  0, or negative: it cannot be read. */
static __always_inline long touch_place(struct touch *t)
{
	struct python_thread *pt;
	__u64 at;

	t->tstate = python_tstate(t->offsets, bpf_get_current_task_btf(), &pt);
	if (!t->tstate || python_innermost(t->offsets, t->tstate, &t->innermost))
		return -1;
	if (!t->watch->frame_bytes)
		return 0;
	at = t->tstate + (__u64)(__s64)t->watch->tstate_stack;
	return read_word(&t->bottom, at) || read_word(&t->top, at + 8) ? -1 : 0;
}

static __always_inline __u64 read_u32(__u64 address)
{
	__u32 word = 0;

	return bpf_probe_read_user(&word, sizeof(word), (void *)address) ? 0 : word;
}

/* How long a frame of the code object is, in bytes; 0: cannot be read. */
static __always_inline __u64 frame_bytes(const struct wire_watch *w, __u64 code)
{
	if (w->code_frame != PYTHON_NONE)
		return 8 * read_u32(code + (__u64)(__s64)w->code_frame);
	return 8 * (read_u32(code + (__u64)(__s64)w->code_stack) +
		    read_u32(code + (__u64)(__s64)w->code_locals) + w->code_specials);
}

/* Is what lies at the top of the stack a frame that nobody runs yet? */
static __always_inline int frame_is_new(const struct touch *t, __u64 frame)
{
	__u64 at = t->innermost, code = 0;

	for (int i = 0; i < FRAMES_LOOKED_AT && at; i++) {
		if (at >= t->bottom && at < t->top)
			return !python_frame_code(t->offsets, at, &code) &&
			       at + frame_bytes(t->watch, code) <= frame;
		if (python_frame_previous(t->offsets, at, &at))
			return 0;
	}
	return 1;
}

/* To 3.10: no frame is kept for the next call. */
static __always_inline int is_called(const struct touch *t)
{
	__u64 idle = 0;

	return !read_word(&idle, t->watch->code + (__u64)(__s64)t->watch->code_idle) && !idle;
}

/* --- the ends -------------------------------------------------------------------------------- */

static __always_inline void fill_record(struct wire_span *span, const struct watched_call *call,
					const struct usage *used, __u64 end_ns)
{
	span->start_ns = call->start_ns;
	span->end_ns = end_ns;
	span->first_ns = end_ns;
	span->key = (__u32)bpf_get_current_pid_tgid();
	span_usage(span, used);
}

static __always_inline void count_return(struct touch *t, struct wire_stage_stats *stats,
					 const struct usage *used)
{
	__u64 wall_ns = t->now - t->call->start_ns;

	shared_add(&stats->spans, 1);
	shared_add(&stats->sum_ns, wall_ns);
	span_max(t->stage.index, wall_ns);
	stats_usage(stats, used);
	hist_count(t->stage.index, WIRE_HIST_LATENCY, wall_ns);
}

static __always_inline void count_abnormal(struct wire_stage_stats *stats, __u32 how)
{
	if (how == FRAME_EXCEPTION)
		shared_add(&stats->abnormal_exception, 1);
	else if (how == FRAME_THREAD_END)
		shared_add(&stats->abnormal_thread_end, 1);
	else
		shared_add(&stats->abnormal_unwound, 1);
}

static __always_inline __u32 abnormal_flags(__u32 how)
{
	if (how == FRAME_EXCEPTION)
		return WIRE_SPAN_ABNORMAL | WIRE_SPAN_EXCEPTION;
	if (how == FRAME_THREAD_END)
		return WIRE_SPAN_ABNORMAL | WIRE_SPAN_THREAD_END;
	return WIRE_SPAN_ABNORMAL | WIRE_SPAN_UPPER_BOUND;
}

static __always_inline void span_counted(struct touch *t, struct thread_state *ts, __u32 how,
					 __u64 end_ns)
{
	struct wire_stage_stats *stats = t->stage.stats;
	struct wire_span *span;
	__u64 timeout_ns = t->stage.conf->timeout_ns;

	usage_update(ts, bpf_get_current_task_btf(), t->now);
	usage_diff(&ts->spent, &ts->total, &t->call->at_entry);
	if (how == FRAME_RETURNED)
		count_return(t, stats, &ts->spent);
	else
		count_abnormal(stats, how);
	if (how != FRAME_UNWOUND && timeout_ns && end_ns - t->call->start_ns > timeout_ns)
		shared_add(&stats->timeouts, 1);
	span = span_reserve(&t->stage, t->now);
	if (!span)
		return;
	fill_record(span, t->call, &ts->spent, end_ns);
	if (how != FRAME_RETURNED)
		span->flags |= abnormal_flags(how);
	bpf_ringbuf_submit(span, BPF_RB_NO_WAKEUP);
}

/* The call of watch i on this thread is over: enum frame_end, at end_ns. */
__noinline int watch_close(__u32 i, __u32 how, __u64 end_ns, __u64 now)
{
	struct thread_state *ts = thread_get(bpf_get_current_task_btf(), 0);
	struct touch t;

	if (!ts || !touch_lookup(&t, i, now, 0) || !t.call->depth)
		return 0;
	/* Nobody looked when a stage that was taken off should have seen its end. */
	if (t.stage.conf->state == WIRE_STAGE_ARMED &&
	    t.call->start_ns >= t.stage.conf->frames_since_ns && how != FRAME_FORGOTTEN)
		span_counted(&t, ts, how, end_ns);
	slot_free(t.stage.stats, t.call->slot);
	flight_end(t.stage.index, t.stage.stats, t.call->counted, now);
	t.call->depth = 0;
	ts->watched &= ~(1U << (i & (WIRE_WATCHES - 1)));
	return 0;
}

/* --- the beginning --------------------------------------------------------------------------- */

static __always_inline void open(struct touch *t, __u32 i, __u64 frame)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread_state *ts = thread_get(task, 1);
	struct watched_call *call = t->call;

	if (!ts)
		return;
	if (!usage_active(ts))
		usage_begin(ts, task, t->now);
	usage_update(ts, task, t->now);
	call->at_entry = ts->total;
	call->start_ns = t->now;
	call->left_ns = 0;
	call->frame = frame;
	call->caller = t->innermost;
	call->slot = slot_take(t->stage.index, t->now, (__u32)bpf_get_current_pid_tgid());
	call->counted = flight_begin(&t->stage, t->now);
	call->depth = 1;
	ts->watched |= 1U << (i & (WIRE_WATCHES - 1));
}

/* A call from before the stage was taken off. */
static __always_inline int is_old(const struct touch *t)
{
	return t->call->depth && t->call->start_ns < t->stage.conf->frames_since_ns;
}

__noinline int watch_enter(__u32 i, __u64 now)
{
	struct touch t;
	__u64 frame;

	if (!touch_lookup(&t, i, now, 1))
		return 0;
	if (touch_place(&t)) {
		shared_add(&t.watch->unread, 1);
		return 0;
	}
	frame = t.watch->frame_bytes ? t.top - t.watch->frame_bytes : 0;
	if (frame ? !frame_is_new(&t, frame) : !is_called(&t)) {
		shared_add(&t.watch->others, 1);
		return 0;
	}
	if (is_old(&t))
		watch_close(i, FRAME_FORGOTTEN, now, now);
	/* A traceback takes a copy of the frame that is being left. */
	if (t.call->depth && frame == t.call->frame && frame && t.watch->exact_ends &&
	    t.watch->jumped_ns < t.call->start_ns) {
		shared_add(&t.watch->others, 1);
		return 0;
	}
	shared_add(&t.watch->enters, 1);
	/* On the stack of frames a new one lies behind those that are open. */
	if (t.call->depth && frame && frame <= t.call->frame && t.call->frame < t.top &&
	    t.call->frame >= t.bottom)
		watch_close(i, FRAME_UNWOUND, now, now);
	if (t.call->depth) {
		t.call->depth++;
		shared_add(&t.stage.stats->nested, 1);
		return 0;
	}
	open(&t, i, frame);
	return 0;
}

/* The frame is left because of an exception. */
static __always_inline int is_raising(const struct touch *t)
{
	__u64 exception = 0;

	return !read_word(&exception, t->tstate + (__u64)(__s64)t->watch->tstate_exception) &&
	       exception;
}

__noinline int watch_leave(__u32 i, __u64 now)
{
	struct touch t;
	__u64 frame;

	if (!touch_lookup(&t, i, now, 0))
		return 0;
	if (!t.call->depth || touch_place(&t)) {
		shared_add(&t.watch->others, 1);
		return 0;
	}
	if (!t.watch->frame_bytes) {
		if (t.call->depth == 1 && t.innermost != t.call->caller) {
			shared_add(&t.watch->others, 1);
			return 0;
		}
	} else {
		frame = t.top - t.watch->frame_bytes;
		if (t.call->depth > 1 ? frame <= t.call->frame : frame != t.call->frame) {
			shared_add(&t.watch->others, 1);
			/* Dropped with its traceback, somewhere else. */
			if (t.call->left_ns && t.top <= t.call->frame)
				watch_close(i, FRAME_UNWOUND, now, now);
			return 0;
		}
	}
	shared_add(&t.watch->leaves, 1);
	if (t.call->depth > 1) {
		t.call->depth--;
		return 0;
	}
	if (t.watch->exact_ends && is_raising(&t))
		watch_close(i, FRAME_EXCEPTION, now, now);
	else
		watch_close(i, FRAME_RETURNED, now, now);
	return 0;
}

/* --- programs -------------------------------------------------------------------------------- */

static __always_inline int watch_of(__u64 address, __u32 *out)
{
	for (__u32 i = 0; i < WIRE_WATCHES; i++) {
		__u32 at = i;
		struct wire_watch *w = bpf_map_lookup_elem(&python_watches, &at);

		if (w && w->address && w->address == address) {
			*out = i;
			return 1;
		}
	}
	return 0;
}

/* Which way the count went; 0: it did not, or hits were lost. */
static __always_inline __s64 step_of(struct wire_watch *w, const struct python_offsets *o,
				     __u64 now)
{
	__u64 count = 0;
	__s64 step;

	if (bpf_probe_read_user(&count, o->refcount_bytes == 4 ? 4 : 8, (void *)w->address)) {
		shared_add(&w->unread, 1);
		return 0;
	}
	step = (__s64)(count - w->count);
	w->count = count;
	/* Freed, and from 3.12 on counted once more meanwhile: whatever comes now is another's. */
	if (!count)
		w->address = w->armed = 0;
	if (step >= -1 && step <= 1)
		return step;
	shared_add(&w->jumps, 1);
	w->jumped_ns = now;
	return 0;
}

static __always_inline void measure_watch(__u64 start_ns)
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

SEC("perf_event")
int python_watch(struct bpf_perf_event_data *ctx)
{
	struct wire_python *py = python_conf_get();
	struct stage_ref stage;
	struct wire_watch *w;
	__u32 i = 0, at;
	__u64 now;
	__s64 step;

	if (!py || !py->known || !current_is_target() || !watch_of(ctx->addr, &i))
		return 0;
	now = bpf_ktime_get_ns();
	at = i;
	w = bpf_map_lookup_elem(&python_watches, &at);
	if (!w || !stage_lookup(&stage, w->stage))
		return 0;
	shared_add(&w->hits, 1);
	step = step_of(w, &py->offsets, now);
	shared_add(&stage.stats->cost_ns, w->cost_ns);
	if (step < 0)
		shared_add(&stage.stats->exit_hits, 1);
	else
		shared_add(&stage.stats->entry_hits, 1);
	if (!w->armed) {
		measure_watch(now);
		return 0;
	}
	if (step > 0 && stage.conf->state == WIRE_STAGE_ARMED)
		watch_enter(i, now);
	else if (step < 0 && stage.conf->state >= WIRE_STAGE_ARMED)
		watch_leave(i, now);
	measure_watch(now);
	return 0;
}

/* An exception comes to a frame: is it that of an open call, or of the one behind it? */
static __always_inline void unwind(__u32 i, __u64 frame, __u64 code, __u64 now)
{
	struct touch t;

	if (!touch_lookup(&t, i, now, 0) || !t.call->depth)
		return;
	if (t.call->frame ? frame == t.call->frame : code == t.watch->code) {
		t.call->left_ns = now;
		return;
	}
	if (!t.call->left_ns || t.watch->exact_ends)
		return;
	if (frame == t.call->caller)
		watch_close(i, FRAME_EXCEPTION, t.call->left_ns, now);
}

/* At the entry of PyTraceBack_Here(frame). */
SEC("uprobe")
int python_unwind(struct pt_regs *regs)
{
	struct wire_python *py = python_conf_get();
	__u64 arg[ARCH_REG_ARGS], frame, code = 0, now;
	struct wire_slice *slice;

	keep_own_stack(regs);
	if (!py || !py->known || !current_is_target())
		return 0;
	now = bpf_ktime_get_ns();
	slice = current_slice();
	if (slice)
		slice->catch_hits++;
	arch_args(regs, arg);
	frame = arg[0];
	if (py->offsets.frame_object_frame != PYTHON_NONE &&
	    read_word(&frame, frame + (__u64)(__s64)py->offsets.frame_object_frame))
		return 0;
	if (python_frame_code(&py->offsets, frame, &code))
		return 0;
	/* No loop: one that goes on right behind a call is a back edge to 6.1. */
	_Static_assert(WIRE_WATCHES == 4, "each is asked");
	unwind(0, frame, code, now);
	unwind(1, frame, code, now);
	unwind(2, frame, code, now);
	unwind(3, frame, code, now);
	measure_watch(now);
	return 0;
}

__noinline int python_watch_end(__u64 now)
{
	struct watched_calls *calls;

	if (!cfg_python)
		return 0;
	calls = bpf_task_storage_get(&python_calls, bpf_get_current_task_btf(), NULL, 0);
	if (!calls)
		return 0;
	for (__u32 i = 0; i < WIRE_WATCHES; i++)
		if (calls->of[i].depth)
			watch_close(i, FRAME_THREAD_END, now, now);
	return 0;
}
