/* SPDX-License-Identifier: GPL-2.0-only */
#include "target/thread_wait.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "target/proc_file.h"
#include "target/process.h"
#include "target/process_access.h"

#define THREADS_MAX 8192 /* looked through for a number of another namespace */
#define TID_MAX	    (1U << 22)
#define USERS_MAX   4096 /* threads that hold or wait on a condition with one mutex */

/* nptl/sysdeps/nptl/bits/struct_mutex.h, 64-bit: the members up to the kind. */
struct glibc_mutex {
	uint32_t lock;
	uint32_t count;
	uint32_t owner;
	uint32_t users;
	int32_t kind;
};

enum {
	GLIBC_CONTENDED = 2,
	KIND_TYPE = 3, /* normal, recursive, error-checking, adaptive */
	KIND_RECURSIVE = 1,
	KIND_SHARED = 128,
	KIND_ELISION = 256 | 512,
};

/* Calls that wait for something new; `set` is the argument that says of how many descriptors. */
static const struct {
	long nr;
	int set; /* -1: always of some */
} polling_calls[] = {
#if defined(SYS_poll) /* arm64 has only the newer ones */
	{SYS_poll, 1},	       {SYS_select, 0},	       {SYS_epoll_wait, -1},
#endif
	{SYS_accept, -1},      {SYS_accept4, -1},      {SYS_pselect6, 0},	 {SYS_ppoll, 1},
	{SYS_epoll_pwait, -1}, {SYS_epoll_pwait2, -1}, {SYS_io_uring_enter, -1},
};

/* "232 0x4 0x7ffd... ..." */
static bool polls(const struct process *proc, uint32_t tid)
{
	unsigned long args[2] = {0};
	char text[256];
	long nr;

	if (process_read_file(proc, PROCESS_FILE_THREAD_SYSCALL, tid, text, sizeof(text), NULL) ||
	    sscanf(text, "%ld %lx %lx", &nr, &args[0], &args[1]) != 3)
		return false;
	for (size_t i = 0; i < sizeof(polling_calls) / sizeof(polling_calls[0]); i++)
		if (polling_calls[i].nr == nr)
			return polling_calls[i].set < 0 || args[polling_calls[i].set] != 0;
	return false;
}

enum thread_doing thread_doing(const struct process *proc, uint32_t tid)
{
	char text[512], *end;
	int err;

	err = process_read_file(proc, PROCESS_FILE_THREAD_STAT, tid, text, sizeof(text), NULL);
	if (err)
		return err == -ESRCH ? THREAD_ENDED : THREAD_UNKNOWN;
	/* The name before it may hold anything. */
	end = strrchr(text, ')');
	if (!end || end[1] != ' ')
		return THREAD_UNKNOWN;
	if (end[2] == 'Z' || end[2] == 'X')
		return THREAD_ENDED;
	if (end[2] == 'R')
		return THREAD_RUNS;
	return polls(proc, tid) ? THREAD_POLLS : THREAD_SLEEPS;
}

static bool has_own_tid(const struct process *proc, uint32_t tid, uint32_t own_tid)
{
	char text[8192];
	const char *line, *last, *end;

	if (process_read_file(proc, PROCESS_FILE_THREAD_STATUS, tid, text, sizeof(text), NULL))
		return false;
	line = strstr(text, "\nNSpid:");
	if (!line)
		return false;
	end = strchrnul(line + 1, '\n');
	last = memrchr(line, '\t', (size_t)(end - line));
	return last && strtoul(last + 1, NULL, 10) == own_tid;
}

int thread_by_own_tid(const struct process *proc, uint32_t own_tid, uint32_t *tid)
{
	struct dirent *entry;
	DIR *dir;
	int err = proc_dir_open(proc->dirfd, "task", &dir);

	if (err)
		return err;
	err = -ENOENT;
	for (int i = 0; err == -ENOENT && (entry = readdir(dir)); i++) {
		if (i == THREADS_MAX) {
			err = -E2BIG;
			break;
		}
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		*tid = (uint32_t)strtoul(entry->d_name, NULL, 10);
		if (has_own_tid(proc, *tid, own_tid))
			err = 0;
	}
	closedir(dir);
	return err;
}

int mutex_owner(const struct process *proc, uint64_t address, bool shared, uint32_t *own_tid)
{
	struct glibc_mutex mutex;
	int err = process_read_memory(proc, address, &mutex, sizeof(mutex));

	if (err)
		return err;
	if (mutex.lock != GLIBC_CONTENDED || !mutex.owner || mutex.owner > TID_MAX ||
	    !mutex.users || mutex.users > USERS_MAX ||
	    (mutex.kind & ~(KIND_TYPE | KIND_SHARED | KIND_ELISION)) ||
	    !!(mutex.kind & KIND_SHARED) != shared ||
	    ((mutex.kind & KIND_TYPE) == KIND_RECURSIVE && !mutex.count))
		return -ENOENT;
	*own_tid = mutex.owner;
	return 0;
}

int futex_owner(const struct process *proc, uint64_t address, uint32_t *own_tid)
{
	uint32_t word;
	int err = process_read_memory(proc, address, &word, sizeof(word));

	if (err)
		return err;
	if (!(word & FUTEX_WAITERS) || (word & FUTEX_OWNER_DIED) || !(word & FUTEX_TID_MASK))
		return -ENOENT;
	*own_tid = word & FUTEX_TID_MASK;
	return 0;
}
