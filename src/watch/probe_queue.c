/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/probe_queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "keeper/keeper.h"
#include "log/log.h"
#include "target/maps.h"
#include "target/plan.h"

void link_list_free(struct link_list *list)
{
	uprobe_link_free_all(list->links, list->n);
	free(list->links);
	memset(list, 0, sizeof(*list));
}

static int link_list_add(struct link_list *list, struct uprobe_link *link)
{
	struct uprobe_link **links = realloc(list->links, (list->n + 1) * sizeof(*links));

	if (!links) {
		uprobe_link__free(link);
		return -ENOMEM;
	}
	list->links = links;
	list->links[list->n++] = link;
	list->probes_n += uprobe_link__count(link);
	return 0;
}

int link_list_append(struct link_list *to, struct link_list *from)
{
	struct uprobe_link **links;

	if (!from->n)
		return 0;
	links = realloc(to->links, (to->n + from->n) * sizeof(*links));
	if (!links)
		return -ENOMEM;
	memcpy(links + to->n, from->links, from->n * sizeof(*links));
	to->links = links;
	to->n += from->n;
	to->probes_n += from->probes_n;
	free(from->links);
	memset(from, 0, sizeof(*from));
	return 0;
}

int probe_queue_add(struct probe_queue *q, const struct plan_site *site, bool anywhere,
		    uint64_t cookie)
{
	struct queued_probe *item;

	if (q->n == q->cap) {
		size_t cap = q->cap ? q->cap * 2 : 32;
		struct queued_probe *items = realloc(q->items, cap * sizeof(*items));

		if (!items)
			return -ENOMEM;
		q->items = items;
		q->cap = cap;
	}
	item = &q->items[q->n++];
	*item = (struct queued_probe){.object = site->object,
				      .probe = {.offset = site->offset, .cookie = cookie}};
	if (!anywhere) {
		memcpy(item->probe.bytes, site->bytes, sizeof(item->probe.bytes));
		item->probe.len = site->len;
	}
	return 0;
}

void probe_queue_free(struct probe_queue *q)
{
	free(q->items);
	memset(q, 0, sizeof(*q));
}

static int by_object(const void *a, const void *b)
{
	const struct queued_probe *x = a, *y = b;

	if (x->object != y->object)
		return x->object < y->object ? -1 : 1;
	return x->probe.offset < y->probe.offset ? -1 : x->probe.offset > y->probe.offset;
}

/* Attaches the n probes of one object with one link. */
static int attach_object(struct keeper *keeper, uint32_t prog, const struct queued_probe *items,
			 size_t n, bool uretprobe, const struct object *obj, struct link_list *list)
{
	struct keeper_probe *probes = calloc(n, sizeof(*probes));
	struct uprobe_link *link = NULL;
	int err = probes ? 0 : -ENOMEM;

	for (size_t i = 0; i < n && !err; i++)
		probes[i] = items[i].probe;
	err = err ?: keeper__attach(keeper, prog, uretprobe, obj, probes, n, &link);
	err = err ?: link_list_add(list, link);
	if (err)
		log_info("failed to attach %zu probes to '%s': %s", n, obj->basename, err_str(err));
	free(probes);
	return err;
}

int probe_queue_attach(struct probe_queue *q, struct keeper *keeper, uint32_t prog, bool uretprobe,
		       const struct object_table *objects, struct link_list *list)
{
	int err = 0;

	if (!q->n)
		return 0;
	qsort(q->items, q->n, sizeof(*q->items), by_object);
	for (size_t i = 0, end; i < q->n && !err; i = end) {
		const struct object *obj = objects->objects[q->items[i].object];

		for (end = i; end < q->n && q->items[end].object == q->items[i].object; end++)
			;
		err = attach_object(keeper, prog, q->items + i, end - i, uretprobe, obj, list);
	}
	return err;
}
