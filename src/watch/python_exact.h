/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * python_exact.h - spans of Python functions by watchpoints on their code objects: each call, to
 * some 50 us, of up to four functions in all (bpf/python_watch.bpf.c).
 *
 * Stages are taken in the order of the configuration, each with all of its functions or not at all.
 * A stage is on trial first; what cannot be measured this way, is too hot, or has to be given up,
 * is sampled (python_sampling.h), and it is said why.  A code object that is freed, or that another
 * one took the place of, is noticed within a second or so; functions are then listed anew.
 *
 * Watchpoints make what the CPU copies with one instruction slower, in all of the program: what
 * that costs is estimated from how often a clock finds a thread doing nothing else.
 */
#ifndef CHESHIRE_WATCH_PYTHON_EXACT_H
#define CHESHIRE_WATCH_PYTHON_EXACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct python_exact;
struct watching;

/* NULL and errno.  `watching` is borrowed. */
struct python_exact *python_exact__new(struct watching *watching);
/* Takes the watchpoints off.  NULL is fine.  No job of it may be under way. */
void python_exact__free(struct python_exact *pe);

/*
 * After python_target_look() or _list(), while no job of the worker is under way, and before
 * python_sampling__update(): takes what it can.
 */
void python_exact__update(struct python_exact *exact);

/* Every few 10 ms: trials that are over, code objects that changed.  Bits of stages with news. */
uint64_t python_exact__drained(struct python_exact *pe, uint64_t now_ns);
/* True while any stage is on trial. */
bool python_exact__in_trial(const struct python_exact *pe);

/* The stage is measured this way, or tried to be. */
bool python_exact__has(const struct python_exact *pe, size_t stage);
/* Gives the stage to the sampling. */
void python_exact__shed(struct python_exact *pe, size_t stage, const char *why);

/* CPU time that copies in the target took longer because of watchpoints, since the start. */
uint64_t python_exact__copies_ns(const struct python_exact *pe);
/* That was too much, so many percent of one CPU: all stages are given to the sampling. */
void python_exact__shed_copies(struct python_exact *pe, double percent);

#endif
