/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * alloc_programs.h - the programs for windows on the allocator (bpf/alloc.bpf.c), loaded for one
 * target when they are first wanted.  The keeper's side; what they record is read by the session
 * (alloc_windows.h).
 */
#ifndef CHESHIRE_KERNEL_ALLOC_PROGRAMS_H
#define CHESHIRE_KERNEL_ALLOC_PROGRAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/uprobe_link.h"

enum alloc_prog {
	ALLOC_PROG_WINDOW = 0,
	ALLOC_PROG_SITE = 1,
	ALLOC_PROGS = 2,
};

struct alloc_programs {
	int prog_fds[ALLOC_PROGS]; /* owned */
	int ring_fd, control_fd;   /* owned; maps */
	bool multi;		   /* for uprobe_multi links; else perf events */
};

/*
 * tgid: of the target, in the initial PID namespace.  btf_path: as loader_opts.  0, or a negative
 * errno, and then there is nothing to free.
 */
int alloc_programs_load(struct alloc_programs *programs, uint32_t tgid, const char *btf_path,
			bool multi);
void alloc_programs_free(struct alloc_programs *programs);

/* The link is the caller's: uprobe_link__free. */
int alloc_programs_attach(const struct alloc_programs *programs, enum alloc_prog prog,
			  const struct uprobe_set *set, struct uprobe_link **out);

#endif
