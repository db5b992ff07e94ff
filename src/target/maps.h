/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHESHIRE_TARGET_MAPS_H
#define CHESHIRE_TARGET_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct process;

#define OBJECT_BUILD_ID_MAX 32
#define OBJECT_NONE	    UINT32_MAX

/* One executable mapping of an object's file. */
struct segment {
	uint64_t start;	 /* address in the target, first byte */
	uint64_t end;	 /* address after the last byte */
	uint64_t offset; /* file offset of start, bytes */
};

/* A file of which the target maps code: one per (device, inode). */
struct object {
	uint32_t index; /* in the table; never reused, also after the object has gone */
	uint32_t dev_major, dev_minor;
	uint64_t inode;
	char *path;	      /* as /proc/PID/maps shows it, unescaped, without " (deleted)": for
			       * display only, escape before printing, never open it */
	const char *basename; /* points into path */
	bool deleted;	      /* its name is gone from the file system, or was replaced */
	bool gone;	      /* not mapped any more: kept so that indexes stay valid */
	struct segment *segments; /* ascending by start */
	size_t n_segments;
	int fd;				       /* owned; -1 until object_open */
	uint8_t build_id[OBJECT_BUILD_ID_MAX]; /* filled by object_open */
	size_t build_id_len;		       /* 0: none */
};

struct object_table {
	struct object **objects; /* pointers stay valid until object_table_free */
	size_t n_objects;
	size_t n_skipped; /* lines not understood or over the ceilings: say so when not 0 */
};

/* What a refresh found, as object indexes; owned by the caller, free with object_diff_free. */
struct object_diff {
	uint32_t *added;
	size_t n_added;
	uint32_t *removed;
	size_t n_removed;
};

/*
 * Reads /proc/PID/maps into a fresh table. -ESRCH: the target is gone; -ENOMEM. Objects are not
 * opened yet.
 */
int object_table_read(struct object_table *table, const struct process *proc);

/* The same of such a text, which is written to. */
int object_table_parse(struct object_table *table, char *text);

/* One mapping of a file, executable or not. */
struct file_mapping {
	uint64_t start, end, offset; /* addresses in the target; bytes of the file */
	uint64_t inode;
	uint32_t dev_major, dev_minor;
	const char *raw_path; /* as the line has it: newlines as \012, maybe " (deleted)" */
};

typedef void (*maps_file_fn)(void *ctx, const struct file_mapping *mapping);

/* Reads /proc/PID/maps and hands out every mapping of a named file.  0 or a negative errno. */
int maps_each_file(const struct process *proc, maps_file_fn fn, void *ctx);

/*
 * Reads the maps again. Objects that vanished are marked gone and keep their index; an object that
 * was gone and is mapped again gets a new one. Segments of the others are brought up to date.
 * diff may be NULL. On error the table is as it was.
 */
int object_table_refresh(struct object_table *table, const struct process *proc,
			 struct object_diff *diff);

/* The same of the text of such maps, which is written to. */
int object_table_update(struct object_table *table, char *text, struct object_diff *diff);

void object_diff_free(struct object_diff *diff);

/* Frees everything, closes the descriptors. Safe on a zeroed or freed table. */
void object_table_free(struct object_table *table);

/*
 * Opens the object's file, once, read-only: through /proc/PID/map_files, else /proc/PID/exe or
 * /proc/PID/root with the inode compared. Only regular files. 0 when open already.
 * -ESTALE: what could be opened is not the mapped file; -EACCES/-EPERM: not permitted.
 */
int object_open(struct object *obj, const struct process *proc);

/*
 * The same without looking into the file: a descriptor of the caller's, or a negative errno.  Not
 * by way of another process.
 */
int object_open_file(const struct object *obj, const struct process *proc);

/* Closes the descriptor; object_open may be called again. */
void object_close(struct object *obj);

/*
 * The path to hand to the kernel's uprobe attach (perf event or uprobe_multi): /proc/self/fd/N of
 * the descriptor held open. The kernel follows that magic link to the very inode, so it works for
 * deleted files and in other mount namespaces. -EBADF: object_open was not called.
 */
int object_attach_path(const struct object *obj, char *buf, size_t size);

/* The object that maps the address, and the file offset there. NULL: none. offset may be NULL. */
struct object *object_table_lookup(const struct object_table *table, uint64_t addr,
				   uint64_t *offset);

/* First address in the target at which that file offset is mapped executable. -ENOENT: nowhere. */
int object_offset_to_addr(const struct object *obj, uint64_t offset, uint64_t *addr);

#endif
