/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHESHIRE_CONFIG_READ_FILE_H
#define CHESHIRE_CONFIG_READ_FILE_H

#include <stddef.h>

/*
 * Reads a regular file, at most max + 1 bytes of it: a longer *len than max tells that there is
 * more.  *text is malloc'ed (NULL after an error).  -EINVAL: not a regular file.
 */
int read_file(const char *path, size_t max, char **text, size_t *len);

#endif /* CHESHIRE_CONFIG_READ_FILE_H */
