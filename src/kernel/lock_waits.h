/* SPDX-License-Identifier: GPL-2.0-only */
/* lock_waits.h - the threads of the target that sleep for a lock just now. */
#ifndef CHESHIRE_KERNEL_LOCK_WAITS_H
#define CHESHIRE_KERNEL_LOCK_WAITS_H

struct loader;
struct snapshot;

/* Its records are struct wire_lock_wait.  0 or a negative errno; must be freed before the loader.
 */
int lock_waits_open(struct loader *loader, struct snapshot **out);

#endif /* CHESHIRE_KERNEL_LOCK_WAITS_H */
