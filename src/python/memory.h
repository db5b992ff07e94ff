/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * memory.h - the process's memory as one look sees it: pages are read when first needed, with their
 * neighbours, and kept until they are forgotten, so that thousands of small objects cost few
 * questions.  What is kept may be older than what is read next; whoever follows pointers checks.
 */
#ifndef CHESHIRE_PYTHON_MEMORY_H
#define CHESHIRE_PYTHON_MEMORY_H

#include <stddef.h>
#include <stdint.h>

struct python_memory;
struct python_reader;

/* NULL without memory.  The reader is borrowed. */
struct python_memory *python_memory__new(const struct python_reader *reader);
void python_memory__free(struct python_memory *memory);

/*
 * 0; -EFAULT: not mapped, or no address; -EFBIG: over the limit of bytes; -ENOMEM; or what the
 * reader says (-ESRCH, -EPERM).
 */
int python_memory__read(struct python_memory *memory, uint64_t address, void *buf, size_t len);
int python_memory__read_u64(struct python_memory *memory, uint64_t address, uint64_t *value);

/* The next read of these bytes asks the process again. */
void python_memory__forget(struct python_memory *memory, uint64_t address, size_t len);
void python_memory__forget_all(struct python_memory *memory);
/* The same, and what it takes is given back. */
void python_memory__release(struct python_memory *memory);

/* Bytes read since the last time, and how many there may be; 0: without limit. */
void python_memory__limit(struct python_memory *memory, uint64_t bytes);
uint64_t python_memory__bytes(const struct python_memory *memory);
uint64_t python_memory__now_ns(const struct python_memory *memory);

#endif
