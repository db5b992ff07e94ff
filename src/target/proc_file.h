/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHESHIRE_TARGET_PROC_FILE_H
#define CHESHIRE_TARGET_PROC_FILE_H

#include <dirent.h>
#include <stddef.h>

/*
 * Reads a /proc or cgroup file into buf, at most size - 1 bytes, terminated. *len (may be NULL) is
 * what was read. 0 or negative errno; -ESRCH where the process is gone.
 */
int proc_file_read(int dirfd, const char *name, char *buf, size_t size, size_t *len);

/* Reads the whole of a /proc file into allocated memory, terminated. -EFBIG beyond the ceiling. */
int proc_file_read_all(int dirfd, const char *name, size_t ceiling, char **text, size_t *len);

/* Opens a directory for reading its entries; closedir() it.  0 or negative errno. */
int proc_dir_open(int dirfd, const char *name, DIR **dir);

#endif
