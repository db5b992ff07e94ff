/* SPDX-License-Identifier: GPL-2.0-only */
#include "target/debug_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "target/elf_file.h"
#include "target/maps.h"

#define DEBUG_DIRECTORY "/usr/lib/debug/.build-id/"

static int open_by_id(const uint8_t *id, size_t n)
{
	char path[64 + 2 * OBJECT_BUILD_ID_MAX] = DEBUG_DIRECTORY;
	size_t i, len = strlen(path);
	int fd;

	for (i = 0; i < n; i++)
		len += (size_t)snprintf(path + len, sizeof(path) - len, i == 0 ? "%02x/" : "%02x",
					id[i]);
	snprintf(path + len, sizeof(path) - len, ".debug");
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	return fd < 0 ? -errno : fd;
}

int debug_file_check(int fd, const uint8_t *id, size_t n)
{
	uint8_t found[OBJECT_BUILD_ID_MAX];
	struct elf_file debug;
	int err = elf_file_open(&debug, fd);

	if (err)
		return err;
	if (elf_file_build_id(&debug, found, sizeof(found)) != n || memcmp(id, found, n))
		err = -ENOENT;
	elf_file_close(&debug);
	return err;
}

int debug_file_open(const struct elf_file *object)
{
	uint8_t id[OBJECT_BUILD_ID_MAX];
	size_t n = elf_file_build_id(object, id, sizeof(id));
	int fd, err;

	if (n < 2)
		return -ENOENT;
	fd = open_by_id(id, n);
	if (fd < 0)
		return fd;
	err = debug_file_check(fd, id, n);
	if (!err)
		return fd;
	close(fd);
	return err;
}
