/* SPDX-License-Identifier: GPL-2.0-only */
#include "target/proc_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int open_file(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd >= 0)
		return fd;
	/* A /proc/PID directory that outlived its process has no files any more. */
	return errno == ENOENT && name[0] != '/' ? -ESRCH : -errno;
}

/* Reads until the buffer is full or the file ends. */
static int read_full(int fd, char *buf, size_t size, size_t *len)
{
	ssize_t n;

	*len = 0;
	while (*len < size) {
		n = read(fd, buf + *len, size - *len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		*len += (size_t)n;
	}
	return 0;
}

int proc_file_read(int dirfd, const char *name, char *buf, size_t size, size_t *len)
{
	size_t got = 0;
	int fd, err;

	buf[0] = '\0';
	fd = open_file(dirfd, name);
	if (fd < 0)
		return fd;
	err = read_full(fd, buf, size - 1, &got);
	buf[got] = '\0';
	if (len)
		*len = got;
	close(fd);
	return err;
}

int proc_file_read_all(int dirfd, const char *name, size_t ceiling, char **text, size_t *len)
{
	size_t room = 65536, got, used = 0;
	char *buf, *bigger;
	int fd, err;

	*text = NULL;
	*len = 0;
	fd = open_file(dirfd, name);
	if (fd < 0)
		return fd;
	buf = malloc(room);
	err = buf ? 0 : -ENOMEM;
	while (!err) {
		err = read_full(fd, buf + used, room - used - 1, &got);
		used += got;
		if (err || used + 1 < room)
			break;
		if (room > ceiling) {
			err = -EFBIG;
			break;
		}
		bigger = realloc(buf, room * 2);
		if (!bigger) {
			err = -ENOMEM;
			break;
		}
		buf = bigger;
		room *= 2;
	}
	close(fd);
	if (err) {
		free(buf);
		return err;
	}
	buf[used] = '\0';
	*text = buf;
	*len = used;
	return 0;
}

int proc_dir_open(int dirfd, const char *name, DIR **dir)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err;

	if (fd < 0)
		return -errno;
	*dir = fdopendir(fd);
	if (*dir)
		return 0;
	err = -errno;
	close(fd);
	return err;
}
