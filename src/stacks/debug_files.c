/* SPDX-License-Identifier: GPL-2.0-only */
#include "stacks/debug_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "target/debug_file.h"
#include "target/maps.h"

struct debug_entry {
	uint8_t build_id[OBJECT_BUILD_ID_MAX];
	size_t build_id_len;
	int fd;
};

struct debug_files {
	struct debug_entry entries[DEBUG_FILES_MAX];
	size_t n;
	uint64_t bytes;
};

struct debug_files *debug_files__new(void)
{
	return calloc(1, sizeof(struct debug_files));
}

void debug_files__free(struct debug_files *files)
{
	for (size_t i = 0; files && i < files->n; i++)
		close(files->entries[i].fd);
	free(files);
}

static const struct debug_entry *find(const struct debug_files *files, const uint8_t *build_id,
				      size_t n)
{
	for (size_t i = 0; files && i < files->n; i++)
		if (files->entries[i].build_id_len == n &&
		    !memcmp(files->entries[i].build_id, build_id, n))
			return &files->entries[i];
	return NULL;
}

static int check_file(const struct debug_files *files, int fd, uint64_t *bytes)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size < 0)
		return -EINVAL;
	*bytes = (uint64_t)st.st_size;
	if (*bytes > DEBUG_FILE_BYTES_MAX)
		return -EFBIG;
	return files->n == DEBUG_FILES_MAX || files->bytes + *bytes > DEBUG_FILES_BYTES_TOTAL
		       ? -E2BIG
		       : 0;
}

int debug_files__add(struct debug_files *files, const uint8_t *build_id, size_t n, int fd)
{
	struct debug_entry *entry;
	uint64_t bytes = 0;
	int err = n < 2 || n > OBJECT_BUILD_ID_MAX ? -EINVAL : check_file(files, fd, &bytes);

	if (!err && find(files, build_id, n))
		err = -EEXIST;
	if (err) {
		close(fd);
		return err;
	}
	entry = &files->entries[files->n++];
	memcpy(entry->build_id, build_id, n);
	entry->build_id_len = n;
	entry->fd = fd;
	files->bytes += bytes;
	return 0;
}

int debug_files__open(const struct debug_files *files, const uint8_t *build_id, size_t n)
{
	const struct debug_entry *entry = find(files, build_id, n);
	int fd, err;

	if (!entry)
		return -ENOENT;
	fd = fcntl(entry->fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return -errno;
	err = debug_file_check(fd, build_id, n);
	if (!err)
		return fd;
	close(fd);
	return -ENOENT;
}

size_t debug_files__count(const struct debug_files *files)
{
	return files ? files->n : 0;
}

uint64_t debug_files__bytes(const struct debug_files *files)
{
	return files ? files->bytes : 0;
}
