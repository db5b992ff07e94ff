/* SPDX-License-Identifier: GPL-2.0-only */
#include "target/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "target/process_access.h"

/* State and start time of /proc/PID/stat. comm may hold spaces and ')': the last ')' ends it. */
static int read_stat(const struct process *proc, char *state, uint64_t *starttime)
{
	char buf[1024], *p, *save = NULL;
	int err, field = 3;

	err = process_read_file(proc, PROCESS_FILE_STAT, 0, buf, sizeof(buf), NULL);
	if (err)
		return err;
	p = strrchr(buf, ')');
	if (!p)
		return -EPROTO;
	for (p = strtok_r(p + 1, " ", &save); p; p = strtok_r(NULL, " ", &save), field++) {
		if (field == 3)
			*state = *p;
		if (field == 22) {
			*starttime = strtoull(p, NULL, 10);
			return 0;
		}
	}
	return -EPROTO;
}

/* A directory of a thread also opens as /proc/TID: only the group leader's id is a process. */
static int check_leader(const struct process *proc)
{
	char buf[4096], *p;
	int err;

	err = process_read_file(proc, PROCESS_FILE_STATUS, 0, buf, sizeof(buf), NULL);
	if (err)
		return err;
	p = strstr(buf, "\nTgid:");
	if (!p)
		return -EPROTO;
	return strtol(p + 6, NULL, 10) == proc->pid ? 0 : -EINVAL;
}

int process_refresh_names(struct process *proc)
{
	size_t len = 0;
	int err;

	err = process_read_file(proc, PROCESS_FILE_COMM, 0, proc->comm, sizeof(proc->comm), &len);
	if (err)
		return err;
	if (len && proc->comm[len - 1] == '\n')
		proc->comm[len - 1] = '\0';
	if (process_read_file(proc, PROCESS_FILE_EXE, 0, proc->exe, sizeof(proc->exe), NULL))
		proc->exe[0] = '\0';
	return 0;
}

int process_open(struct process *proc, pid_t pid)
{
	char path[32], state = 'X';
	int err;

	memset(proc, 0, sizeof(*proc));
	proc->pid = pid;
	proc->pidfd = -1;
	proc->dirfd = -1;
	if (pid <= 0)
		return -ESRCH;
	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	proc->dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (proc->dirfd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	err = check_leader(proc);
	if (!err)
		err = read_stat(proc, &state, &proc->starttime_ticks);
	if (!err && (state == 'Z' || state == 'X'))
		err = -ESRCH;
	if (!err)
		err = process_refresh_names(proc);
	if (!err) {
		/*
		 * The pidfd may only be taken after the directory: if the directory still answers
		 * afterwards, both are of the same process.
		 */
		proc->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
		if (proc->pidfd < 0 && errno != ENOSYS && errno != EMFILE)
			err = -errno;
	}
	if (!err)
		err = process_check(proc);
	if (err)
		process_close(proc);
	return err;
}

void process_close(struct process *proc)
{
	if (proc->pidfd >= 0)
		close(proc->pidfd);
	if (proc->dirfd >= 0)
		close(proc->dirfd);
	proc->pidfd = -1;
	proc->dirfd = -1;
}

int process_check(const struct process *proc)
{
	uint64_t starttime = 0;
	char state = 'X';
	int err;

	if (proc->pidfd >= 0) {
		struct pollfd pfd = {.fd = proc->pidfd, .events = POLLIN};

		if (poll(&pfd, 1, 0) > 0 && (pfd.revents & POLLIN))
			return -ESRCH;
	}
	err = read_stat(proc, &state, &starttime);
	if (err)
		return err;
	if (starttime != proc->starttime_ticks || state == 'Z' || state == 'X')
		return -ESRCH;
	return 0;
}

int process_read_memory(const struct process *proc, uint64_t addr, void *buf, size_t len)
{
	struct iovec local = {.iov_base = buf, .iov_len = len};
	struct iovec remote = {.iov_base = (void *)(uintptr_t)addr, .iov_len = len};
	ssize_t n;

	if (addr + len < addr)
		return -EFAULT;
	if (proc->access)
		return proc->access->read_memory(proc->access_ctx, addr, buf, len);
	n = process_vm_readv(proc->pid, &local, 1, &remote, 1, 0);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EFAULT;
}
