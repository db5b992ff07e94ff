/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * target_memory.h - the target's memory, as this layer reads it: by a callback, in batches.
 *
 * Everything in it is hostile, and changes while it is read.
 */
#ifndef CHESHIRE_LEAKS_TARGET_MEMORY_H
#define CHESHIRE_LEAKS_TARGET_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What one call of the callback is asked for at most. */
#define MEMORY_READS_MAX  512
#define MEMORY_READ_BYTES 32768

struct memory_read {
	uint64_t addr;
	void *buf;
	uint32_t bytes;
	bool ok; /* set by the callback: all of them were read */
};

struct target_memory {
	void *ctx;
	/*
	 * At most MEMORY_READS_MAX reads of MEMORY_READ_BYTES together.  0, with `ok` set or
	 * cleared in every one; a negative errno when nothing can be read any more (-ESRCH: the
	 * target is gone, -ECANCELED: stop).
	 */
	int (*read)(void *ctx, struct memory_read *reads, size_t n);
};

/* Any number of reads, of at most MEMORY_READ_BYTES each. */
int target_memory_read_all(const struct target_memory *memory, struct memory_read *reads, size_t n);

/* One; -EFAULT: not mapped, or only in part. */
int target_memory_read(const struct target_memory *memory, uint64_t addr, void *buf, size_t bytes);

#endif /* CHESHIRE_LEAKS_TARGET_MEMORY_H */
