/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * python_generators.bpf.h - generators and coroutines of stages, from their making to their end;
 * included once.
 *
 * Most of them are on a thread for some microseconds only, between which they are suspended: no
 * look falls on that.  But the collector tracks each, from its making on, and a new one is put at
 * the end of the list of young objects.  So at a look that list is gone through, all of it: what
 * was made last is freed first, and the next takes its place, so nothing at the end tells which
 * ones are new.  After a collection they are in a list of older objects, near its end.  Those that
 * were there before the first look user space makes known.  Whether those that are known still are
 * there says a byte beside the frame of each.
 *
 * All that takes some part of the time at most (SHARE); looks that come too often do without it,
 * and what is found afterwards may have been made since the first of them.
 *
 * Known error: one that is made and over between two looks is not seen; nor is one that more than
 * OBJECTS_MAX others followed.  One that comes to be where another was, between two looks, is the
 * same.
 */
#ifndef CHESHIRE_PYTHON_GENERATORS_BPF_H
#define CHESHIRE_PYTHON_GENERATORS_BPF_H

#include "python.bpf.h"
#include "python_codes.bpf.h"
#include "span.bpf.h"

#define OBJECTS_MAX  2048 /* of a list that are gone through; the young are collected at 2000 */
#define CUT_NEW	     1024 /* young ones that are new if they are unknown, where not all were seen */
#define SHARE	     16
#define SPARE_NS     (1LL << 21) /* so much time that was not taken is kept */
#define TAKEN_MAX_NS (SPARE_NS / 8)
#define GC_FLAGS     3ULL

struct python_stats {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wire_python_stats);
};

struct python_generators {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WIRE_PYTHON_GENERATORS);
	__type(key, __u64);
	__type(value, struct wire_python_open);
};

/* As of the last look of any thread. */
struct python_newest_value {
	__u64 walked_ns; /* then all that was there became known */
	__u64 cut_ns;	 /* then the young were too many: what is older may be unknown */
	__u64 filled_ns;
	__s64 spare_ns;	  /* for going through lists, as of filled_ns */
	__u64 counts[2];  /* beside the heads of older ones: other ones after a collection */
	__u64 skipped_ns; /* since then there were looks without; 0: since walked_ns there were none
			   */
};

struct python_newest {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct python_newest_value);
};

struct python_stats python_stats SEC(".maps");
struct python_generators python_generators SEC(".maps");
struct python_newest python_newest SEC(".maps");

struct generators_walk {
	const struct wire_python *py;
	struct wire_python_stats *stats;
	struct python_newest_value *newest;
	__u64 now;
	__u64 before;
	__u64 head;
	__u64 at;
	__u64 after; /* the one that follows `at` */
	__u32 new_n; /* so many at the end are new if they are unknown */
	__u32 first; /* look: nobody knows since when they are there */
	__u32 torn;
	__u32 whole; /* it came to the head */
};

static __always_inline struct wire_python_stats *python_stats_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&python_stats, &zero);
}

static __always_inline void generator_tell(const struct generators_walk *w, __u64 frame, __u64 code,
					   __u32 cls, __u32 over)
{
	struct wire_python_generator *g = bpf_ringbuf_reserve(&events, sizeof(*g), 0);

	if (!g) {
		ctr_inc(WIRE_CTR_RING_FULL);
		return;
	}
	hdr_fill(&g->hdr, WIRE_KIND_PYTHON_GENERATOR, sizeof(*g), w->now);
	g->before_ns = w->before;
	g->frame = frame;
	g->code = code;
	g->cls = cls;
	g->over = over;
	bpf_ringbuf_submit(g, BPF_RB_NO_WAKEUP);
}

static __always_inline void generator_flight_end(const struct wire_python_open *open, __u64 now)
{
	struct stage_ref ref;

	/* User space counts none that was there before. */
	if ((open->counted & WIRE_COUNTED_FLIGHT) &&
	    stage_lookup(&ref, (open->cls - 1) & (WIRE_STAGES_MAX - 1)))
		flight_end(ref.index, ref.stats, open->counted, now);
}

/* True: it was not known before.  Its end is told from then on. */
static __always_inline int generator_add(struct generators_walk *w, __u64 frame, __u64 code,
					 __u32 cls)
{
	struct wire_python_open open = {.code = code, .cls = cls, .since_ns = w->py->since_ns};
	struct stage_ref ref;

	if (bpf_map_lookup_elem(&python_generators, &frame) ||
	    !stage_lookup(&ref, (cls - 1) & (WIRE_STAGES_MAX - 1)))
		return 0;
	open.counted = flight_begin(&ref, w->now);
	if (!bpf_map_update_elem(&python_generators, &frame, &open, BPF_NOEXIST)) {
		/* While we looked another CPU may have seen its end, and let go of it. */
		if (!python_generator_over(&w->py->offsets, frame, code) ||
		    bpf_map_delete_elem(&python_generators, &frame))
			return 1;
	} else if (!bpf_map_lookup_elem(&python_generators, &frame)) {
		w->stats->generators_lost++;
	}
	flight_end(ref.index, ref.stats, open.counted, w->now);
	return 0;
}

static long generator_check(void *map, __u64 *key, struct wire_python_open *value,
			    struct generators_walk *w)
{
	struct wire_python_open open = *value;
	int stale = open.since_ns != w->py->since_ns;
	const struct wire_python_open *is;
	__u64 frame = *key;

	(void)map;

	if (!stale && !python_generator_over(&w->py->offsets, frame, open.code))
		return 0;
	/* Another CPU may have let go of it, and have put another one there. */
	is = bpf_map_lookup_elem(&python_generators, &frame);
	if (!is || is->code != open.code || is->since_ns != open.since_ns)
		return 0;
	/* Another CPU may have seen it as well. */
	if (bpf_map_delete_elem(&python_generators, &frame))
		return 0;
	generator_flight_end(&open, w->now);
	if (!stale)
		generator_tell(w, frame, open.code, open.cls, 1);
	return 0;
}

static __always_inline void object_seen(struct generators_walk *w, __u64 object, __u64 type,
					__u32 is_new)
{
	const struct python_offsets *o = &w->py->offsets;
	__u64 frame = object + (__u64)(__s64)o->generator_frame, code = 0;
	__u32 cls;

	if (!type || (type != o->coroutine_type && type != o->generator_type &&
		      type != o->async_generator_type))
		return;
	if (o->frame_kind == PYTHON_FRAMES_OBJECTS && read_word(&frame, frame))
		return;
	if (!frame || python_frame_code(o, frame, &code))
		return;
	cls = class_of(w->py, code, w->now);
	if (!cls || cls > WIRE_STAGES_MAX || python_generator_over(o, frame, code))
		return;
	if (generator_add(w, frame, code, cls) && is_new)
		generator_tell(w, frame, code, cls, 0);
}

static long object_step(__u32 i, struct generators_walk *w)
{
	__u64 node[4]; /* PyGC_Head, and of the object the count and the type */

	if (w->at == w->head) {
		w->whole = 1;
		return 1;
	}
	/* While the collector runs, other things are where the pointers were. */
	if (bpf_probe_read_user(node, sizeof(node), (void *)w->at) ||
	    (node[0] & ~GC_FLAGS) != w->after) {
		w->torn = 1;
		return 1;
	}
	object_seen(w, w->at + (__u64)(__s64)w->py->offsets.gc_head, node[3], i < w->new_n);
	w->after = w->at;
	w->at = node[1] & ~GC_FLAGS;
	return 0;
}
static long open_step(__u32 i, struct generators_walk *w)
{
	struct python_thread *pt =
		bpf_task_storage_get(&python_threads, bpf_get_current_task_btf(), NULL, 0);
	const struct wire_python_frame *f;

	if (!pt || i >= WIRE_PYTHON_SET)
		return 1;
	f = &pt->now[i & (WIRE_PYTHON_SET - 1)];
	if ((f->flags & WIRE_PYTHON_GENERATOR) && f->cls && f->cls <= WIRE_STAGES_MAX)
		generator_add(w, f->frame, f->code, f->cls);
	return 0;
}

/* The collector ran since: what is beside the heads of older ones is another number. */
static __always_inline int collector_ran(const struct generators_walk *w)
{
	__u64 counts[2] = {};
	int ran;

	for (__u32 i = 0; i < 2; i++)
		if (w->py->gc_lists[i + 1])
			read_word(&counts[i], w->py->gc_lists[i + 1] + 16);
	ran = counts[0] != w->newest->counts[0] || counts[1] != w->newest->counts[1];
	w->newest->counts[0] = counts[0];
	w->newest->counts[1] = counts[1];
	return ran;
}

static long list_step(__u32 i, struct generators_walk *w)
{
	int cut = w->newest->cut_ns >= w->py->since_ns;

	if (i >= WIRE_PYTHON_GC_LISTS)
		return 1;
	w->head = w->after = w->py->gc_lists[i];
	if (!w->head)
		return 0;
	/* Of one that was missed as it was young nobody knows since when it is there. */
	w->new_n = w->first || (cut && i) ? 0 : cut ? CUT_NEW : OBJECTS_MAX;
	w->whole = 0;
	w->torn = read_word(&w->at, w->head + 8) != 0;
	w->at &= ~GC_FLAGS;
	if (!w->torn)
		bpf_loop(OBJECTS_MAX, object_step, w, 0);
	if (!w->torn && !i)
		w->newest->cut_ns = w->whole ? 0 : w->now;
	return w->torn || (!i && !collector_ran(w) && !w->first);
}

static __always_inline int may_walk(struct python_newest_value *newest, __u64 now)
{
	if (now > newest->filled_ns) {
		newest->spare_ns += (__s64)((now - newest->filled_ns) / SHARE);
		newest->filled_ns = now;
	}
	if (newest->spare_ns > SPARE_NS)
		newest->spare_ns = SPARE_NS;
	return newest->spare_ns > 0;
}

static __always_inline void take(struct python_newest_value *newest, __u64 took_ns)
{
	/* More than that something else took. */
	newest->spare_ns -= took_ns < TAKEN_MAX_NS ? (__s64)took_ns : TAKEN_MAX_NS;
}

/*
 * After the frames of the current thread were looked at, and before they are told.  The thread was
 * on its CPU since `before`.  Those on the thread that were not found are followed to their end.
 */
__noinline int python_generators_look(__u64 now, __u64 before)
{
	struct wire_python *py = python_conf_get();
	struct generators_walk w = {.py = py, .now = now, .before = before};
	__u32 zero = 0;

	/* First of all: without it the maps are not there either. */
	if (!py || !py->generators)
		return 0;
	w.newest = bpf_map_lookup_elem(&python_newest, &zero);
	w.stats = python_stats_get();
	if (!w.newest || !w.stats)
		return 0;
	if (w.newest->walked_ns > before && w.newest->walked_ns <= now)
		w.before = w.newest->walked_ns;
	w.first = w.newest->walked_ns < py->since_ns;
	bpf_for_each_map_elem(&python_generators, generator_check, &w, 0);
	/* The ends of those that are known were looked at every time. */
	if (w.newest->skipped_ns && w.newest->skipped_ns < w.before)
		w.before = w.newest->skipped_ns;
	w.torn = 1;
	if (may_walk(w.newest, now))
		bpf_loop(WIRE_PYTHON_GC_LISTS, list_step, &w, 0);
	w.newest->skipped_ns = w.torn ? w.before : 0;
	if (!w.torn)
		w.newest->walked_ns = now;
	take(w.newest, bpf_ktime_get_ns() - now);
	/* Of one that a later look finds in the lists, its making is told then. */
	if (!w.torn)
		bpf_loop(WIRE_PYTHON_SET, open_step, &w, 0);
	return 0;
}

#endif
