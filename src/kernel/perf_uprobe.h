/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHESHIRE_KERNEL_PERF_UPROBE_H
#define CHESHIRE_KERNEL_PERF_UPROBE_H

#include <stddef.h>

struct uprobe_set;

/*
 * Probe i of the set as a perf event with the program on it.  Returns the descriptor of the link,
 * which holds the event: closing it takes the probe off.  Or a negative errno.
 */
int perf_uprobe_attach(int prog_fd, const struct uprobe_set *set, size_t i);

#endif
