/* SPDX-License-Identifier: GPL-2.0-only */
/* probe_queue.h - probes that are about to be attached together, and the links they become. */
#ifndef CHESHIRE_WATCH_PROBE_QUEUE_H
#define CHESHIRE_WATCH_PROBE_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/loader.h"

struct object_table;
struct process;
struct uprobe_link;

struct link_list {
	struct uprobe_link **links; /* owned */
	size_t n;
	size_t probes_n; /* probed instructions in all of them */
};

/* Detaches all and empties the list. */
void link_list_free(struct link_list *list);

/* Moves all links of one list to another; -ENOMEM: both are as before. */
int link_list_append(struct link_list *to, struct link_list *from);

struct queued_probe {
	uint32_t object; /* index in the object table */
	uint64_t offset; /* in the file */
	uint64_t cookie;
};

struct probe_queue {
	struct queued_probe *items; /* owned: probe_queue_free */
	size_t n, cap;
};

int probe_queue_add(struct probe_queue *q, uint32_t object, uint64_t offset, uint64_t cookie);
void probe_queue_free(struct probe_queue *q);

/*
 * Attaches everything in the queue, one link per object, and puts the links into the list.
 * 0 or a negative errno (logged); then the links made before stay in the list.
 */
int probe_queue_attach(struct probe_queue *q, struct loader *loader, enum loader_prog prog,
		       bool uretprobe, const struct process *proc,
		       const struct object_table *objects, struct link_list *list);

#endif
