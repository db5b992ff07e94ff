/* SPDX-License-Identifier: GPL-2.0-only */
#include "target/open_files.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "target/maps.h"
#include "target/process.h"
#include "target/process_access.h"

struct walk {
	const struct process *proc;
	open_file_wanted_fn wanted;
	open_file_fn fn;
	void *ctx;
	/* Mappings of a file stand side by side: it is looked at once. */
	struct file_mapping last;
	uint64_t last_size_bytes; /* 0: unknown */
};

static bool same_file(const struct process_file_facts *facts, const struct file_mapping *mapping)
{
	return S_ISREG(facts->mode) && facts->inode == mapping->inode;
}

static uint64_t size_of_mapped(struct walk *walk, const struct file_mapping *mapping)
{
	const struct process_file_ref ref = {.start = mapping->start, .end = mapping->end};
	struct process_file_facts facts;

	if (walk->last.inode != mapping->inode || walk->last.dev_major != mapping->dev_major ||
	    walk->last.dev_minor != mapping->dev_minor) {
		bool seen = !process_read_facts(walk->proc, &ref, &facts) &&
			    same_file(&facts, mapping);

		walk->last = *mapping;
		walk->last_size_bytes = seen ? facts.size_bytes : 0;
	}
	return walk->last_size_bytes ?: mapping->offset + (mapping->end - mapping->start);
}

static void on_mapping(void *ctx, const struct file_mapping *mapping)
{
	struct walk *walk = ctx;
	struct open_file file = {.inode = mapping->inode,
				 .dev_major = mapping->dev_major,
				 .dev_minor = mapping->dev_minor};
	char path[PATH_MAX];

	process_clean_path(mapping->raw_path, path, sizeof(path));
	if (!walk->wanted(walk->ctx, path))
		return;
	file.path = path;
	file.size_bytes = size_of_mapped(walk, mapping);
	walk->fn(walk->ctx, &file);
}

static void on_descriptor(const struct walk *walk, uint32_t fd, const char *raw)
{
	const struct process_file_ref ref = {.fd = fd};
	struct process_file_facts facts;
	struct open_file file;
	char path[PATH_MAX];

	process_clean_path(raw, path, sizeof(path));
	if (!walk->wanted(walk->ctx, path) || process_read_facts(walk->proc, &ref, &facts) ||
	    !S_ISREG(facts.mode))
		return;
	file = (struct open_file){.inode = facts.inode,
				  .dev_major = facts.dev_major,
				  .dev_minor = facts.dev_minor,
				  .size_bytes = facts.size_bytes,
				  .path = path};
	walk->fn(walk->ctx, &file);
}

static int each_descriptor(const struct walk *walk)
{
	char *text, *name;
	size_t len;
	int err = process_read_descriptors(walk->proc, &text, &len);

	if (err)
		return err;
	for (char *p = text; p < text + len; p += strlen(p) + 1) {
		uint32_t fd = (uint32_t)strtoul(p, &name, 10);

		if (*name == ' ')
			on_descriptor(walk, fd, name + 1);
	}
	free(text);
	return 0;
}

int open_files_each(const struct process *proc, open_file_wanted_fn wanted, open_file_fn fn,
		    void *ctx)
{
	struct walk walk = {.proc = proc, .wanted = wanted, .fn = fn, .ctx = ctx};
	int err = maps_each_file(proc, on_mapping, &walk);
	int also = each_descriptor(&walk);

	return err ? err : also;
}
