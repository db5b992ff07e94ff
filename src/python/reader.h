/* SPDX-License-Identifier: GPL-2.0-only */
/* reader.h - how this layer gets at a process's memory: through its caller. */
#ifndef CHESHIRE_PYTHON_READER_H
#define CHESHIRE_PYTHON_READER_H

#include <stddef.h>
#include <stdint.h>

#include "target/process_access.h"

struct python_reader {
	/* Pieces of memory, as process_read_scatter. */
	int (*read_scatter)(void *ctx, struct process_memory_part *parts, size_t n);
	/* CLOCK_MONOTONIC, for limits of time. */
	uint64_t (*now_ns)(void *ctx);
	void *ctx;
};

/* One piece.  0; -EFAULT: not mapped, or only in part; or what the reader says. */
int python_reader_read(const struct python_reader *reader, uint64_t address, void *buf, size_t len);

struct process;

/* One of a process; it is borrowed for as long as the reader is used. */
struct python_reader python_reader_of(const struct process *proc);

#endif
