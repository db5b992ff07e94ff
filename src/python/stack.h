/* SPDX-License-Identifier: GPL-2.0-only */
/* stack.h - the Python stacks of a process's threads. */
#ifndef CHESHIRE_PYTHON_STACK_H
#define CHESHIRE_PYTHON_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "python/runtime.h"

#define PYTHON_NAME_MAX	 256 /* longer ones are cut */
#define PYTHON_STACK_MAX 512 /* frames */

struct python_frame {
	uint64_t frame; /* address */
	uint64_t code;
	char file[PYTHON_NAME_MAX];
	char qualname[PYTHON_NAME_MAX]; /* to 3.10: co_name */
	uint32_t line;			/* 0: not known */
	uint8_t owner;			/* of the frame, from 3.11 */
};

struct python_thread {
	uint64_t tstate;
	uint64_t interpreter;
	uint64_t thread_id; /* pthread_self() */
	uint32_t tid;	    /* 0: not known (before it runs, or to 3.10) */
};

/* All threads of all interpreters, at most max.  Returns how many, or a negative errno. */
int python_threads_list(struct python_runtime *runtime, struct python_thread *out, size_t max);

struct python_stack {
	struct python_frame *frames; /* innermost first; owned */
	size_t n;
	bool partial; /* the process ran on meanwhile, or it is deeper than the limit */
};

/* The frames of the thread just now.  Free with python_stack_free. */
int python_stack_read(struct python_runtime *runtime, uint64_t tstate, struct python_stack *out);
void python_stack_free(struct python_stack *stack);

/* File, name and line of a code object; `frame` (may be 0) tells the line that runs. */
int python_frame_describe(struct python_runtime *runtime, uint64_t code, uint64_t frame,
			  struct python_frame *out);

#endif
