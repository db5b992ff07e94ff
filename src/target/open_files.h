/* SPDX-License-Identifier: GPL-2.0-only */
/* open_files.h - the regular files that the target maps or has open. */
#ifndef CHESHIRE_TARGET_OPEN_FILES_H
#define CHESHIRE_TARGET_OPEN_FILES_H

#include <stdbool.h>
#include <stdint.h>

struct process;

struct open_file {
	uint64_t inode;
	uint32_t dev_major, dev_minor;
	uint64_t size_bytes;
	const char *path; /* in the target's root, without " (deleted)"; escape before printing */
};

/* Of these paths the file is wanted: looking at one costs system calls. */
typedef bool (*open_file_wanted_fn)(void *ctx, const char *path);
/* Valid during the call; a file comes once for each mapping and descriptor. */
typedef void (*open_file_fn)(void *ctx, const struct open_file *file);

/*
 * Hands out what is wanted; of descriptors only the first few thousand are looked at.  The size of
 * a file that is mapped only and cannot be looked at (deleted, while /proc/PID/map_files may not
 * be followed) is as far as it is mapped.  0 or a negative errno.
 */
int open_files_each(const struct process *proc, open_file_wanted_fn wanted, open_file_fn fn,
		    void *ctx);

#endif /* CHESHIRE_TARGET_OPEN_FILES_H */
