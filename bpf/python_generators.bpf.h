/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * python_generators.bpf.h - generators and coroutines of stages, from their making to their end;
 * included once.
 *
 * Most of them are on a thread for some microseconds only, between which they are suspended: no
 * look falls on that.  But the collector tracks each, from its making on, and a new one is put at
 * the end of the list of young objects.  So at every look the list is gone through backwards as far
 * as what was there the last time; and whether those that are known still are there says a byte
 * beside the frame of each.
 *
 * Known error: of an object that the collector has looked at meanwhile the list of older ones is
 * looked at likewise, some way; one that is made and over between two looks is not seen; nor is one
 * that more than OBJECTS_MAX others followed.  One that comes to be where another was, between two
 * looks, is the same.
 */
#ifndef CHESHIRE_PYTHON_GENERATORS_BPF_H
#define CHESHIRE_PYTHON_GENERATORS_BPF_H

#include "python.bpf.h"
#include "python_codes.bpf.h"
#include "span.bpf.h"

#define OBJECTS_MAX 1024 /* of a list that are gone through */
#define MARKS	    8
#define MARKED_MIN  35 /* so far they are gone through in any case, for the marks of the next look \
			*/
#define GC_FLAGS 3ULL

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

/*
 * As of the last look of any thread: four objects in a row, some way from the end of a list, as one
 * number.  One object alone is no mark: what was made last is freed first, and what is made next
 * gets its place.
 */
struct python_newest_value {
	__u64 walked_ns;
	__u64 gap_ns; /* then a list was not gone through far enough: what is older may be unknown
		       */
	__u64 marks[WIRE_PYTHON_GC_LISTS][MARKS];
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
	__u64 now;
	__u64 before;
	__u64 head;
	__u64 at;
	__u64 after;	    /* the one that follows `at` */
	__u64 marks[MARKS]; /* of before */
	__u64 next_marks[MARKS];
	__u64 four;
	__u32 quiet; /* the first look: nobody knows since when they are there */
	__u32 met;
	__u32 torn;
	__u32 whole;
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

	if (stage_lookup(&ref, (open->cls - 1) & (WIRE_STAGES_MAX - 1)))
		flight_end(ref.index, ref.stats, open->counted, now);
}

/* True: it was not known before. */
static __always_inline int generator_add(struct generators_walk *w, __u64 frame, __u64 code,
					 __u32 cls)
{
	struct wire_python_open open = {.code = code, .cls = cls, .since_ns = w->py->since_ns};
	struct stage_ref ref;

	if (bpf_map_lookup_elem(&python_generators, &frame) ||
	    !stage_lookup(&ref, (cls - 1) & (WIRE_STAGES_MAX - 1)))
		return 0;
	open.counted = flight_begin(&ref, w->now);
	if (!bpf_map_update_elem(&python_generators, &frame, &open, BPF_NOEXIST))
		return 1;
	flight_end(ref.index, ref.stats, open.counted, w->now);
	if (!bpf_map_lookup_elem(&python_generators, &frame))
		w->stats->generators_lost++;
	return 0;
}

static long generator_check(void *map, __u64 *key, struct wire_python_open *value,
			    struct generators_walk *w)
{
	struct wire_python_open open = *value;
	int stale = open.since_ns != w->py->since_ns;
	__u64 frame = *key;

	(void)map;

	if (!stale && !python_generator_over(&w->py->offsets, frame, open.code))
		return 0;
	/* Another CPU may have seen it as well. */
	if (bpf_map_delete_elem(&python_generators, &frame))
		return 0;
	generator_flight_end(&open, w->now);
	if (!stale)
		generator_tell(w, frame, open.code, open.cls, 1);
	return 0;
}

static __always_inline void object_seen(struct generators_walk *w, __u64 object, __u64 type)
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
	if (generator_add(w, frame, code, cls) && !w->quiet)
		generator_tell(w, frame, code, cls, 0);
}

/* The last four objects: what is older is shifted out. */
static __always_inline void compare_marks(struct generators_walk *w, __u32 i)
{
	w->four = (w->four << 16) ^ (w->at >> 4);
	for (__u32 n = 0; n < MARKS; n++) {
		w->met |= w->marks[n] && w->four == w->marks[n];
		if (i == (1U << n) + 3)
			w->next_marks[n] = w->four;
	}
}

static long object_step(__u32 i, struct generators_walk *w)
{
	__u64 node[4]; /* PyGC_Head, and of the object the count and the type */

	compare_marks(w, i);
	if (w->at == w->head || (w->met && i > MARKED_MIN)) {
		w->whole = 1;
		return 1;
	}
	if (bpf_probe_read_user(node, sizeof(node), (void *)w->at) ||
	    (node[0] & ~GC_FLAGS) != w->after) {
		w->torn = 1;
		return 1;
	}
	object_seen(w, w->at + (__u64)(__s64)w->py->offsets.gc_head, node[3]);
	w->after = w->at;
	w->at = node[1] & ~GC_FLAGS;
	return 0;
}

/* True: none of the objects of before was met. */
static __always_inline int list_walk(struct generators_walk *w, __u64 head, __u64 marks[MARKS])
{
	w->head = w->after = head;
	w->met = w->torn = w->whole = 0;
	w->four = 0;
	if (!head || read_word(&w->at, head + 8))
		return 0;
	w->at &= ~GC_FLAGS;
	/* One that is not seen now is none any more: the next four there may be others. */
	for (__u32 n = 0; n < MARKS; n++) {
		w->marks[n] = marks[n];
		w->next_marks[n] = 0;
	}
	bpf_loop(OBJECTS_MAX, object_step, w, 0);
	/* While the collector runs, other things are where the pointers were. */
	for (__u32 n = 0; n < MARKS && !w->torn; n++)
		marks[n] = w->next_marks[n];
	return !w->met;
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

/*
 * After the frames of the current thread were looked at, and before they are told.  The thread was
 * on its CPU since `before`.  Those on the thread that were not found are followed to their end.
 */
__noinline int python_generators_look(__u64 now, __u64 before)
{
	struct wire_python *py = python_conf_get();
	struct generators_walk w = {.py = py, .now = now, .before = before};
	struct python_newest_value *newest;
	__u32 zero = 0;

	newest = bpf_map_lookup_elem(&python_newest, &zero);
	w.stats = python_stats_get();
	if (!py || !py->generators || !newest || !w.stats)
		return 0;
	if (newest->walked_ns > w.before && newest->walked_ns <= now)
		w.before = newest->walked_ns;
	w.quiet = newest->walked_ns < py->since_ns;
	bpf_for_each_map_elem(&python_generators, generator_check, &w, 0);
	/* They are gone, or older by now. */
	if (list_walk(&w, py->gc_lists[0], newest->marks[0]) || w.quiet) {
		if (!w.whole && !w.torn)
			newest->gap_ns = now;
		/* Of one that was missed as it was young nobody knows since when it is there. */
		w.quiet |= newest->gap_ns >= py->since_ns;
		list_walk(&w, py->gc_lists[1], newest->marks[1]);
		list_walk(&w, py->gc_lists[2], newest->marks[2]);
	}
	bpf_loop(WIRE_PYTHON_SET, open_step, &w, 0);
	newest->walked_ns = now;
	return 0;
}

#endif
