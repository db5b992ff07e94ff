/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHESHIRE_KEEPER_SYSCALL_FILTER_H
#define CHESHIRE_KEEPER_SYSCALL_FILTER_H

struct privileges;

/*
 * Closes the seccomp filter of the role around all threads of the process: what it needs is let
 * through, every other system call fails with EPERM (never a kill: the session must be able to end
 * in order) and is logged by the kernel where it can.  Relative to the session's `state_dir_fd`
 * files may be made, replaced and removed (see state_file.h).  no_new_privs must be set.
 *
 * 0 or a negative errno; on failure no filter is in force.
 */
int syscall_filter_install(const struct privileges *p);

#endif
