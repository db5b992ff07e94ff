/* SPDX-License-Identifier: GPL-2.0-only */
#include "leaks/mappings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAPPINGS_MAX (1u << 20)
/* Zeroed pages behind a file's data (.bss) are anonymous, and begin where the data ends. */
struct parsed {
	struct mapping mapping;
	bool executable;
	const char *name;
};

static bool parse_line(char *line, struct parsed *out)
{
	char perms[5] = "";
	struct mapping *m = &out->mapping;
	int at = 0;

	memset(out, 0, sizeof(*out));
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %*x %" SCNx32 ":%" SCNx32 " %" SCNu64 " %n",
		   &m->start, &m->end, perms, &m->dev_major, &m->dev_minor, &m->inode, &at) < 6 ||
	    m->end <= m->start || strlen(perms) != 4)
		return false;
	out->name = at ? line + at : "";
	m->writable = perms[0] == 'r' && perms[1] == 'w';
	out->executable = perms[2] == 'x';
	if (perms[0] != 'r')
		out->name = NULL;
	else if (perms[3] == 's')
		m->kind = MAPPING_SHARED;
	else if (m->inode)
		m->kind = m->writable ? MAPPING_DATA : MAPPING_CODE;
	else if (!strcmp(out->name, "[heap]"))
		m->kind = MAPPING_HEAP;
	else if (!strncmp(out->name, "[stack", 6))
		m->kind = MAPPING_STACK;
	else
		m->kind = MAPPING_ANON;
	return true;
}

/* To read a device may have effects; the kernel's own pages hold nothing of the target's. */
static bool is_special(const struct parsed *p)
{
	if (!p->name)
		return true;
	if (p->mapping.inode)
		return !strncmp(p->name, "/dev/", 5) && strncmp(p->name, "/dev/shm/", 9) &&
		       strncmp(p->name, "/dev/zero", 9);
	return !strncmp(p->name, "[v", 2) || !strncmp(p->name, "[uprobes]", 9);
}

static int append(struct mappings *mappings, size_t *room, const struct mapping *mapping)
{
	struct mapping *grown;

	if (mappings->n == *room) {
		*room = *room ? *room * 2 : 64;
		grown = realloc(mappings->all, *room * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		mappings->all = grown;
	}
	mappings->all[mappings->n++] = *mapping;
	return 0;
}

/* Zeroed data behind that of a file belongs to it. */
static void join_bss(const struct mappings *mappings, struct mapping *mapping)
{
	const struct mapping *before = mappings->n ? &mappings->all[mappings->n - 1] : NULL;

	if (mapping->kind != MAPPING_ANON || !mapping->writable || !before ||
	    before->end != mapping->start || before->kind != MAPPING_DATA || !before->inode)
		return;
	mapping->kind = MAPPING_DATA;
	mapping->inode = before->inode;
	mapping->dev_major = before->dev_major;
	mapping->dev_minor = before->dev_minor;
}

int mappings_parse(struct mappings *mappings, char *text)
{
	size_t room = 0;
	char *save = NULL;

	memset(mappings, 0, sizeof(*mappings));
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		struct parsed p;

		if (!parse_line(line, &p) || mappings->n == MAPPINGS_MAX ||
		    (mappings->n && p.mapping.start < mappings->all[mappings->n - 1].end)) {
			mappings->partial = true;
			continue;
		}
		if (is_special(&p))
			continue;
		join_bss(mappings, &p.mapping);
		if (append(mappings, &room, &p.mapping) != 0) {
			mappings_free(mappings);
			return -ENOMEM;
		}
	}
	return 0;
}

void mappings_free(struct mappings *mappings)
{
	free(mappings->all);
	memset(mappings, 0, sizeof(*mappings));
}

const struct mapping *mappings_at(const struct mappings *mappings, uint64_t addr)
{
	size_t low = 0, high = mappings->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (addr < mappings->all[mid].start)
			high = mid;
		else if (addr >= mappings->all[mid].end)
			low = mid + 1;
		else
			return &mappings->all[mid];
	}
	return NULL;
}

bool mappings_writable(const struct mappings *mappings, uint64_t addr, uint64_t bytes)
{
	const struct mapping *m = mappings_at(mappings, addr);

	return m && m->writable && bytes <= m->end - addr;
}

uint64_t mappings_writable_bytes(const struct mappings *mappings)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < mappings->n; i++)
		if (mappings->all[i].writable)
			bytes += mappings->all[i].end - mappings->all[i].start;
	return bytes;
}

const char *mapping_kind_name(enum mapping_kind kind)
{
	static const char *const names[MAPPING_KINDS] = {
		[MAPPING_HEAP] = "heap",     [MAPPING_STACK] = "stack",
		[MAPPING_DATA] = "data",     [MAPPING_ANON] = "anonymous memory",
		[MAPPING_SHARED] = "shared", [MAPPING_CODE] = "code",
	};

	return kind < MAPPING_KINDS ? names[kind] : "?";
}
