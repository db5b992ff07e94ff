/* SPDX-License-Identifier: GPL-2.0-only */
#include "target/process_access.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "target/maps.h"
#include "target/proc_file.h"
#include "target/process.h"

#define MAPS_CEILING (64u << 20) /* bytes of /proc/PID/maps */

static const struct {
	const char *name;
	bool of_thread;
	bool restricted; /* the kernel shows it to tracers only */
} files[PROCESS_FILES] = {
	[PROCESS_FILE_STAT] = {"stat", false, false},
	[PROCESS_FILE_STATUS] = {"status", false, false},
	[PROCESS_FILE_STATM] = {"statm", false, false},
	[PROCESS_FILE_COMM] = {"comm", false, false},
	[PROCESS_FILE_CGROUP] = {"cgroup", false, false},
	[PROCESS_FILE_IO] = {"io", false, true},
	[PROCESS_FILE_EXE] = {"exe", false, true},
	[PROCESS_FILE_THREAD_STAT] = {"stat", true, false},
	[PROCESS_FILE_THREAD_STATUS] = {"status", true, false},
	[PROCESS_FILE_THREAD_COMM] = {"comm", true, false},
	[PROCESS_FILE_THREAD_SYSCALL] = {"syscall", true, true},
};

static int read_link(const struct process *proc, const char *name, char *buf, size_t size,
		     size_t *len)
{
	ssize_t n = readlinkat(proc->dirfd, name, buf, size - 1);

	buf[n > 0 ? n : 0] = '\0';
	if (len)
		*len = n > 0 ? (size_t)n : 0;
	if (n >= 0)
		return 0;
	return errno == ENOENT ? -ESRCH : -errno;
}

static int read_directly(const struct process *proc, enum process_file file, uint32_t tid,
			 char *buf, size_t size, size_t *len)
{
	char path[48];

	if (file == PROCESS_FILE_EXE)
		return read_link(proc, files[file].name, buf, size, len);
	if (!files[file].of_thread)
		return proc_file_read(proc->dirfd, files[file].name, buf, size, len);
	snprintf(path, sizeof(path), "task/%u/%s", tid, files[file].name);
	return proc_file_read(proc->dirfd, path, buf, size, len);
}

int process_read_file(const struct process *proc, enum process_file file, uint32_t tid, char *buf,
		      size_t size, size_t *len)
{
	int err = -EACCES;

	if (!files[file].restricted || !proc->access)
		err = read_directly(proc, file, tid, buf, size, len);
	/* Where /proc hides the processes of others (hidepid), they are not even there. */
	if (proc->access && (err == -EACCES || err == -EPERM || err == -ESRCH))
		err = proc->access->read_file(proc->access_ctx, file, tid, buf, size, len);
	return err;
}

int process_read_maps(const struct process *proc, enum process_maps how, char **text, size_t *len)
{
	if (proc->access)
		return proc->access->read_maps(proc->access_ctx, how, text, len);
	return proc_file_read_all(proc->dirfd, "maps", MAPS_CEILING, text, len);
}
