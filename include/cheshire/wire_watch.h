/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * wire_watch.h - Python functions whose calls are seen by watchpoints on the reference counts of
 * their code objects; rules as in wire.h.
 *
 * CPython takes a reference on the code object when it makes a frame, and drops it when the frame
 * is cleared.  Not each that is taken or dropped is that of a frame: where the thread's newest
 * frame is, and of which size one of this function is, tells them apart.
 */
#ifndef CHESHIRE_WIRE_WATCH_H
#define CHESHIRE_WIRE_WATCH_H

#include "cheshire/wire.h"

#define WIRE_WATCHES 4 /* as many as a CPU has debug registers */

/*
 * One function; shared memory.  User space writes the first part before it sets the watchpoint, and
 * `address` last.
 */
struct wire_watch {
	__u64 address;	    /* of the reference count; 0: none is watched here */
	__u64 code;	    /* address of the code object */
	__u32 stage;	    /* index of the stage */
	__u32 cost_ns;	    /* of a hit, without the program */
	__u32 frame_bytes;  /* of a frame of this function; 0: to 3.10, frames are objects */
	__u32 exact_ends;   /* from 3.12 on the reference is dropped whenever the frame is left */
	__s32 tstate_stack; /* PyThreadState: start, end of what is used, end of the stack of frames
			     */
	__s32 tstate_exception; /* the exception that is raised, or 0 */
	__s32 code_frame;	/* PyCodeObject: words of a frame; or, for 3.11, the parts of it: */
	__s32 code_stack;
	__s32 code_locals;
	__u32 code_specials; /* words beside these two */
	__s32 code_idle;     /* to 3.10: PyCodeObject.co_zombieframe */
	__u32 armed;	     /* 0: hits are counted, and nothing else; changed while running */

	/* Written by the program. */
	__u64 count; /* the reference count at the last hit; before the first: by user space */
	__u64 hits;
	__u64 enters;	 /* frames made */
	__u64 leaves;	 /* frames cleared */
	__u64 others;	 /* references that were no frame's */
	__u64 jumps;	 /* the count was not that of one step: hits were lost */
	__u64 unread;	 /* memory that could not be read */
	__u64 jumped_ns; /* when that was last */
};

WIRE_ASSERT(sizeof(struct wire_watch) == 16 + 12 * 4 + 8 * 8);

#endif
