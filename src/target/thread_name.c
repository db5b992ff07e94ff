/* SPDX-License-Identifier: GPL-2.0-only */
#include "target/thread_name.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "target/process.h"

void thread_name(const struct process *proc, uint32_t tid, char *out, size_t size)
{
	char path[48];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "task/%u/comm", tid);
	fd = openat(proc->dirfd, path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, out, size - 1);
		close(fd);
	}
	out[n > 0 ? n : 0] = '\0';
	out[strcspn(out, "\n")] = '\0';
}
