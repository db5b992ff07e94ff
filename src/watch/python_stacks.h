/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * python_stacks.h - where in Python slow calls are: while a call of a Python stage is under way for
 * long, the stacks of Python's threads are read now and then, by the worker, from the target's
 * memory; the target is not stopped and runs nothing for it.
 *
 * A call that waits for seconds is looked at more rarely, so that a hang costs nothing; and all the
 * looks together take no more than half a percent of a CPU.  Of a
 * coroutine that is suspended only its own frame is seen, not what it awaits.
 */
#ifndef CHESHIRE_WATCH_PYTHON_STACKS_H
#define CHESHIRE_WATCH_PYTHON_STACKS_H

#include <stddef.h>
#include <stdint.h>

#include "python/seen_stacks.h"

struct python_stacks;
struct watching;

/* Calls under way for less are not looked at. */
#define PYTHON_STACKS_SLOW_NS 50000000ULL

/* NULL and errno.  `watching` is borrowed. */
struct python_stacks *python_stacks__new(struct watching *watching);
/* NULL is fine.  No job of it may be under way. */
void python_stacks__free(struct python_stacks *ps);

/* Every few 10 ms: looks if it is time to. */
void python_stacks__drained(struct python_stacks *ps, uint64_t now_ns);

/* What was seen; NULL is fine: NULL. */
const struct seen_stacks *python_stacks__seen(const struct python_stacks *ps);

#endif
