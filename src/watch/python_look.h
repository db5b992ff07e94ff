/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * python_look.h - what the worker looks at in the interpreter for the sampling: which functions
 * code objects are, and whether generators that are on no thread still are there.
 */
#ifndef CHESHIRE_WATCH_PYTHON_LOOK_H
#define CHESHIRE_WATCH_PYTHON_LOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cheshire/wire_python.h"
#include "python/sampled_spans.h"

struct python_target;

#define PYTHON_LOOK_CODES      256
#define PYTHON_LOOK_GENERATORS 128

struct python_look {
	struct python_target *target;
	bool list; /* first the functions are listed anew */
	uint64_t code[PYTHON_LOOK_CODES];
	struct wire_python_code cls[PYTHON_LOOK_CODES]; /* out: generation is the caller's */
	bool makes[PYTHON_LOOK_CODES]; /* out: its calls make generators or coroutines */
	size_t codes_n;
	struct sampled_suspended generator[PYTHON_LOOK_GENERATORS];
	bool over[PYTHON_LOOK_GENERATORS]; /* out: it ended */
	size_t generators_n;
};

void python_look_run(struct python_look *look);

/* The generator or coroutine is there, and on no thread. */
bool python_look_suspended(const struct python_target *target, uint64_t frame, uint64_t code);

/* The flags are those of a generator or coroutine. */
bool python_look_makes(uint32_t code_flags);

/*
 * The address of the code object's name: another object in its place has another one.  0: it cannot
 * be read.
 */
uint64_t python_look_name(const struct python_target *target, uint64_t code);

/* The frames of all threads just now.  How many, or a negative errno: they cannot all be read. */
ssize_t python_look_frames(struct python_target *target, struct sampled_suspended *out, size_t max);

#endif
