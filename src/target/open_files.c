/* SPDX-License-Identifier: GPL-2.0-only */
#include "target/open_files.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "target/maps.h"
#include "target/proc_file.h"
#include "target/process.h"

#define DESCRIPTORS_MAX 4096

struct walk {
	const struct process *proc;
	open_file_wanted_fn wanted;
	open_file_fn fn;
	void *ctx;
};

/* As the kernel writes it, to a name: without the mark, newlines as they are. */
static void clean_path(const char *raw, char *path, size_t size)
{
	static const char mark[] = " (deleted)";
	size_t len = strlen(raw), cut = sizeof(mark) - 1, n = 0;

	if (len > cut && !strcmp(raw + len - cut, mark))
		len -= cut;
	for (size_t i = 0; i < len && n + 1 < size; i++) {
		bool newline = !strncmp(raw + i, "\\012", 4);

		path[n++] = newline ? '\n' : raw[i];
		i += newline ? 3 : 0;
	}
	path[n] = '\0';
}

static bool is_file(const struct stat *st, const struct file_mapping *mapping)
{
	return S_ISREG(st->st_mode) && st->st_ino == mapping->inode;
}

static bool same_device(const struct stat *st, const struct file_mapping *mapping)
{
	return major(st->st_dev) == mapping->dev_major && minor(st->st_dev) == mapping->dev_minor;
}

/* By the kernel's own link, which takes a capability; its device may be another (overlayfs). */
static int stat_mapping(const struct process *proc, const struct file_mapping *mapping,
			struct stat *st)
{
	char name[64];

	snprintf(name, sizeof(name), "map_files/%" PRIx64 "-%" PRIx64, mapping->start,
		 mapping->end);
	return !fstatat(proc->dirfd, name, st, 0) && is_file(st, mapping) ? 0 : -ENOENT;
}

static int stat_in_root(const struct process *proc, const char *path,
			const struct file_mapping *mapping, struct stat *st)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int root = openat(proc->dirfd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd, err;

	if (root < 0)
		return -errno;
	fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
	close(root);
	if (fd < 0)
		return -ENOENT;
	err = fstat(fd, st) ? -errno : 0;
	close(fd);
	if (!err && (!is_file(st, mapping) || !same_device(st, mapping)))
		err = -ENOENT;
	return err;
}

static void on_mapping(void *ctx, const struct file_mapping *mapping)
{
	const struct walk *walk = ctx;
	struct open_file file = {.inode = mapping->inode,
				 .dev_major = mapping->dev_major,
				 .dev_minor = mapping->dev_minor};
	char path[PATH_MAX];
	struct stat st;

	clean_path(mapping->raw_path, path, sizeof(path));
	if (!walk->wanted(walk->ctx, path))
		return;
	file.path = path;
	if (stat_mapping(walk->proc, mapping, &st) && stat_in_root(walk->proc, path, mapping, &st))
		file.size_bytes = mapping->offset + (mapping->end - mapping->start);
	else
		file.size_bytes = (uint64_t)st.st_size;
	walk->fn(walk->ctx, &file);
}

static void look_at_descriptor(const struct walk *walk, int dir, const char *name)
{
	char raw[PATH_MAX], path[PATH_MAX];
	ssize_t n = readlinkat(dir, name, raw, sizeof(raw) - 1);
	struct open_file file;
	struct stat st;

	if (n <= 0 || raw[0] != '/')
		return;
	raw[n] = '\0';
	clean_path(raw, path, sizeof(path));
	if (!walk->wanted(walk->ctx, path) || fstatat(dir, name, &st, 0) || !S_ISREG(st.st_mode))
		return;
	file = (struct open_file){.inode = st.st_ino,
				  .dev_major = major(st.st_dev),
				  .dev_minor = minor(st.st_dev),
				  .size_bytes = (uint64_t)st.st_size,
				  .path = path};
	walk->fn(walk->ctx, &file);
}

static int each_descriptor(const struct walk *walk)
{
	struct dirent *entry;
	DIR *dir;
	int err = proc_dir_open(walk->proc->dirfd, "fd", &dir);

	if (err)
		return err;
	for (int i = 0; i < DESCRIPTORS_MAX && (entry = readdir(dir)); i++)
		if (isdigit((unsigned char)entry->d_name[0]))
			look_at_descriptor(walk, dirfd(dir), entry->d_name);
	closedir(dir);
	return 0;
}

int open_files_each(const struct process *proc, open_file_wanted_fn wanted, open_file_fn fn,
		    void *ctx)
{
	struct walk walk = {proc, wanted, fn, ctx};
	int err = maps_each_file(proc, on_mapping, &walk);
	int also = each_descriptor(&walk);

	return err ? err : also;
}
