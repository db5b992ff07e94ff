/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * snapshot.h - a BPF iterator over the target's threads or descriptors, run whenever user space
 * asks.
 *
 * The program walks in the caller's context, at the caller's cost, and writes records of one size
 * with bpf_seq_write().  Where the kernel can (6.1, f0d74c4da1f0 "bpf: Parameterize task
 * iterators."), it visits the target only; else the program is run for every task of the host and
 * has to look at the tgid itself, which it must do in any case.
 */
#ifndef CHESHIRE_KERNEL_SNAPSHOT_H
#define CHESHIRE_KERNEL_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct snapshot;

/* Called once a record; it is valid during the call only. */
typedef void (*snapshot_record_fn)(void *ctx, const void *record);

/*
 * Of an iterator's link (loader__link), which must outlive the snapshot.  0 or a negative errno;
 * that of the link, where there is none.
 */
int snapshot__open(int link_fd, size_t record_bytes, struct snapshot **out);
/*
 * Runs it once, to its end.  0 or a negative errno: records may have been handed out before it
 * failed.  Takes no capability since Linux 5.19 (before, CAP_BPF where
 * unprivileged BPF is off).
 */
int snapshot__run(struct snapshot *snapshot, snapshot_record_fn fn, void *ctx);
void snapshot__free(struct snapshot *snapshot);

#endif
