/* SPDX-License-Identifier: GPL-2.0-only */
/* validate.h - whether offsets and addresses fit the process. */
#ifndef CHESHIRE_PYTHON_VALIDATE_H
#define CHESHIRE_PYTHON_VALIDATE_H

#include <stdbool.h>
#include <stdint.h>

#include "cheshire/python_offsets.h"

struct python_memory;

#define PYTHON_INTERPRETERS_MAX 64
#define PYTHON_THREADS_MAX	4096

/*
 * Each returns 0, or -EPROTO and *what does not fit; -EAGAIN where there is nothing to compare with
 * yet; or what the reader says.
 */

/* From _PyRuntime to the main interpreter and its threads; sets offsets->interpreter. */
int python_validate_interpreter(struct python_memory *memory, struct python_offsets *offsets,
				const char **what);
/* Functions among the tracked objects, and their code. */
int python_validate_functions(struct python_memory *memory, const struct python_offsets *offsets,
			      const char **what);
/* The frames of the threads, where any runs Python. */
int python_validate_frames(struct python_memory *memory, const struct python_offsets *offsets,
			   const char **what);

/* Whether the address is that of a thread state of the interpreter. */
bool python_is_tstate(struct python_memory *memory, const struct python_offsets *offsets,
		      uint64_t interpreter, uint64_t tstate);

/* The innermost frame of a thread; 0: none. */
int python_top_frame(struct python_memory *memory, const struct python_offsets *offsets,
		     uint64_t tstate, uint64_t *frame);

#endif
