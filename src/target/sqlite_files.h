/* SPDX-License-Identifier: GPL-2.0-only */
/* sqlite_files.h - the SQLite databases that the target has open. */
#ifndef CHESHIRE_TARGET_SQLITE_FILES_H
#define CHESHIRE_TARGET_SQLITE_FILES_H

#include <stdint.h>

struct process;

/*
 * Counts the target's descriptors of regular files that begin as an SQLite database does: one for
 * each handle on a file.  Not among them are databases in memory, encrypted ones and those that
 * nothing was written to yet; an attached database counts too.  Reads 16 bytes of each file.
 * 0, or a negative errno; -E2BIG: more descriptors than are looked at.
 */
int sqlite_files_count(const struct process *proc, uint32_t *n);

#endif /* CHESHIRE_TARGET_SQLITE_FILES_H */
