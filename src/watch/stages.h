/* SPDX-License-Identifier: GPL-2.0-only */
/* stages.h - what the kernel is told of the stages, and what it has counted of them. */
#ifndef CHESHIRE_WATCH_STAGES_H
#define CHESHIRE_WATCH_STAGES_H

#include <stddef.h>
#include <stdint.h>

struct config;
struct watching;

/* Stages that tell answers out of a cache apart. */
size_t stages_cached(const struct config *config);
/* Tells the programs. */
void stages_configure(struct watching *w);
/* The totals of every stage to the metrics; what is wanted of them by now, to the programs. */
void stages_feed(struct watching *w, uint64_t now_ns);
/* At most 10 times a second: the memory beside the open spans, where somebody wants it. */
void stages_sample_memory(struct watching *w, uint64_t now_ns);

#endif
