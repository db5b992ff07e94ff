/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * python.h - Python as the programs in the kernel know it: the interpreter's offsets, the classes
 * of code objects, what was counted.  There is something to ask only where loader_opts.python was
 * given.
 */
#ifndef CHESHIRE_KERNEL_PYTHON_H
#define CHESHIRE_KERNEL_PYTHON_H

#include <stdbool.h>
#include <stdint.h>

#include "cheshire/wire_python.h"
#include "cheshire/wire_watch.h"

struct loader;

/* Before the programs are loaded: those that nobody needs are left out.  0 or negative errno. */
int python_choose(struct loader *loader, bool wanted);

/*
 * What the programs know of the interpreter, in shared memory: `known` last, and `known` and
 * `sampling` 0 before anything else is changed.  NULL: Python is not wanted.  Valid until
 * loader__free.
 */
struct wire_python *python_conf(struct loader *loader);

/*
 * The functions that watchpoints are on, below WIRE_WATCHES, in shared memory; only where Python is
 * wanted.  Valid until loader__free.
 */
struct wire_watch *python_watch_at(struct loader *loader, uint32_t i);

/* Tells the class of a code object.  0 or a negative errno. */
int python_set_class(struct loader *loader, uint64_t code, const struct wire_python_code *cls);
/* Forgets all classes: another interpreter, or other stages. */
void python_forget_classes(struct loader *loader);

/* It was there before the first look: nobody knows since when.  0 or a negative errno. */
int python_generator_known(struct loader *loader, uint64_t frame, uint64_t code, uint32_t cls);
/* The generator's memory is gone: the next look lets go of it. */
void python_generator_gone(struct loader *loader, uint64_t frame);

/* Totals of all CPUs. */
int python_stats(struct loader *loader, struct wire_python_stats *out);

/*
 * A span of a stage that user space put together, counted as the programs count those of calls:
 * spans, sums, histogram, CPU and waits.  Its record is for the caller to hand on.
 */
void python_count_span(struct loader *loader, const struct wire_span *span);
/* The slot in which the age of a span in flight is seen: index + 1, or 0: all are taken. */
uint32_t python_take_slot(struct loader *loader, uint32_t stage, uint64_t start_ns, uint32_t tid);
void python_free_slot(struct loader *loader, uint32_t stage, uint32_t slot);

#endif
