/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * debug_fetch.h - debug files of what a process maps, from the servers that $DEBUGINFOD_URLS names.
 *
 * Only where the operator asked for it: build-ids leave the machine.  It is done before privileges
 * are parted with, for later there is no network any more; what talks to the servers and looks into
 * files is a child without any privilege.
 */
#ifndef CHESHIRE_WATCH_DEBUG_FETCH_H
#define CHESHIRE_WATCH_DEBUG_FETCH_H

struct debug_files;
struct process;

/*
 * Says on stderr what it does and what could not be had, waits for two minutes at most, and leaves
 * nothing on disk.  While there is one thread only.  NULL: nothing was fetched; never an error.
 */
struct debug_files *debug_fetch(const struct process *proc);

#endif /* CHESHIRE_WATCH_DEBUG_FETCH_H */
