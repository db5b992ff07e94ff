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

void __attribute__((format(printf, 2, 3)))
attachment_explain(struct attached_stage *stage, const char *fmt, ...);
/* What a failure to attach means. */
const char *attachment_failure(int err);

/* Tells the programs of function i; before any probe of it is attached. */
int attachment_describe(struct attachment *a, size_t i);
/* Attaches the entries, or the exits, of those of the stage's functions that have none yet. */
int attachment_entries(struct attachment *a, size_t stage, struct link_list *list);
int attachment_exits(struct attachment *a, size_t stage, struct link_list *list);
/* Takes everything of the stage off; ATTACH_REFUSED. */
void attachment_refuse(struct attachment *a, size_t stage);
/* The learnt return sites of the stage are not probed any more; they may be learnt again. */
void attachment_forget_sites(struct attachment *a, size_t stage);
/* LOADER_ENTER or LOADER_EXIT, or what stands for it: statements have programs of their own. */
enum loader_prog attachment_program(const struct attachment *a, size_t stage,
				    enum loader_prog prog);

/* The probes that no stage asks for: the dynamic loader's hook, and where exceptions are caught. */
void attachment_extend_special(struct attachment *a);
/* Those that were taken off and have waited long enough, again; how many kinds. */
size_t attachment_retry_special(struct attachment *a, uint64_t now_ns);

#endif
