/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * debuginfod_client.h - elfutils' client of debuginfod servers, loaded when it is used: it brings a
 * library for the web with it.
 */
#ifndef CHESHIRE_WATCH_DEBUGINFOD_CLIENT_H
#define CHESHIRE_WATCH_DEBUGINFOD_CLIENT_H

#include <stddef.h>
#include <stdint.h>

struct debuginfod_client_library;

/* Called now and then while a file comes; other than 0: give it up.  `total` 0: not known. */
typedef int (*debuginfod_progress_fn)(void *ctx, uint64_t bytes, uint64_t total);

/* NULL: the library is not there, or cannot be used; why (static or of dlerror) says so. */
struct debuginfod_client_library *debuginfod_client__open(debuginfod_progress_fn progress,
							  void *ctx, const char **why);
void debuginfod_client__close(struct debuginfod_client_library *library);

/*
 * A descriptor of the debug file of that build-id, or a negative errno: -ENOENT no server has it,
 * -ETIME too slow, -EFBIG too large.  The servers, the directory and the limits are those of the
 * environment (debuginfod_find_debuginfo(3)).
 */
int debuginfod_client__find(struct debuginfod_client_library *library, const uint8_t *build_id,
			    size_t n);

#endif /* CHESHIRE_WATCH_DEBUGINFOD_CLIENT_H */
