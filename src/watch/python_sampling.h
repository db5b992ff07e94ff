/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * python_sampling.h - spans of Python functions from looks at points of time: of any number of
 * functions, approximately (python/sampled_spans.h).
 *
 * The stages are armed while the interpreter is known and some function of theirs was seen.  What
 * the looks cost counts towards the overhead ceiling; over it, they end for all stages at once, and
 * are tried again.  Questions of the programs (what is this code object?) and generators that have
 * left their thread are looked at by the worker.
 */
#ifndef CHESHIRE_WATCH_PYTHON_SAMPLING_H
#define CHESHIRE_WATCH_PYTHON_SAMPLING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cheshire/wire_python.h"

struct python_sampling;
struct sampled_spans;
struct watching;

/* NULL and errno.  `watching` is borrowed. */
struct python_sampling *python_sampling__new(struct watching *watching);
/* Looks end with the programs.  NULL is fine.  No job of it may be under way. */
void python_sampling__free(struct python_sampling *ps);

/* The stage is measured otherwise: not sampled (any more).  By default all of Python are. */
void python_sampling__give(struct python_sampling *ps, size_t stage);
/* ... and again; `why` is added to what is said of it. */
void python_sampling__take(struct python_sampling *ps, size_t stage, const char *why);

/* After python_target_look() or _list(): starts, goes on with another interpreter, or ends. */
void python_sampling__update(struct python_sampling *ps, uint64_t now_ns);

/* Records of the programs. */
void python_sampling__sample(struct python_sampling *ps, const struct wire_python_sample *sample);
void python_sampling__generator(struct python_sampling *ps,
				const struct wire_python_generator *generator);
void python_sampling__question(struct python_sampling *ps,
			       const struct wire_python_question *question);
/* After the ring was drained: what has to be looked at is given to the worker. */
void python_sampling__drained(struct python_sampling *ps, uint64_t now_ns);

/* What the looks cost so far, ns of the target's time. */
uint64_t python_sampling__cost_ns(struct python_sampling *ps);
/* The overhead ceiling: looks end, until they are tried again. */
void python_sampling__shed(struct python_sampling *ps, double percent, uint64_t now_ns);

/* What is followed; valid as long as `ps`. */
const struct sampled_spans *python_sampling__spans(const struct python_sampling *ps);

/* The stage is measured this way. */
bool python_sampling__has(const struct python_sampling *ps, size_t stage);

#endif
