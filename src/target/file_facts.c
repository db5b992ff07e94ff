/* SPDX-License-Identifier: GPL-2.0-only */
/* file_facts.c - which files the target has open or maps, and how large they are. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "log/strbuf.h"
#include "target/maps.h"
#include "target/proc_file.h"
#include "target/process.h"
#include "target/process_access.h"

#define DESCRIPTORS_MAX 4096

void process_clean_path(const char *raw, char *path, size_t size)
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

static void take_stat(const struct stat *st, struct process_file_facts *facts)
{
	*facts = (struct process_file_facts){.inode = st->st_ino,
					     .size_bytes = (uint64_t)st->st_size,
					     .dev_major = major(st->st_dev),
					     .dev_minor = minor(st->st_dev),
					     .mode = st->st_mode};
}

/*
 * By the kernel's own link, which takes a capability and is there for exactly such mappings; its
 * device may be another than maps shows (overlayfs).
 */
static int stat_link(const struct process *proc, const struct process_file_ref *ref,
		     struct stat *st)
{
	char name[64];

	snprintf(name, sizeof(name), "map_files/%" PRIx64 "-%" PRIx64, ref->start, ref->end);
	return fstatat(proc->dirfd, name, st, 0) ? -ENOENT : 0;
}

static int stat_in_root(const struct process *proc, const struct file_mapping *mapping,
			struct stat *st)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	char path[PATH_MAX];
	int root, fd, err;

	process_clean_path(mapping->raw_path, path, sizeof(path));
	root = openat(proc->dirfd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
	close(root);
	if (fd < 0)
		return -ENOENT;
	err = fstat(fd, st) ? -errno : 0;
	close(fd);
	if (!err && (st->st_ino != mapping->inode || major(st->st_dev) != mapping->dev_major ||
		     minor(st->st_dev) != mapping->dev_minor))
		err = -ENOENT;
	return err;
}

struct mapping_search {
	const struct process *proc;
	const struct process_file_ref *ref;
	struct process_file_facts *facts;
	int err;
};

static void look_at_mapping(void *ctx, const struct file_mapping *mapping)
{
	struct mapping_search *search = ctx;
	struct stat st;

	if (mapping->start != search->ref->start || mapping->end != search->ref->end)
		return;
	if (stat_in_root(search->proc, mapping, &st))
		return;
	take_stat(&st, search->facts);
	search->err = 0;
}

int process_read_facts(const struct process *proc, const struct process_file_ref *ref,
		       struct process_file_facts *facts)
{
	struct mapping_search search = {proc, ref, facts, -ENOENT};
	struct stat st;
	char name[32];
	int err;

	if (proc->access)
		return proc->access->read_facts(proc->access_ctx, ref, facts);
	if (ref->end && !stat_link(proc, ref, &st)) {
		take_stat(&st, facts);
		return 0;
	}
	if (ref->end) {
		err = maps_each_file(proc, look_at_mapping, &search);
		return err ?: search.err;
	}
	snprintf(name, sizeof(name), "fd/%u", ref->fd);
	if (fstatat(proc->dirfd, name, &st, 0))
		return -ENOENT;
	take_stat(&st, facts);
	return 0;
}

/* Whole or not at all, when the list is full. */
static void add_descriptor(struct strbuf *text, int dir, const char *name)
{
	char line[PATH_MAX + 32];
	size_t used = (size_t)snprintf(line, 32, "%.16s ", name);
	ssize_t n = readlinkat(dir, name, line + used, PATH_MAX);

	if (n <= 0 || line[used] != '/')
		return;
	line[used + (size_t)n] = '\0';
	strbuf_add(text, line, used + (size_t)n + 1);
}

int process_read_descriptors(const struct process *proc, char **text, size_t *len)
{
	struct strbuf out = {};
	struct dirent *entry;
	DIR *dir;
	int err;

	if (proc->access)
		return proc->access->read_descriptors(proc->access_ctx, text, len);
	err = proc_dir_open(proc->dirfd, "fd", &dir);
	if (err)
		return err;
	for (int i = 0; i < DESCRIPTORS_MAX && (entry = readdir(dir)); i++)
		if (isdigit((unsigned char)entry->d_name[0]))
			add_descriptor(&out, dirfd(dir), entry->d_name);
	closedir(dir);
	*text = out.data;
	*len = out.len;
	return 0;
}
