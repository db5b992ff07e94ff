/* SPDX-License-Identifier: GPL-2.0-only */
/* debug_file.h - the separate file that has an object's debug information, on this host. */
#ifndef CHESHIRE_TARGET_DEBUG_FILE_H
#define CHESHIRE_TARGET_DEBUG_FILE_H

#include <stddef.h>
#include <stdint.h>

struct elf_file;

/*
 * By the object's build-id, in the host's debug directory only, never by a path that the target's
 * file names; its own build-id is the same.  A descriptor for reading, the caller's, or a negative
 * errno: -ENOENT where there is none, or the object has no build-id.
 */
int debug_file_open(const struct elf_file *object);

/* Is it an ELF file of that build-id?  0, -ENOENT: of another one or none, -ENOEXEC: no such file.
 */
int debug_file_check(int fd, const uint8_t *build_id, size_t n);

#endif /* CHESHIRE_TARGET_DEBUG_FILE_H */
