/* SPDX-License-Identifier: GPL-2.0-only */
/* debug_files.h - debug files that are open already, by the build-id of the object they belong to.
 */
#ifndef CHESHIRE_STACKS_DEBUG_FILES_H
#define CHESHIRE_STACKS_DEBUG_FILES_H

#include <stddef.h>
#include <stdint.h>

/* Files, and bytes of each and of all together. */
#define DEBUG_FILES_MAX		128
#define DEBUG_FILE_BYTES_MAX	(256ULL << 20)
#define DEBUG_FILES_BYTES_TOTAL (1024ULL << 20)

struct debug_files;

/* NULL and errno on failure. */
struct debug_files *debug_files__new(void);
/* Closes them.  NULL is fine. */
void debug_files__free(struct debug_files *files);

/*
 * Takes the descriptor over, also on failure.  What is in the file is not looked at: whoever takes
 * it from here does that.  0; -EINVAL: no build-id, or no regular file; -EFBIG, -E2BIG: over one of
 * the ceilings; -EEXIST: there is one.
 */
int debug_files__add(struct debug_files *files, const uint8_t *build_id, size_t n, int fd);

/*
 * A descriptor of the caller's, or a negative errno; -ENOENT: there is none, or what is there says
 * another build-id.  NULL has none.
 */
int debug_files__open(const struct debug_files *files, const uint8_t *build_id, size_t n);

size_t debug_files__count(const struct debug_files *files);
uint64_t debug_files__bytes(const struct debug_files *files);

#endif /* CHESHIRE_STACKS_DEBUG_FILES_H */
