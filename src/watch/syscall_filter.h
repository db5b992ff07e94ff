/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHESHIRE_WATCH_SYSCALL_FILTER_H
#define CHESHIRE_WATCH_SYSCALL_FILTER_H

#include <stdbool.h>

/*
 * Closes the seccomp filter around all threads of the process: what a running session needs is
 * let through, every other system call fails with EPERM (never a kill: the session must be able
 * to end in order) and is logged by the kernel where it can.  `multi`: without it the calls that
 * perf event uprobes need are let through too.  `state_dir_fd`: files may be made, replaced and
 * removed relative to this directory (see state_file.h), -1: none.  no_new_privs must be set.
 *
 * 0 or a negative errno; on failure no filter is in force.
 */
int syscall_filter_install(bool multi, int state_dir_fd);

#endif
