/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHESHIRE_KERNEL_UPROBE_LINK_H
#define CHESHIRE_KERNEL_UPROBE_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A set of uprobes with one program, in one file, for one process: one uprobe_multi link where
 * the kernel has them (6.6), else a perf event each.
 */
struct uprobe_link;

/* Value of BPF_TRACE_UPROBE_MULTI, 89ae89f53d20 ("bpf: Add multi uprobe link"), Linux 6.6. */
#define UPROBE_MULTI_ATTACH_TYPE 48

struct uprobe_set {
	const char *path;	 /* as the kernel shall open it */
	int pid;		 /* in our PID namespace */
	const uint64_t *offsets; /* file offsets */
	const uint64_t *cookies;
	size_t n;
	bool uretprobe; /* at the returns of functions that start at offsets; see docs/safety.md */
};

/* True if a uprobe_multi link can be made here, found by making one; false and why otherwise. */
bool uprobe_link_have_multi(void);

/*
 * Attaches all or nothing.  `multi` must be what the program was loaded for.  Returns 0 or a
 * negative errno; on failure *out is NULL and nothing is left attached.
 */
int uprobe_link__attach(int prog_fd, bool multi, const struct uprobe_set *set,
			struct uprobe_link **out);

/* Who has the links as well, under numbers; it lets these go.  It must outlive them. */
struct uprobe_holder {
	void (*release)(void *ctx, const uint64_t *numbers, size_t n);
	void *ctx;
};

/* The parts of a link that another process made. */
struct uprobe_parts {
	const int *fds; /* uprobe_link__fds there */
	size_t fds_n;
	const uint64_t *numbers;
	size_t numbers_n;
	size_t probes_n;
};

/*
 * A link that another process made and has as well.  The descriptors are taken over unless it
 * fails.  When it is freed the holder is asked to release it, and only then it is detached.
 */
int uprobe_link__adopt(const struct uprobe_parts *parts, const struct uprobe_holder *holder,
		       struct uprobe_link **out);
const int *uprobe_link__fds(const struct uprobe_link *link, size_t *n);

/* Detaches; NULL is fine.  About 0.1 s a probe without multi. */
void uprobe_link__free(struct uprobe_link *link);

/*
 * Detaches many at once, which have the same holder or none: the kernel waits for a grace period
 * per link, so links are closed side by side in threads.
 */
void uprobe_link_free_all(struct uprobe_link **links, size_t n);

/* Number of uprobes in it. */
size_t uprobe_link__count(const struct uprobe_link *link);

#endif
