/* SPDX-License-Identifier: GPL-2.0-only */
#include "target/sqlite_files.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "target/proc_file.h"
#include "target/process.h"
#include "target/process_access.h"

#define DESCRIPTORS_MAX 4096

/* https://www.sqlite.org/fileformat.html: the first 16 bytes, their NUL included. */
static const char magic[16] = "SQLite format 3";

static bool is_file(int dir, const char *name)
{
	struct stat st;

	return !fstatat(dir, name, &st, 0) && S_ISREG(st.st_mode) &&
	       st.st_size >= (off_t)sizeof(magic);
}

static bool is_database(int dir, const char *name)
{
	char head[sizeof(magic)];
	bool is = false;
	int fd;

	if (!is_file(dir, name))
		return false;
	fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return false;
	/* A file that was truncated meanwhile is not mapped, only read. */
	if (pread(fd, head, sizeof(head), 0) == (ssize_t)sizeof(head))
		is = !memcmp(head, magic, sizeof(magic));
	close(fd);
	return is;
}

int sqlite_files_count(const struct process *proc, uint32_t *n)
{
	struct dirent *entry;
	int looked = 0, err;
	DIR *dir;

	*n = 0;
	if (proc->access)
		return proc->access->count(proc->access_ctx, PROCESS_COUNT_SQLITE, n);
	err = proc_dir_open(proc->dirfd, "fd", &dir);
	if (err)
		return err;
	while (looked < DESCRIPTORS_MAX && (entry = readdir(dir))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		looked++;
		*n += is_database(dirfd(dir), entry->d_name);
	}
	closedir(dir);
	return looked == DESCRIPTORS_MAX ? -E2BIG : 0;
}
