/* SPDX-License-Identifier: GPL-2.0-only */
/* process_memory.h - a process as the memory that this layer reads. */
#ifndef CHESHIRE_LEAKS_PROCESS_MEMORY_H
#define CHESHIRE_LEAKS_PROCESS_MEMORY_H

#include "leaks/target_memory.h"

struct process;

/* The process is borrowed.  Reads by process_read_scatter, from one thread at a time. */
struct target_memory process_memory(const struct process *proc);

#endif /* CHESHIRE_LEAKS_PROCESS_MEMORY_H */
