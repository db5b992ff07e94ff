/* SPDX-License-Identifier: GPL-2.0-only */
/* thread_wait.h - what one thread of the target does just now, and whose lock it waits for. */
#ifndef CHESHIRE_TARGET_THREAD_WAIT_H
#define CHESHIRE_TARGET_THREAD_WAIT_H

#include <stdbool.h>
#include <stdint.h>

struct process;

enum thread_doing {
	THREAD_ENDED = 0,
	THREAD_RUNS = 1,
	THREAD_SLEEPS = 2,
	THREAD_POLLS = 3,   /* sleeps until something comes from outside: accept, poll, epoll ... */
	THREAD_UNKNOWN = 4, /* it could not be looked at */
};

enum thread_doing thread_doing(const struct process *proc, uint32_t tid);

/*
 * The thread of the target that has this number in its own PID namespace.  -ENOENT: none; other
 * errors: not all could be looked at.
 */
int thread_by_own_tid(const struct process *proc, uint32_t own_tid, uint32_t *tid);

/*
 * The owner that a pthread_mutex_t of glibc (x86-64) at the address names, if it is one at all: it
 * is locked and waited for, and its other members are such as glibc leaves them.  `shared`: the
 * wait was for a lock between processes.  -ENOENT: it is none, or has no owner.
 */
int mutex_owner(const struct process *proc, uint64_t address, bool shared, uint32_t *own_tid);

/* The owner that a futex word with FUTEX_WAITERS names.  -ENOENT: nobody waits any more. */
int futex_owner(const struct process *proc, uint64_t address, uint32_t *own_tid);

#endif /* CHESHIRE_TARGET_THREAD_WAIT_H */
