/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * wire_python.h - what the BPF programs and user space say to each other about Python: rules as in
 * wire.h.
 *
 * User space learns the offsets of the interpreter and writes struct wire_python; from then on the
 * programs find the frames of the threads that run Python.  Sampling: at every tick of a clock, and
 * when a thread leaves its CPU, the chain of frames is walked, and those that run a named function
 * are compared with the ones seen the last time.  A record is sent when they differ.
 *
 * While debug registers watch data, what the CPU copies with one instruction it copies many times
 * more slowly (docs/python.md).  So the ticks also tell for how long threads do nothing else.
 */
#ifndef CHESHIRE_WIRE_PYTHON_H
#define CHESHIRE_WIRE_PYTHON_H

#include "cheshire/python_offsets.h"
#include "cheshire/wire.h"

#define WIRE_PYTHON_SET	       8     /* frames of named functions on one thread */
#define WIRE_PYTHON_DEPTH      256   /* frames that are walked */
#define WIRE_PYTHON_CODES      16384 /* code objects whose class is known */
#define WIRE_PYTHON_GENERATORS 256   /* generators and coroutines that are open at the same time */
#define WIRE_PYTHON_GC_LISTS   3   /* of the objects that the collector tracks, young ones first */
#define WIRE_PYTHON_HZ	       499 /* ticks a second of a thread that runs */
#define WIRE_PYTHON_HZ_MAX     999
#define WIRE_PYTHON_HZ_MIN     49
#define WIRE_PYTHON_COPIES_HZ  199  /* ... where only copies are looked for */
#define WIRE_PYTHON_TICK_NS    2000 /* of the interrupt of a tick, beside the program's own time */

/*
 * From 3.11 on a generator holds its frame, and right before it lies a byte that says what it does:
 * negative while it has not begun or is suspended, 0 while it runs, positive when it is over
 * (_PyGenObject_HEAD in Include/internal/pycore_genobject.h).
 */
#define WIRE_PYTHON_FRAME_STATE (-5)

/* Shared memory: from `sampling` on it is changed while the programs run. */
struct wire_python {
	struct python_offsets offsets;
	__u32 known;	  /* the offsets are those of the interpreter that runs now */
	__u32 sampling;	  /* frames are walked */
	__u32 generation; /* classes of an older one are asked for again */
	__u32 generators; /* some function of a stage is a generator or coroutine */
	__u32 watching;	  /* debug registers are set */
	__u32 tick_ns;	  /* of a thread's CPU time between two ticks */
	__u64 since_ns;	  /* what was seen before is not remembered */
	__u64 gc_lists[WIRE_PYTHON_GC_LISTS]; /* heads: new generators are at their ends; 0: none */
};

/* What is known of a code object; the key is its address. */
enum wire_python_class {
	WIRE_PYTHON_NOTHING = 0, /* of no stage */
	WIRE_PYTHON_ASKED = 255, /* user space has been asked */
				 /* else: index of the stage + 1 */
};

struct wire_python_code {
	__u32 cls;
	__u32 generation;
	__u64 qualname; /* address of it, by which another object in the same place is noticed */
};

enum wire_python_frame_flags {
	WIRE_PYTHON_GENERATOR = 1 << 0, /* it may leave the thread's chain and come back */
};

struct wire_python_frame {
	__u64 frame;
	__u64 code;
	__u32 cls;   /* enum wire_python_class */
	__u32 flags; /* enum wire_python_frame_flags */
};

enum wire_python_sample_flags {
	WIRE_PYTHON_CUT = 1 << 0,	 /* frames further out were not seen */
	WIRE_PYTHON_THREAD_END = 1 << 1, /* the thread ends: none are left */
	WIRE_PYTHON_FIRST = 1 << 2, /* nobody looked before: what is there may have been long */
};

/*
 * WIRE_KIND_PYTHON_SAMPLE: the frames of named functions on a thread are not those they were.  A
 * stage has its outermost frame only.  The thread was on its CPU from before_ns to the record's
 * time, at which its times are as told.
 */
struct wire_python_sample {
	struct wire_hdr hdr;
	__u64 before_ns; /* until then they were as told before */
	__u64 cpu_ns;
	__u64 process_cpu_ns;
	__u64 wait_ns[WIRE_WAITS];
	__u32 flags; /* enum wire_python_sample_flags */
	__u32 frames_n;
	struct wire_python_frame frames[WIRE_PYTHON_SET];
	__u64 over[WIRE_PYTHON_SET]; /* frames of generators, told before, that are over; 0: none */
};

/* WIRE_KIND_PYTHON_CODE: what is this?  Until there is an answer, it counts as named. */
struct wire_python_question {
	struct wire_hdr hdr;
	__u64 code;
};

/*
 * WIRE_KIND_PYTHON_GENERATOR: a generator or coroutine of a stage was made, or is over: whether it
 * ever ran or not, between before_ns and the record's time, by whichever thread.
 */
struct wire_python_generator {
	struct wire_hdr hdr;
	__u64 before_ns;
	__u64 frame;
	__u64 code;
	__u32 cls;  /* index of the stage + 1 */
	__u32 over; /* 0: it was made; 1: it is over */
};

/* A generator or coroutine of a stage that is not over; the key is the address of its frame. */
struct wire_python_open {
	__u64 code;
	__u64 since_ns; /* wire_python.since_ns of then: one of another is let go of */
	__u32 cls;	/* index of the stage + 1 */
	__u32 counted;	/* enum wire_counted */
};

/* Counted by the programs; one a CPU, written by that CPU only. */
struct wire_python_stats {
	__u64 walks;
	__u64 frames;
	__u64 failed; /* memory that could not be read */
	__u64 cut;    /* deeper than WIRE_PYTHON_DEPTH, or more named functions than are told */
	__u64 ticks;
	__u64 ran_ns;	       /* of all walks */
	__u64 generators_lost; /* more at the same time than are followed */
	__u64 copied_ns;       /* CPU time, by ticks, in instructions that go through memory */
};

WIRE_ASSERT(sizeof(struct wire_python_code) == 16);
WIRE_ASSERT(sizeof(struct wire_python_frame) == 24);
WIRE_ASSERT(sizeof(struct wire_python_sample) ==
	    24 + 24 + WIRE_WAITS * 8 + 8 + WIRE_PYTHON_SET * 32);
WIRE_ASSERT(sizeof(struct wire_python_question) == 32);
WIRE_ASSERT(sizeof(struct wire_python_generator) == 56);
WIRE_ASSERT(sizeof(struct wire_python_open) == 24);

#endif
