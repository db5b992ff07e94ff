/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/lock_watch.h"

#include <errno.h>
#include <stdlib.h>

#include "cheshire/wire.h"
#include "kernel/lock_waits.h"
#include "kernel/snapshot.h"
#include "log/log.h"
#include "metrics/deadlock.h"
#include "metrics/metrics.h"
#include "target/process.h"
#include "target/thread_name.h"
#include "target/thread_wait.h"

/* A lock is looked at once, however many wait for it: each costs some 45 us of system calls. */
#define LOCKS_MAX 64

struct lock_seen {
	uint64_t address;
	struct lock_owner owner;
};

struct lock_watch {
	const struct process *proc;
	struct snapshot *snapshot;
	struct deadlock *deadlock;
	bool said_unreadable;
	size_t n;
	struct lock_wait waits[DEADLOCK_WAITS_MAX];
	size_t seen_n;
	struct lock_seen seen[LOCKS_MAX]; /* in this look */
};

struct lock_watch *lock_watch__new(struct loader *loader, const struct process *proc)
{
	struct lock_watch *l = calloc(1, sizeof(*l));
	int err;

	if (!l)
		return NULL;
	l->proc = proc;
	l->deadlock = deadlock__new();
	err = l->deadlock ? lock_waits_open(loader, &l->snapshot) : -ENOMEM;
	if (!err)
		return l;
	lock_watch__free(l);
	errno = -err;
	return NULL;
}

void lock_watch__free(struct lock_watch *l)
{
	if (!l)
		return;
	snapshot__free(l->snapshot);
	deadlock__free(l->deadlock);
	free(l);
}

static void on_record(void *ctx, const void *record)
{
	const struct wire_lock_wait *wait = record;
	struct lock_watch *l = ctx;

	if (l->n == DEADLOCK_WAITS_MAX)
		return;
	l->waits[l->n++] = (struct lock_wait){.address = wait->address,
					      .switches = wait->switches,
					      .tid = wait->tid,
					      .own_tid = wait->own_tid,
					      .value = wait->value,
					      .flags = wait->flags};
}

/* From the number that the lock knows its owner by to the one that we know it by. */
static int translate(const struct lock_watch *l, const struct lock_wait *wait, uint32_t own_tid,
		     uint32_t *tid)
{
	*tid = own_tid;
	if (wait->own_tid == wait->tid)
		return 0;
	for (size_t i = 0; i < l->n; i++)
		if (l->waits[i].own_tid == own_tid) {
			*tid = l->waits[i].tid;
			return 0;
		}
	return thread_by_own_tid(l->proc, own_tid, tid);
}

static enum lock_owner_state owner_state(const struct lock_watch *l, uint32_t tid)
{
	switch (thread_doing(l->proc, tid)) {
	case THREAD_ENDED:
		break;
	case THREAD_RUNS:
		return LOCK_OWNER_RUNS;
	case THREAD_SLEEPS:
		return LOCK_OWNER_SLEEPS;
	case THREAD_POLLS:
		return LOCK_OWNER_IDLE;
	case THREAD_UNKNOWN:
		return LOCK_OWNER_UNKNOWN;
	}
	return LOCK_OWNER_ENDED;
}

static void look_at_lock(const struct lock_watch *l, const struct lock_wait *wait,
			 struct lock_owner *out)
{
	bool shared = wait->flags & WIRE_LOCK_SHARED;
	bool named = (wait->flags & WIRE_LOCK_PI) || wait->value & 0x80000000U;
	uint32_t own_tid, tid;
	int err;

	*out = (struct lock_owner){LOCK_OWNER_UNKNOWN, 0};
	err = named ? futex_owner(l->proc, wait->address, &own_tid)
		    : mutex_owner(l->proc, wait->address, shared, &own_tid);
	if (err)
		return;
	err = translate(l, wait, own_tid, &tid);
	if (err && err != -ENOENT)
		return;
	out->tid = err ? own_tid : tid;
	out->state = err ? LOCK_OWNER_ENDED : owner_state(l, tid);
	/* A thread of another process, or (named) a word that is no thread's number after all. */
	if (out->state == LOCK_OWNER_ENDED && (shared || named))
		out->state = LOCK_OWNER_UNKNOWN;
}

static void find_owner(void *ctx, const struct lock_wait *wait, struct lock_owner *out)
{
	struct lock_watch *l = ctx;

	for (size_t i = 0; i < l->seen_n; i++)
		if (l->seen[i].address == wait->address) {
			*out = l->seen[i].owner;
			return;
		}
	*out = (struct lock_owner){LOCK_OWNER_UNKNOWN, 0};
	if (l->seen_n == LOCKS_MAX)
		return;
	look_at_lock(l, wait, out);
	l->seen[l->seen_n++] = (struct lock_seen){wait->address, *out};
}

static void name_thread(void *ctx, uint32_t tid, char *out, size_t size)
{
	const struct lock_watch *l = ctx;

	thread_name(l->proc, tid, out, size);
}

void lock_watch__look(struct lock_watch *l, struct metrics *metrics, uint64_t now_ns)
{
	static const struct deadlock_ops ops = {find_owner, name_thread};
	int err;

	if (!l)
		return;
	l->n = 0;
	l->seen_n = 0;
	err = snapshot__run(l->snapshot, on_record, l);
	if (err && !l->said_unreadable)
		log_warn("the target's threads cannot be looked at for deadlocks: %s",
			 err_str(err));
	l->said_unreadable = err != 0;
	if (err)
		return;
	deadlock__feed(l->deadlock, l->waits, l->n, &ops, l, now_ns);
	metrics__feed_stuck(metrics, deadlock__why(l->deadlock), now_ns);
}

bool lock_watch__due(const struct lock_watch *l, uint64_t now_ns)
{
	return l && now_ns > deadlock__due_ns(l->deadlock);
}
