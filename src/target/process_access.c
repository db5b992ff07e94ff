/* SPDX-License-Identifier: GPL-2.0-only */
#include "target/process_access.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/uio.h>
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

/* Pieces for one call of process_vm_readv; the kernel takes no more than 1024. */
#define BATCH_PARTS 256

/* How many of the parts, from the first on, were read whole. */
static size_t read_count(const struct process_memory_part *parts, size_t n, size_t bytes)
{
	size_t i;

	for (i = 0; i < n && bytes >= parts[i].length; i++)
		bytes -= parts[i].length;
	return i;
}

/* The kernel stops at the first one that it cannot read: *done are the parts up to and with it. */
static int read_batch(const struct process *proc, struct process_memory_part *parts, size_t n,
		      size_t *done)
{
	struct iovec local[BATCH_PARTS], remote[BATCH_PARTS];
	ssize_t bytes;
	size_t i;

	n = n < BATCH_PARTS ? n : BATCH_PARTS;
	for (i = 0; i < n; i++) {
		local[i] = (struct iovec){parts[i].buf, parts[i].length};
		remote[i] = (struct iovec){(void *)(uintptr_t)parts[i].address, parts[i].length};
		parts[i].err = 0;
	}
	bytes = process_vm_readv(proc->pid, local, n, remote, n, 0);
	if (bytes < 0 && errno != EFAULT)
		return -errno;
	*done = read_count(parts, n, bytes < 0 ? 0 : (size_t)bytes);
	if (*done < n)
		parts[(*done)++].err = -EFAULT;
	return 0;
}

int process_read_scatter(const struct process *proc, struct process_memory_part *parts, size_t n)
{
	int err = 0;

	for (size_t i = 0; i < n; i++)
		if (!parts[i].length || parts[i].length > PROCESS_PART_MAX)
			return -EINVAL;
	if (proc->access)
		return proc->access->read_scatter(proc->access_ctx, parts, n);
	for (size_t at = 0, done = 0; at < n && !err; at += done)
		err = read_batch(proc, parts + at, n - at, &done);
	return err;
}
