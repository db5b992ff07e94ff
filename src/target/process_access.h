/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * process_access.h - what of a process only a privileged one may look at, by way of another one
 * that is: src/keeper.  Without one (process.access is NULL) it is looked at directly.
 */
#ifndef CHESHIRE_TARGET_PROCESS_ACCESS_H
#define CHESHIRE_TARGET_PROCESS_ACCESS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct object;
struct process;

/* Small files below /proc/PID. */
enum process_file {
	PROCESS_FILE_STAT = 0,
	PROCESS_FILE_STATUS = 1,
	PROCESS_FILE_STATM = 2,
	PROCESS_FILE_COMM = 3,
	PROCESS_FILE_CGROUP = 4,
	PROCESS_FILE_IO = 5,
	PROCESS_FILE_EXE = 6, /* where the link leads to */
	/* of a thread */
	PROCESS_FILE_THREAD_STAT = 7,
	PROCESS_FILE_THREAD_STATUS = 8,
	PROCESS_FILE_THREAD_COMM = 9,
	PROCESS_FILE_THREAD_SYSCALL = 10,
	PROCESS_FILES = 11,
};

/* What becomes of the maps that are read; the other side keeps the same table of objects. */
enum process_maps {
	PROCESS_MAPS_LOOK = 0,	  /* nothing */
	PROCESS_MAPS_FRESH = 1,	  /* a new table */
	PROCESS_MAPS_REFRESH = 2, /* the table is brought up to date */
	PROCESS_MAPS_WAYS = 3,
};

/* A file that the target maps (from start to end) or has open as descriptor `fd`. */
struct process_file_ref {
	uint64_t start, end; /* end 0: a descriptor */
	uint32_t fd;
};

struct process_file_facts {
	uint64_t inode, size_bytes;
	uint32_t dev_major, dev_minor;
	uint32_t mode; /* st_mode */
};

enum process_count {
	PROCESS_COUNT_FDS = 0,	  /* process_count_fds */
	PROCESS_COUNT_SQLITE = 1, /* sqlite_files_count */
	PROCESS_COUNTS = 2,
};

/* A piece of the target's memory that is to be read. */
struct process_memory_part {
	uint64_t address;
	void *buf;	 /* the caller's */
	uint32_t length; /* 1 to PROCESS_PART_MAX bytes */
	int32_t err; /* out: 0, or -EFAULT: not mapped, or only in part; then buf is undefined */
};

#define PROCESS_PART_MAX 32768

/* All return 0 or a negative errno; -EPIPE: the other process is gone. */
struct process_access {
	int (*read_file)(void *ctx, enum process_file file, uint32_t tid, char *buf, size_t size,
			 size_t *len);
	int (*read_maps)(void *ctx, enum process_maps how, char **text, size_t *len);
	int (*read_memory)(void *ctx, uint64_t addr, void *buf, size_t len);
	int (*read_scatter)(void *ctx, struct process_memory_part *parts, size_t n);
	int (*open_object)(void *ctx, const struct object *obj, int *fd);
	int (*count)(void *ctx, enum process_count what, uint32_t *count);
	int (*read_descriptors)(void *ctx, char **text, size_t *len);
	int (*read_facts)(void *ctx, const struct process_file_ref *ref,
			  struct process_file_facts *facts);
};

/*
 * Reads such a file into buf, at most size - 1 bytes, terminated; `tid` is for files of threads.
 * *len (may be NULL) is what was read.  -ESRCH: the process, or the thread, is gone.
 */
int process_read_file(const struct process *proc, enum process_file file, uint32_t tid, char *buf,
		      size_t size, size_t *len);

/* /proc/PID/maps, allocated and terminated. */
int process_read_maps(const struct process *proc, enum process_maps how, char **text, size_t *len);

/*
 * Reads all the pieces, each for itself: about as fast as one of their size together.  0, also
 * where some cannot be read; -EPERM: the other process does not read objects of the target for us
 * (what the configuration did not ask for at the start), or the kernel does not; -ESRCH: the target
 * is gone; -EINVAL: a length.
 */
int process_read_scatter(const struct process *proc, struct process_memory_part *parts, size_t n);

/*
 * The descriptors that have a name that begins with '/', of the first few thousand: for each its
 * number, a space, the name as the kernel writes it, and a zero byte.  Allocated; NULL if none.
 */
int process_read_descriptors(const struct process *proc, char **text, size_t *len);

/* A name as the kernel writes it, without " (deleted)" and with its newlines as they are. */
void process_clean_path(const char *raw, char *path, size_t size);

/* -ENOENT: not mapped like that, not open, or it cannot be looked at. */
int process_read_facts(const struct process *proc, const struct process_file_ref *ref,
		       struct process_file_facts *facts);

#endif
