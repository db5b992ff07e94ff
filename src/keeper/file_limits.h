/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * file_limits.h - where a process without privileges may change files (Landlock).
 *
 * Unlike the filter of system calls, it knows what a name leads to.
 */
#ifndef CHESHIRE_KEEPER_FILE_LIMITS_H
#define CHESHIRE_KEEPER_FILE_LIMITS_H

/*
 * From now on no program is run by the calling thread and those that it starts, and no file is
 * opened for writing, made, removed, renamed or cut short: except that in the directory (-1: in
 * none) regular files may be made, written and removed.  What is open stays open; reading is not
 * limited.  Needs no_new_privs.  0; -EOPNOTSUPP: this kernel has none of it; another error.
 */
int file_limits_apply(int dir_fd);

#endif
