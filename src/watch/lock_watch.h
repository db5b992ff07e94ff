/* SPDX-License-Identifier: GPL-2.0-only */
/* lock_watch.h - looks for threads of the target that wait for a lock in vain. */
#ifndef CHESHIRE_WATCH_LOCK_WATCH_H
#define CHESHIRE_WATCH_LOCK_WATCH_H

#include <stdbool.h>
#include <stdint.h>

struct loader;
struct lock_watch;
struct metrics;
struct process;

/* `proc` is borrowed; free it before the loader.  NULL and errno on failure. */
struct lock_watch *lock_watch__new(struct loader *loader, const struct process *proc);
void lock_watch__free(struct lock_watch *locks);

/* Looks once and tells the metrics; NULL is allowed and tells nothing. */
void lock_watch__look(struct lock_watch *locks, struct metrics *metrics, uint64_t now_ns);
/* A wait that lasts has lasted too long by now. */
bool lock_watch__due(const struct lock_watch *locks, uint64_t now_ns);

#endif /* CHESHIRE_WATCH_LOCK_WATCH_H */
