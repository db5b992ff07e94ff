/* SPDX-License-Identifier: GPL-2.0-only */
#include "kernel/python_ticks.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct tick {
	pid_t tid;
	int fd;
};

struct python_ticks {
	uint32_t hz;
	int prog_fd; /* borrowed */
	size_t n;
	struct tick tick[PYTHON_TICKS_MAX];
};

/*
 * cpu-clock and not a hardware counter: there is one everywhere.  It is the kernel that makes the
 * event of a new thread, so that none is missed.
 */
static int open_tick(pid_t tid, uint32_t hz, int prog_fd)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE,
				       .size = sizeof(attr),
				       .config = PERF_COUNT_SW_CPU_CLOCK,
				       .sample_freq = hz,
				       .freq = 1,
				       .inherit = 1,
				       .disabled = 1};
	long fd = syscall(SYS_perf_event_open, &attr, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
	int err;

	if (fd < 0)
		return -errno;
	if (!ioctl((int)fd, PERF_EVENT_IOC_SET_BPF, prog_fd) &&
	    !ioctl((int)fd, PERF_EVENT_IOC_ENABLE, 0))
		return (int)fd;
	err = -errno;
	close((int)fd);
	return err;
}

static bool has(const struct python_ticks *t, pid_t tid)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->tick[i].tid == tid)
			return true;
	return false;
}

/* The first error that is not that of a thread which ended; then the others are not tried. */
static int add(struct python_ticks *t, const pid_t *tids, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int fd;

		if (has(t, tids[i]))
			continue;
		if (t->n == PYTHON_TICKS_MAX)
			return -E2BIG;
		fd = open_tick(tids[i], t->hz, t->prog_fd);
		if (fd == -ESRCH)
			continue;
		if (fd < 0)
			return fd;
		t->tick[t->n++] = (struct tick){tids[i], fd};
	}
	return 0;
}

struct python_ticks *python_ticks__open(const pid_t *tids, size_t n, uint32_t hz, int prog_fd)
{
	struct python_ticks *t = calloc(1, sizeof(*t));
	int err;

	if (!t)
		return NULL;
	t->hz = hz;
	t->prog_fd = prog_fd;
	err = add(t, tids, n);
	if (!err && !t->n)
		err = -ESRCH;
	if (!err)
		return t;
	python_ticks__free(t);
	errno = -err;
	return NULL;
}

size_t python_ticks__add(struct python_ticks *t, const pid_t *tids, size_t n)
{
	size_t before = t->n;

	(void)add(t, tids, n);
	return t->n - before;
}

void python_ticks__free(struct python_ticks *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n; i++)
		close(t->tick[i].fd);
	free(t);
}
