/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /proc/PID/maps -> objects. The path column is chosen by the target (it may hold spaces, escapes,
 * " (deleted)" or text that looks like another line); the kernel escapes only the newline, so every
 * line is one mapping and the path is whatever follows the inode. Objects are told apart by device
 * and inode, never by path.
 */
#include "target/maps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "target/process.h"
#include "target/process_access.h"

#define OBJECTS_MAX  8192 /* ever seen, gone ones included */
#define SEGMENTS_MAX 1024 /* of one object */

struct maps_line {
	uint64_t start, end, offset, inode;
	uint32_t dev_major, dev_minor;
	bool exec;
	char *path; /* points into the text; "" for anonymous memory */
};

static bool take_number(char **p, int base, char until, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(*p, &end, base);
	if (end == *p || *end != until || errno || **p == '-' || **p == ' ')
		return false;
	*p = end + 1;
	return true;
}

/* "55e1c0-55e1d0 r-xp 00002000 fd:01 1234   /usr/bin/x"; false: not such a line. */
static bool parse_line(char *p, struct maps_line *line)
{
	uint64_t major, minor;
	char *end;

	if (!take_number(&p, 16, '-', &line->start) || !take_number(&p, 16, ' ', &line->end))
		return false;
	if (strlen(p) < 5 || p[4] != ' ' || line->end <= line->start)
		return false;
	line->exec = p[2] == 'x';
	p += 5;
	if (!take_number(&p, 16, ' ', &line->offset) || !take_number(&p, 16, ':', &major) ||
	    !take_number(&p, 16, ' ', &minor))
		return false;
	line->dev_major = (uint32_t)major;
	line->dev_minor = (uint32_t)minor;
	line->inode = strtoull(p, &end, 10);
	if (end == p || line->offset + (line->end - line->start) < line->offset)
		return false;
	while (*end == ' ')
		end++;
	line->path = end;
	return true;
}

/* Undoes the kernel's \012 for newline and cuts " (deleted)". Allocates. */
static char *clean_path(const char *raw, bool *deleted)
{
	static const char mark[] = " (deleted)";
	size_t len = strlen(raw), cut = sizeof(mark) - 1;
	char *path, *out;
	const char *p;

	*deleted = len > cut && strcmp(raw + len - cut, mark) == 0;
	path = strndup(raw, *deleted ? len - cut : len);
	if (!path)
		return NULL;
	for (p = out = path; *p; p++) {
		if (strncmp(p, "\\012", 4) == 0) {
			*out++ = '\n';
			p += 3;
		} else {
			*out++ = *p;
		}
	}
	*out = '\0';
	return path;
}

static void object_free(struct object *obj)
{
	if (!obj) /* moved to another table by merge() */
		return;
	object_close(obj);
	free(obj->segments);
	free(obj->path);
	free(obj);
}

static struct object *object_new(const struct maps_line *line)
{
	struct object *obj = calloc(1, sizeof(*obj));
	const char *slash;

	if (!obj)
		return NULL;
	obj->fd = -1;
	obj->dev_major = line->dev_major;
	obj->dev_minor = line->dev_minor;
	obj->inode = line->inode;
	obj->path = clean_path(line->path, &obj->deleted);
	if (!obj->path) {
		free(obj);
		return NULL;
	}
	slash = strrchr(obj->path, '/');
	obj->basename = slash ? slash + 1 : obj->path;
	return obj;
}

static bool same_file(const struct object *a, uint32_t major, uint32_t minor, uint64_t inode)
{
	return a->inode == inode && a->dev_major == major && a->dev_minor == minor;
}

static struct object *find_live(const struct object_table *table, uint32_t major, uint32_t minor,
				uint64_t inode)
{
	size_t i;

	for (i = 0; i < table->n_objects; i++)
		if (!table->objects[i]->gone && same_file(table->objects[i], major, minor, inode))
			return table->objects[i];
	return NULL;
}

static int append_object(struct object_table *table, struct object *obj)
{
	struct object **bigger;

	if (table->n_objects >= OBJECTS_MAX)
		return -E2BIG;
	bigger = realloc(table->objects, (table->n_objects + 1) * sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	table->objects = bigger;
	obj->index = (uint32_t)table->n_objects;
	table->objects[table->n_objects++] = obj;
	return 0;
}

static int append_segment(struct object *obj, const struct maps_line *line)
{
	struct segment *bigger;

	if (obj->n_segments >= SEGMENTS_MAX)
		return -E2BIG;
	bigger = realloc(obj->segments, (obj->n_segments + 1) * sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	obj->segments = bigger;
	obj->segments[obj->n_segments++] = (struct segment){
		.start = line->start,
		.end = line->end,
		.offset = line->offset,
	};
	return 0;
}

static int add_mapping(struct object_table *table, const struct maps_line *line)
{
	struct object *obj;
	int err;

	obj = find_live(table, line->dev_major, line->dev_minor, line->inode);
	if (!obj) {
		obj = object_new(line);
		if (!obj)
			return -ENOMEM;
		err = append_object(table, obj);
		if (err) {
			object_free(obj);
			return err;
		}
	}
	return append_segment(obj, line);
}

int object_table_parse(struct object_table *table, char *text)
{
	struct maps_line line;
	char *p, *newline;
	int err = 0;

	memset(table, 0, sizeof(*table));
	/* A process that is exiting, and a kernel thread, have no mappings. */
	for (p = text; *p && !err; p = newline + 1) {
		newline = strchr(p, '\n');
		if (!newline)
			break;
		*newline = '\0';
		if (!parse_line(p, &line)) {
			table->n_skipped++;
			continue;
		}
		if (!line.exec || line.inode == 0)
			continue;
		err = add_mapping(table, &line);
		if (err == -E2BIG) {
			table->n_skipped++;
			err = 0;
		}
	}
	if (err)
		object_table_free(table);
	return err;
}

int object_table_read(struct object_table *table, const struct process *proc)
{
	size_t len;
	char *text;
	int err;

	memset(table, 0, sizeof(*table));
	err = process_read_maps(proc, PROCESS_MAPS_FRESH, &text, &len);
	if (err)
		return err;
	err = object_table_parse(table, text);
	free(text);
	return err;
}

int maps_each_file(const struct process *proc, maps_file_fn fn, void *ctx)
{
	char *text, *p, *newline;
	struct maps_line line;
	size_t len;
	int err = process_read_maps(proc, PROCESS_MAPS_LOOK, &text, &len);

	if (err)
		return err;
	for (p = text; (newline = strchr(p, '\n')); p = newline + 1) {
		struct file_mapping mapping;

		*newline = '\0';
		if (!parse_line(p, &line) || line.inode == 0 || line.path[0] != '/')
			continue;
		mapping = (struct file_mapping){.start = line.start,
						.end = line.end,
						.offset = line.offset,
						.inode = line.inode,
						.dev_major = line.dev_major,
						.dev_minor = line.dev_minor,
						.raw_path = line.path};
		fn(ctx, &mapping);
	}
	free(text);
	return 0;
}

void object_table_free(struct object_table *table)
{
	size_t i;

	for (i = 0; i < table->n_objects; i++)
		object_free(table->objects[i]);
	free(table->objects);
	memset(table, 0, sizeof(*table));
}

void object_diff_free(struct object_diff *diff)
{
	free(diff->added);
	free(diff->removed);
	memset(diff, 0, sizeof(*diff));
}

/* Takes the fresh table's view into the old one; everything that can fail is done before. */
static void merge(struct object_table *table, struct object_table *fresh, struct object_diff *diff)
{
	struct object *old, *now;
	size_t i, before = table->n_objects;

	for (i = 0; i < before; i++) {
		old = table->objects[i];
		if (old->gone)
			continue;
		now = find_live(fresh, old->dev_major, old->dev_minor, old->inode);
		if (!now) {
			old->gone = true;
			old->n_segments = 0;
			diff->removed[diff->n_removed++] = old->index;
			continue;
		}
		free(old->segments);
		old->segments = now->segments;
		old->n_segments = now->n_segments;
		old->deleted = now->deleted;
		now->segments = NULL;
		now->n_segments = 0;
		now->gone = true;
	}
	for (i = 0; i < fresh->n_objects; i++) {
		now = fresh->objects[i];
		if (now->gone || table->n_objects >= OBJECTS_MAX)
			continue;
		now->index = (uint32_t)table->n_objects;
		table->objects[table->n_objects++] = now;
		fresh->objects[i] = NULL;
		diff->added[diff->n_added++] = now->index;
	}
	table->n_skipped = fresh->n_skipped;
}

int object_table_update(struct object_table *table, char *text, struct object_diff *diff)
{
	struct object_table fresh;
	struct object_diff local;
	struct object **bigger;
	int err;

	memset(&local, 0, sizeof(local));
	err = object_table_parse(&fresh, text);
	if (err)
		return err;
	local.added = calloc(fresh.n_objects + 1, sizeof(*local.added));
	local.removed = calloc(table->n_objects + 1, sizeof(*local.removed));
	bigger =
		realloc(table->objects, (table->n_objects + fresh.n_objects + 1) * sizeof(*bigger));
	if (bigger)
		table->objects = bigger;
	if (local.added && local.removed && bigger)
		merge(table, &fresh, &local);
	else
		err = -ENOMEM;
	object_table_free(&fresh);
	if (diff && !err)
		*diff = local;
	else
		object_diff_free(&local);
	return err;
}

int object_table_refresh(struct object_table *table, const struct process *proc,
			 struct object_diff *diff)
{
	size_t len;
	char *text;
	int err = process_read_maps(proc, PROCESS_MAPS_REFRESH, &text, &len);

	if (err)
		return err;
	err = object_table_update(table, text, diff);
	free(text);
	return err;
}

struct object *object_table_lookup(const struct object_table *table, uint64_t addr,
				   uint64_t *offset)
{
	size_t i, j;

	for (i = 0; i < table->n_objects; i++) {
		struct object *obj = table->objects[i];

		for (j = 0; j < obj->n_segments; j++) {
			const struct segment *seg = &obj->segments[j];

			if (addr < seg->start || addr >= seg->end)
				continue;
			if (offset)
				*offset = addr - seg->start + seg->offset;
			return obj;
		}
	}
	return NULL;
}

int object_offset_to_addr(const struct object *obj, uint64_t offset, uint64_t *addr)
{
	size_t i;

	for (i = 0; i < obj->n_segments; i++) {
		const struct segment *seg = &obj->segments[i];

		if (offset < seg->offset || offset - seg->offset >= seg->end - seg->start)
			continue;
		*addr = seg->start + (offset - seg->offset);
		return 0;
	}
	return -ENOENT;
}
