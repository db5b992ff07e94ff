/* SPDX-License-Identifier: GPL-2.0-only */
/* probe_queue.h - probes that are about to be attached together, and the links they become. */
#ifndef CHESHIRE_WATCH_PROBE_QUEUE_H
#define CHESHIRE_WATCH_PROBE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keeper/protocol.h"
#include "kernel/loader.h"

struct keeper;
struct object_table;
struct plan_site;
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
	struct keeper_probe probe;
};

struct probe_queue {
	struct queued_probe *items; /* owned: probe_queue_free */
	size_t n, cap;
};

/* `anywhere`: not at a known instruction, for a uretprobe. */
int probe_queue_add(struct probe_queue *q, const struct plan_site *site, bool anywhere,
		    uint64_t cookie);
void probe_queue_free(struct probe_queue *q);

/*
 * Attaches everything in the queue, one link per object, and puts the links into the list.
 * 0 or a negative errno (logged); then the links made before stay in the list.
 */
int probe_queue_attach(struct probe_queue *q, struct keeper *keeper, uint32_t prog, bool uretprobe,
		       const struct object_table *objects, struct link_list *list);

#endif
