/* SPDX-License-Identifier: GPL-2.0-only */
/* attachment_parts.h - what the files of the attachment share among themselves. */
#ifndef CHESHIRE_WATCH_ATTACHMENT_PARTS_H
#define CHESHIRE_WATCH_ATTACHMENT_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "cheshire/wire.h"
#include "watch/attachment.h"
#include "watch/probe_queue.h"

struct plan_site;

/* Describes one site in the probes map and queues it.  0 or a negative errno. */
int attachment_queue_site(struct attachment *a, struct probe_queue *q, const struct plan_site *site,
			  uint16_t bind, enum wire_site kind, bool uretprobe);

/* probe_queue_attach for this target. */
int attachment_attach(struct attachment *a, enum loader_prog prog, struct probe_queue *q,
		      bool uretprobe, struct link_list *list);

/* The probes that no stage asks for: the dynamic loader's hook, and where exceptions are caught. */
void attachment_extend_special(struct attachment *a);

#endif
