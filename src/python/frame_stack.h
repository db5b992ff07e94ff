/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * frame_stack.h - where the frames of a thread's calls end, which from CPython 3.11 on lie on a
 * stack of their own, and how long they are; what watchpoints need (cheshire/wire_watch.h).
 */
#ifndef CHESHIRE_PYTHON_FRAME_STACK_H
#define CHESHIRE_PYTHON_FRAME_STACK_H

#include <stdint.h>

#include "cheshire/python_offsets.h"
#include "python/reader.h"

/* Offsets, or PYTHON_NONE. */
struct python_frame_stack {
	int32_t tstate_stack;	  /* PyThreadState: datastack_chunk, _top, _limit; NONE to 3.10 */
	int32_t tstate_exception; /* PyThreadState: current_exception (curexc_type to 3.11) */
	int32_t code_frame;	  /* PyCodeObject, int: words of a frame; NONE to 3.11 */
	int32_t code_stack;	  /* int: of those, of values; 3.11 */
	int32_t code_locals;	  /* int: ... of variables; 3.11 */
	int32_t code_idle;	  /* to 3.10: the frame kept for the next call */
	uint32_t code_specials;	  /* words beside stack and variables; 3.11 */
};

/*
 * Finds them by the offsets that are known, and in this PyThreadState, of a thread that has run
 * Python.  0; -EOPNOTSUPP: the stack of frames was not found there; or what the reader says.
 */
int python_frame_stack_find(const struct python_offsets *offsets,
			    const struct python_reader *reader, uint64_t tstate,
			    struct python_frame_stack *out);

/* Bytes of a frame of the code object; 0 to 3.10.  0, -EINVAL for nonsense, or of the reader. */
int python_frame_bytes(const struct python_frame_stack *stack, const struct python_reader *reader,
		       uint64_t code, uint32_t *bytes);

#endif
