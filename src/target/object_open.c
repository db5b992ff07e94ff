/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Opening an object's file. The name in maps is the target's choice and lives in its mount
 * namespace, so /proc/PID/map_files/START-END comes first: the kernel's own link to the very inode
 * that is mapped, deleted or not. Whatever is opened is first looked at with O_PATH (opening a
 * device has side effects) and must be a regular file.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "target/elf_file.h"
#include "target/maps.h"
#include "target/process.h"
#include "target/process_access.h"

enum identity {
	IDENTITY_INODE, /* the kernel's link to the mapping: the inode must agree; the device
			 * need not (btrfs and overlayfs show another one in maps) */
	IDENTITY_DEVICE_AND_INODE, /* found by a name: both must agree */
};

static int check_identity(int path_fd, const struct object *obj, enum identity how)
{
	struct stat st;

	if (fstat(path_fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EACCES;
	if (how == IDENTITY_INODE)
		return st.st_ino == obj->inode ? 0 : -ESTALE;
	if (st.st_ino != obj->inode || major(st.st_dev) != obj->dev_major ||
	    minor(st.st_dev) != obj->dev_minor)
		return -ESTALE;
	return 0;
}

/* O_PATH descriptor to readable descriptor, after the check. Closes path_fd. */
static int reopen(int path_fd, const struct object *obj, enum identity how)
{
	char link[40];
	int fd, err;

	err = check_identity(path_fd, obj, how);
	if (err) {
		close(path_fd);
		return err;
	}
	snprintf(link, sizeof(link), "/proc/self/fd/%d", path_fd);
	fd = open(link, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		fd = -errno;
	close(path_fd);
	return fd;
}

static int open_map_files(const struct object *obj, const struct process *proc)
{
	char name[64];
	int fd;

	if (obj->n_segments == 0)
		return -ENOENT;
	snprintf(name, sizeof(name), "map_files/%" PRIx64 "-%" PRIx64, obj->segments[0].start,
		 obj->segments[0].end);
	fd = openat(proc->dirfd, name, O_PATH | O_CLOEXEC);
	return fd < 0 ? -errno : reopen(fd, obj, IDENTITY_INODE);
}

static int open_exe(const struct object *obj, const struct process *proc)
{
	int fd = openat(proc->dirfd, "exe", O_PATH | O_CLOEXEC);

	return fd < 0 ? -errno : reopen(fd, obj, IDENTITY_DEVICE_AND_INODE);
}

static int open_in_root(const struct object *obj, const struct process *proc)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int root, fd;

	if (obj->path[0] != '/')
		return -ENOENT;
	root = openat(proc->dirfd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	fd = (int)syscall(SYS_openat2, root, obj->path, &how, sizeof(how));
	if (fd < 0)
		fd = -errno;
	close(root);
	return fd < 0 ? fd : reopen(fd, obj, IDENTITY_DEVICE_AND_INODE);
}

int object_open_file(const struct object *obj, const struct process *proc)
{
	int fd, first;

	if (obj->gone)
		return -ENOENT;
	fd = first = open_map_files(obj, proc);
	if (fd < 0)
		fd = open_exe(obj, proc);
	if (fd < 0)
		fd = open_in_root(obj, proc);
	if (fd < 0)
		return fd == -ESTALE ? fd : first;
	return fd;
}

/* Opened by another process: it must be the file that we mean. */
static int open_by_access(const struct object *obj, const struct process *proc)
{
	struct stat st;
	int fd, err = proc->access->open_object(proc->access_ctx, obj, &fd);

	if (err)
		return err;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_ino == obj->inode)
		return fd;
	close(fd);
	return -ESTALE;
}

int object_open(struct object *obj, const struct process *proc)
{
	struct elf_file elf;
	int fd;

	if (obj->fd >= 0)
		return 0;
	if (obj->gone)
		return -ENOENT;
	fd = proc->access ? open_by_access(obj, proc) : object_open_file(obj, proc);
	if (fd < 0)
		return fd;
	obj->fd = fd;
	obj->build_id_len = 0;
	if (elf_file_open(&elf, fd) == 0) {
		obj->build_id_len = elf_file_build_id(&elf, obj->build_id, sizeof(obj->build_id));
		elf_file_close(&elf);
	}
	return 0;
}

void object_close(struct object *obj)
{
	if (obj->fd >= 0)
		close(obj->fd);
	obj->fd = -1;
}

int object_attach_path(const struct object *obj, char *buf, size_t size)
{
	if (obj->fd < 0)
		return -EBADF;
	if (snprintf(buf, size, "/proc/self/fd/%d", obj->fd) >= (int)size)
		return -ENAMETOOLONG;
	return 0;
}
