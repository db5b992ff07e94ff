/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * server_ticks.c - the clocks by which Python's frames are looked at.  The keeper chooses the
 * threads, and keeps the descriptors: the session says how often, or not any more.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "keeper/server.h"
#include "kernel/python_ticks.h"

ssize_t keeper_server_threads(const struct keeper_server *s, pid_t tids[KEEPER_THREADS_MAX])
{
	int fd = openat(s->proc.dirfd, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *entry;
	ssize_t n = 0;
	DIR *dir;

	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	while (n <= KEEPER_THREADS_MAX && (entry = readdir(dir)) != NULL) {
		pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (tid <= 0)
			continue;
		if (n < KEEPER_THREADS_MAX)
			tids[n] = tid;
		n++;
	}
	closedir(dir);
	return n > KEEPER_THREADS_MAX ? -E2BIG : n;
}

/*
 * Each look at the list may miss threads that come meanwhile.  Those made by a thread that has a
 * clock have one; the others are found by looking again.
 */
static int start(struct keeper_server *s, uint32_t hz)
{
	pid_t tids[KEEPER_THREADS_MAX];
	ssize_t n = keeper_server_threads(s, tids);

	if (n < 0)
		return (int)n;
	s->ticks = python_ticks__open(tids, (size_t)n, hz,
				      loader__program(s->loader, LOADER_PYTHON_TICK));
	if (!s->ticks)
		return -errno;
	n = keeper_server_threads(s, tids);
	if (n > 0)
		(void)python_ticks__add(s->ticks, tids, (size_t)n);
	return 0;
}

void keeper_server_stop_ticks(struct keeper_server *s)
{
	python_ticks__free(s->ticks);
	s->ticks = NULL;
}

int keeper_server_ticks(struct keeper_server *s, uint32_t hz)
{
	int err;

	keeper_server_stop_ticks(s);
	if (!hz)
		return 0;
	if (!s->opts->objects)
		return -EPERM;
	if (!s->loader || loader__program(s->loader, LOADER_PYTHON_TICK) < 0)
		return -EINVAL;
	err = process_check(&s->proc);
	return err ?: start(s, hz);
}
