/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * server_watch.c - watchpoints on the target's memory.  The session says where; the keeper chooses
 * the threads, keeps the descriptors, and looks that the place is memory of the target's own.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keeper/server.h"
#include "kernel/watchpoint.h"

/* Threads that come while the list is read are made by some that are watched, or found then. */
#define LOOKS_MAX 4

/* Is the line of /proc/PID/maps writable private memory with all these bytes? */
static bool line_holds(const char *line, uint64_t address, uint32_t length)
{
	uint64_t start, end;
	char flags[5];

	return sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", &start, &end, flags) == 3 &&
	       start <= address && address + length <= end && flags[1] == 'w' && flags[3] == 'p';
}

static int check_place(const struct keeper_server *s, uint64_t address, uint32_t length)
{
	char *text, *line;
	bool holds = false;
	size_t len;
	int err = process_read_maps(&s->proc, PROCESS_MAPS_LOOK, &text, &len);

	if (err)
		return err;
	for (line = text; line && !holds; line = strchr(line, '\n')) {
		line += *line == '\n';
		holds = line_holds(line, address, length);
	}
	free(text);
	return holds ? 0 : -EFAULT;
}

/* All threads, until a look at the list finds no new one. */
static int add_threads(struct keeper_server *s, struct watchpoint *w)
{
	pid_t tids[KEEPER_THREADS_MAX];
	size_t added = 1;
	int err = 0;

	for (int i = 0; i < LOOKS_MAX && added && !err; i++) {
		ssize_t n = keeper_server_threads(s, tids);

		err = n < 0 ? (int)n : watchpoint__add(w, tids, (size_t)n, &added);
	}
	return err;
}

static int start(struct keeper_server *s, const struct keeper_request *r)
{
	struct watchpoint_spec spec = {.address = r->watch.address,
				       .length = r->watch.length,
				       .kind = r->watch.kind,
				       .prog_fd = -1};
	pid_t tids[KEEPER_THREADS_MAX];
	struct watchpoint *w;
	ssize_t n;
	int err;

	if (r->watch.python) {
		spec.prog_fd = s->loader ? loader__program(s->loader, LOADER_PYTHON_WATCH) : -1;
		if (spec.prog_fd < 0)
			return -EINVAL;
	}
	n = keeper_server_threads(s, tids);
	if (n < 0)
		return (int)n;
	w = watchpoint__open(&spec, tids, (size_t)n);
	if (!w)
		return -errno;
	s->watches[r->watch.slot] = w;
	s->watch_counts[r->watch.slot] = !r->watch.python;
	err = add_threads(s, w);
	if (err)
		keeper_server_stop_watch(s, r->watch.slot);
	return err;
}

void keeper_server_stop_watch(struct keeper_server *s, uint32_t slot)
{
	watchpoint__free(s->watches[slot]);
	s->watches[slot] = NULL;
}

int keeper_server_watch(struct keeper_server *s, const struct keeper_request *r,
			struct keeper_watched *out)
{
	int err;

	*out = (struct keeper_watched){};
	if (!r->watch.length) {
		keeper_server_stop_watch(s, r->watch.slot);
		return 0;
	}
	if (s->watches[r->watch.slot])
		return -EBUSY;
	if (!s->opts->objects && !s->opts->leaks)
		return -EPERM;
	err = process_check(&s->proc);
	err = err ?: check_place(s, r->watch.address, r->watch.length);
	err = err ?: start(s, r);
	if (err)
		return err;
	if (!s->watch_cost_ns)
		s->watch_cost_ns = watchpoint_cost_ns();
	if (!s->watch_copy_percent)
		s->watch_copy_percent = watchpoint_copy_percent();
	out->cost_ns = s->watch_cost_ns;
	out->copy_percent = s->watch_copy_percent;
	out->threads = (uint32_t)watchpoint__threads(s->watches[r->watch.slot]);
	return 0;
}

int keeper_server_watched(struct keeper_server *s, uint32_t slot, struct keeper_watched *out)
{
	struct watchpoint *w = s->watches[slot];
	int err = 0;

	*out = (struct keeper_watched){};
	if (!w)
		return -ENOENT;
	if (s->watch_counts[slot])
		err = add_threads(s, w);
	out->hits = watchpoint__hits(w);
	out->threads = (uint32_t)watchpoint__threads(w);
	out->cost_ns = s->watch_cost_ns;
	out->copy_percent = s->watch_copy_percent;
	return err;
}
