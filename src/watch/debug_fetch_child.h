/* SPDX-License-Identifier: GPL-2.0-only */
/* debug_fetch_child.h - the child that fetches debug files: see debug_fetch.h. */
#ifndef CHESHIRE_WATCH_DEBUG_FETCH_CHILD_H
#define CHESHIRE_WATCH_DEBUG_FETCH_CHILD_H

#include "target/maps.h"

struct process;

#define DEBUG_FETCH_S	   120 /* all of it */
#define DEBUG_FETCH_FILE_S 60  /* one file */

/* A file that was fetched; its descriptor comes with it. */
struct debug_fetch_found {
	uint32_t build_id_len;
	uint8_t build_id[OBJECT_BUILD_ID_MAX];
};

/*
 * The child's life: it opens what the process maps, gives up its privileges, asks the servers, and
 * sends what it got by the channel.  `dir` is where files may be written.  Its exit status.
 */
int debug_fetch_child(const struct process *proc, int channel, const char *dir);

#endif /* CHESHIRE_WATCH_DEBUG_FETCH_CHILD_H */
