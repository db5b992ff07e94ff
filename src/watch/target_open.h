/* SPDX-License-Identifier: GPL-2.0-only */
/* target_open.h - the process that was asked for, and what speaks against it in words. */
#ifndef CHESHIRE_WATCH_TARGET_OPEN_H
#define CHESHIRE_WATCH_TARGET_OPEN_H

#include <stddef.h>
#include <sys/types.h>

struct object_table;
struct process;

/* As process_open; what is wrong is said in the log. */
int target_open(struct process *proc, pid_t pid);

/*
 * The objects that it maps.  0, or a negative errno and why: -EINVAL a kernel thread, which maps
 * none.  The table is the caller's, also on failure.
 */
int target_objects(struct object_table *objects, const struct process *proc, char *why,
		   size_t size);

#endif
