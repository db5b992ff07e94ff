/* SPDX-License-Identifier: GPL-2.0-only */
#include "config/read_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_all(int fd, size_t max, char *text, size_t *len)
{
	ssize_t n;

	while (*len <= max) {
		n = read(fd, text + *len, max + 1 - *len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			return 0;
		*len += (size_t)n;
	}
	return 0;
}

int read_file(const char *path, size_t max, char **text, size_t *len)
{
	/* O_NONBLOCK: opening a fifo must not wait for its writer. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	int err = 0;

	*text = NULL;
	*len = 0;
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		err = -errno;
	else if (S_ISDIR(st.st_mode))
		err = -EISDIR;
	else if (!S_ISREG(st.st_mode))
		err = -EINVAL;
	if (!err) {
		*text = malloc(max + 1);
		err = *text ? read_all(fd, max, *text, len) : -ENOMEM;
	}
	close(fd);
	if (err) {
		free(*text);
		*text = NULL;
	}
	return err;
}
