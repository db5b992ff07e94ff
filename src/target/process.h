/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHESHIRE_TARGET_PROCESS_H
#define CHESHIRE_TARGET_PROCESS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct process_access;

/*
 * A target is (pid, start time, pidfd): a PID alone may be recycled between two looks. Everything
 * is read through the /proc/PID directory that is held open, so that a recycled PID gives -ESRCH
 * and never another process's numbers.
 */
struct process {
	pid_t pid;		  /* thread group id in cheshire's own PID namespace */
	uint64_t starttime_ticks; /* field 22 of /proc/PID/stat, clock ticks since boot */
	int pidfd;		  /* owned; readable when the target exits; -1: not offered */
	int dirfd;		  /* owned; /proc/PID */
	/* NULL: we may look at everything ourselves; see process_access.h.  Borrowed. */
	const struct process_access *access;
	void *access_ctx;
	char comm[32];	    /* as the target set it: escape before printing */
	char exe[PATH_MAX]; /* what /proc/PID/exe names, for display only; may be "" */
};

/*
 * Opens the process with this PID. -ESRCH: no such process, -EINVAL: a thread's id, not a process,
 * -EACCES/-EPERM: not permitted. On failure nothing is left open.
 */
int process_open(struct process *proc, pid_t pid);

/* Closes what process_open opened. Safe to call twice, and on a failed open. */
void process_close(struct process *proc);

/* 0: still the same live process (a zombie is not), -ESRCH: exited or its PID was recycled. */
int process_check(const struct process *proc);

/* Re-reads comm and exe, which an exec changes. */
int process_refresh_names(struct process *proc);

/*
 * Reads exactly len bytes of the target's memory at addr. -EFAULT: not mapped, or only in part;
 * -ESRCH, -EPERM as the kernel says.
 */
int process_read_memory(const struct process *proc, uint64_t addr, void *buf, size_t len);

#endif
