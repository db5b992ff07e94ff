/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHESHIRE_TARGET_THREAD_NAME_H
#define CHESHIRE_TARGET_THREAD_NAME_H

#include <stddef.h>
#include <stdint.h>

struct process;

#define THREAD_NAME_MAX 32

/* Name of a thread of the target, as the target set it; "" when the thread has gone. */
void thread_name(const struct process *proc, uint32_t tid, char *out, size_t size);

#endif
