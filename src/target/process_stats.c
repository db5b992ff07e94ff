/* SPDX-License-Identifier: GPL-2.0-only */
#include "target/process_stats.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "target/process.h"
#include "target/process_access.h"

/* "VmRSS:\t    1234 kB" to bytes; the other fields are plain numbers. */
static void status_line(struct process_status *st, char *key, char *value)
{
	struct {
		const char *key;
		uint64_t *bytes;
	} sizes[] = {
		{"VmRSS", &st->vm_rss_bytes},	    {"VmHWM", &st->vm_hwm_bytes},
		{"RssAnon", &st->rss_anon_bytes},   {"RssFile", &st->rss_file_bytes},
		{"RssShmem", &st->rss_shmem_bytes}, {"VmSwap", &st->vm_swap_bytes},
		{"VmLib", &st->vm_lib_bytes},
	};
	char *last;
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		if (strcmp(key, sizes[i].key) != 0)
			continue;
		*sizes[i].bytes = strtoull(value, NULL, 10) * 1024;
		if (i == 0)
			st->has_memory = true;
		return;
	}
	if (strcmp(key, "State") == 0) {
		st->state = *value;
	} else if (strcmp(key, "Threads") == 0) {
		st->threads = (uint32_t)strtoul(value, NULL, 10);
	} else if (strcmp(key, "Seccomp") == 0) {
		st->seccomp = (int)strtol(value, NULL, 10);
	} else if (strcmp(key, "NSpid") == 0) {
		last = strrchr(value, '\t');
		st->ns_pid = (pid_t)strtol(last ? last : value, NULL, 10);
	}
}

int process_read_status(const struct process *proc, struct process_status *status)
{
	char buf[8192], *line, *colon, *save = NULL;
	int err;

	memset(status, 0, sizeof(*status));
	status->state = '?';
	status->seccomp = -1;
	status->ns_pid = proc->pid;
	err = process_read_file(proc, PROCESS_FILE_STATUS, 0, buf, sizeof(buf), NULL);
	if (err)
		return err;
	for (line = strtok_r(buf, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		colon = strchr(line, ':');
		if (!colon)
			continue;
		*colon++ = '\0';
		while (*colon == ' ' || *colon == '\t')
			colon++;
		status_line(status, line, colon);
	}
	return status->state == 'Z' || status->state == 'X' ? -ESRCH : 0;
}

static int count_fds_by_listing(int fd, uint32_t *count)
{
	struct dirent *entry;
	DIR *dir = fdopendir(fd);
	int err;

	if (!dir) {
		err = -errno;
		close(fd);
		return err;
	}
	*count = 0;
	errno = 0;
	while ((entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]))
			(*count)++;
	err = -errno;
	closedir(dir);
	return err;
}

int process_count_fds(const struct process *proc, uint32_t *count)
{
	struct stat st = {};
	int fd;

	*count = 0;
	if (fstatat(proc->dirfd, "fd", &st, 0) < 0 && !proc->access)
		return errno == ENOENT ? -ESRCH : -errno;
	/* 0 before Linux 6.2, and also for a process with no descriptor at all: then listing is
	 * cheap. */
	if (st.st_size > 0) {
		*count = (uint32_t)st.st_size;
		return 0;
	}
	if (proc->access)
		return proc->access->count(proc->access_ctx, PROCESS_COUNT_FDS, count);
	fd = openat(proc->dirfd, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	return count_fds_by_listing(fd, count);
}

int process_read_anon(const struct process *proc, uint64_t *bytes)
{
	unsigned long long resident, shared;
	char buf[256];
	int err;

	*bytes = 0;
	err = process_read_file(proc, PROCESS_FILE_STATM, 0, buf, sizeof(buf), NULL);
	if (err)
		return err;
	/* In pages: size resident shared ...; shared is what files and shmem have of resident. */
	if (sscanf(buf, "%*u %llu %llu", &resident, &shared) != 2)
		return -EPROTO;
	if (resident > shared)
		*bytes = (resident - shared) * (uint64_t)sysconf(_SC_PAGESIZE);
	return 0;
}

int process_read_cpu_ns(const struct process *proc, uint64_t *cpu_ns)
{
	struct timespec ts;
	clockid_t clock;
	int err;

	*cpu_ns = 0;
	err = clock_getcpuclockid(proc->pid, &clock);
	if (err)
		return -err;
	if (clock_gettime(clock, &ts) < 0)
		return errno == EINVAL ? -ESRCH : -errno;
	*cpu_ns = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
	/* The clock is found by PID: the identity is checked afterwards. */
	return process_check(proc);
}

int process_read_io(const struct process *proc, struct process_io *io)
{
	struct {
		const char *key;
		uint64_t *bytes;
	} fields[] = {
		{"\nread_bytes: ", &io->read_bytes},
		{"\nwrite_bytes: ", &io->write_bytes},
		{"\ncancelled_write_bytes: ", &io->cancelled_write_bytes},
	};
	char buf[512];
	int err = process_read_file(proc, PROCESS_FILE_IO, 0, buf, sizeof(buf), NULL);

	memset(io, 0, sizeof(*io));
	for (size_t i = 0; !err && i < sizeof(fields) / sizeof(fields[0]); i++) {
		const char *at = strstr(buf, fields[i].key);

		if (!at)
			return -EPROTO;
		*fields[i].bytes = strtoull(at + strlen(fields[i].key), NULL, 10);
	}
	return err;
}
