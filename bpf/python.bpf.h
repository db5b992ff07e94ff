/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * python.bpf.h - from a thread to the Python frames that it runs.
 *
 * All of it reads memory of the target that changes or may be anything; nothing that was read is
 * taken for more than a number, and every walk is bounded.
 */
#ifndef CHESHIRE_PYTHON_BPF_H
#define CHESHIRE_PYTHON_BPF_H

#include "cheshire/wire_python.h"

#include "arch.bpf.h"
#include "common.bpf.h"

/* Of a thread that has run Python; freed by the kernel with the thread. */
struct python_thread {
	__u64 tstate;	  /* the last that was seen: a thread without the GIL may not tell it */
	__u64 resumed_ns; /* when it came to a CPU last, having been looked at when it left one */
	__u64 seen_ns;	  /* until then the frames were those of `set` */
	__u64 stages;	  /* bits of those that are in flight because of it */
	__u32 set_n;
	__u32 now_n;
	__u32 unseen; /* its last look failed */
	__u32 pad0;
	__u64 walked_ns;    /* all of its frames were looked at; 0: anew next time */
	__u64 walked_frame; /* the innermost of then, and its code */
	__u64 walked_code;
	struct wire_python_frame set[WIRE_PYTHON_SET]; /* as told last */
	struct wire_python_frame now[WIRE_PYTHON_SET]; /* as the walk finds them */
	__u8 counted[WIRE_STAGES_MAX];		       /* enum wire_counted of each of `stages` */
};

struct python_threads {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct python_thread);
};

struct python_conf {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct wire_python);
};

extern struct python_threads python_threads SEC(".maps");
extern struct python_conf python_conf SEC(".maps");

/* Anything about Python is wanted; else the verifier takes out whatever depends on it. */
extern const volatile bool cfg_python;

static __always_inline struct wire_python *python_conf_get(void)
{
	__u32 zero = 0;

	return cfg_python ? bpf_map_lookup_elem(&python_conf, &zero) : NULL;
}

/* Does the futex belong to the lock that one thread at a time runs Python with? */
static __always_inline int python_is_gil(__u64 address)
{
	struct wire_python *py = python_conf_get();

	return py && py->known && address - py->offsets.gil_wait < py->offsets.gil_wait_bytes;
}

static __always_inline int read_word(__u64 *out, __u64 address)
{
	return bpf_probe_read_user(out, sizeof(*out), (void *)address);
}

/* The thread's state as it tells it now; 0: none, or it cannot be read. */
static __always_inline __u64 python_tstate_told(const struct python_offsets *o, __u64 base)
{
	__u64 at = base, tstate = 0;

	if (o->current == PYTHON_CURRENT_UNKNOWN)
		return 0;
	if (o->current == PYTHON_CURRENT_DTV &&
	    (read_word(&at, base + 8) || read_word(&at, at + (__u64)o->current_module * 16)))
		return 0;
	if (read_word(&tstate, at + (__u64)o->current_offset))
		return 0;
	return tstate;
}

/* A state names the thread that it is of. */
static __always_inline int python_tstate_is_of(const struct python_offsets *o, __u64 tstate,
					       __u64 base)
{
	__u64 thread = 0;

	if (o->tstate_thread_id == PYTHON_NONE)
		return 1;
	return !read_word(&thread, tstate + (__u64)(__s64)o->tstate_thread_id) && thread == base;
}

/*
 * The current thread's PyThreadState, 0: it has none, as far as can be told.  *pt is made for a
 * thread that has one; it may be NULL with a state when there is no memory.
 */
static __always_inline __u64 python_tstate(const struct python_offsets *o, struct task_struct *task,
					   struct python_thread **pt)
{
	__u64 base = arch_thread_top(task), tstate = python_tstate_told(o, base);

	*pt = bpf_task_storage_get(&python_threads, task, NULL,
				   tstate ? BPF_LOCAL_STORAGE_GET_F_CREATE : 0);
	if (!*pt)
		return 0;
	if (!tstate && o->current != PYTHON_CURRENT_TSS)
		tstate = (*pt)->tstate;
	else if (tstate == (*pt)->tstate)
		return tstate;
	if (tstate && !python_tstate_is_of(o, tstate, base))
		tstate = 0;
	(*pt)->tstate = tstate;
	return tstate;
}

/* Its innermost frame.  0, or negative: unreadable.  *frame is 0 where it runs no Python. */
static __always_inline long python_innermost(const struct python_offsets *o, __u64 tstate,
					     __u64 *frame)
{
	__u64 at = tstate + (__u64)(__s64)o->tstate_frame;

	if (o->tstate_cframe != PYTHON_NONE) {
		if (read_word(&at, tstate + (__u64)(__s64)o->tstate_cframe))
			return -1;
		at += (__u64)(__s64)o->cframe_frame;
	}
	return read_word(frame, at);
}

static __always_inline long python_frame_code(const struct python_offsets *o, __u64 frame,
					      __u64 *code)
{
	long err = read_word(code, frame + (__u64)(__s64)o->frame_code);

	*code &= ~o->tag_mask;
	return err;
}

static __always_inline long python_frame_previous(const struct python_offsets *o, __u64 frame,
						  __u64 *previous)
{
	return read_word(previous, frame + (__u64)(__s64)o->frame_previous);
}

/* It is part of a generator or coroutine, and lives on while it is not on any thread. */
static __always_inline int python_frame_of_generator(const struct python_offsets *o, __u64 frame)
{
	__u64 generator = 0;
	__u8 owner = 0;

	if (o->frame_owner == PYTHON_NONE)
		return o->frame_generator != PYTHON_NONE &&
		       !read_word(&generator, frame + (__u64)(__s64)o->frame_generator) &&
		       generator;
	return !bpf_probe_read_user(&owner, sizeof(owner),
				    (void *)(frame + (__u64)(__s64)o->frame_owner)) &&
	       owner == o->frame_owner_generator;
}

/* Calls of it make a generator or coroutine. */
static __always_inline int python_code_makes_generators(const struct python_offsets *o, __u64 code)
{
	__u32 flags = 0;

	return !bpf_probe_read_user(&flags, sizeof(flags),
				    (void *)(code + (__u64)(__s64)o->code_flags)) &&
	       (flags & PYTHON_CODE_MAKES);
}

/*
 * A frame of a generator, as it was seen before: is it certain that it does not go on?  What cannot
 * be read just now user space looks at again.
 */
static __always_inline int python_generator_over(const struct python_offsets *o, __u64 frame,
						 __u64 code)
{
	__u64 is = 0, generator = 0;
	__s8 state = 0;

	if (python_frame_code(o, frame, &is))
		return 0;
	if (is != code)
		return 1;
	if (o->frame_owner == PYTHON_NONE)
		return !read_word(&generator, frame + (__u64)(__s64)o->frame_generator) &&
		       !generator;
	return !bpf_probe_read_user(&state, sizeof(state),
				    (void *)(frame + (__u64)(__s64)WIRE_PYTHON_FRAME_STATE)) &&
	       state > 0;
}

/* python_sample.bpf.c: the current thread leaves its CPU, comes to one, ends. */
int python_switch_out(__u64 now);
int python_thread_end(__u64 now);
/* python_watch.bpf.c: the current thread ends. */
int python_watch_end(__u64 now);

static __always_inline void python_switch_in(struct task_struct *task, __u64 now)
{
	struct wire_python *py = python_conf_get();
	struct python_thread *pt;

	if (!py || !py->sampling)
		return;
	pt = bpf_task_storage_get(&python_threads, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (pt && !pt->unseen)
		pt->resumed_ns = now;
}

#endif
