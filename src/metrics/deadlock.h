/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * deadlock.h - which of the waits for locks are for ever?
 *
 * Pure.  Once a second it is given the threads that sleep for a lock just now.  A wait is the same
 * one as long as its thread was not on a CPU: the same lock, the same count of context switches,
 * the same owner.  Of those that last:
 *
 *	a cycle (each waits for a lock that the next one holds; one that holds it itself), and a
 *	lock whose owner has ended, are said after DEADLOCK_SURE_NS: nobody can give the lock back;
 *	any other, after DEADLOCK_HELD_NS: its owner may give it back, but nothing goes on
 *meanwhile, unless the owner waits for something from outside (a leader that polls or accepts while
 *the other threads of its pool queue for the lock is idle, not stuck).
 *
 * A wait whose owner is not known says nothing.  Known limits: a signal that wakes a waiting
 * thread starts its wait anew; a thread that is passed over again and again by the same owner
 * looks as if the owner had never given the lock back.
 */
#ifndef CHESHIRE_METRICS_DEADLOCK_H
#define CHESHIRE_METRICS_DEADLOCK_H

#include <stddef.h>
#include <stdint.h>

#define DEADLOCK_SURE_NS 2000000000ULL
/* Since it was seen first; it began up to a second before. */
#define DEADLOCK_HELD_NS     3500000000ULL
#define DEADLOCK_WAITS_MAX   1024 /* looked at; of further ones nothing is known */
#define DEADLOCK_CHAIN_MAX   64	  /* locks followed from one thread to the next */
#define DEADLOCK_THREADS_MAX 3	  /* named in a sentence */

struct lock_wait {
	uint64_t address;
	uint64_t switches;
	uint32_t tid;
	uint32_t own_tid; /* in the target's PID namespace */
	uint32_t value;
	uint32_t flags; /* enum wire_lock_flags */
};

enum lock_owner_state {
	LOCK_OWNER_UNKNOWN = 0, /* it is no lock that we know, or its owner cannot be told */
	LOCK_OWNER_SLEEPS = 1,
	LOCK_OWNER_RUNS = 2,
	LOCK_OWNER_IDLE = 3, /* waits for what comes from outside */
	LOCK_OWNER_ENDED = 4,
};

struct lock_owner {
	enum lock_owner_state state;
	uint32_t tid;
};

/* Who knows more: whose the lock is (asked for waits that last), and what a thread is called. */
struct deadlock_ops {
	void (*owner)(void *ctx, const struct lock_wait *wait, struct lock_owner *out);
	void (*name)(void *ctx, uint32_t tid, char *out, size_t size);
};

struct deadlock;

/* NULL and errno on failure. */
struct deadlock *deadlock__new(void);
void deadlock__free(struct deadlock *deadlock);

/* The waits of this moment, in any order; a thread is in it once.  The array is sorted. */
void deadlock__feed(struct deadlock *deadlock, struct lock_wait *waits, size_t n,
		    const struct deadlock_ops *ops, void *ctx, uint64_t now_ns);
/* When a wait that lasts now has lasted too long; UINT64_MAX: none. */
uint64_t deadlock__due_ns(const struct deadlock *deadlock);
/* A sentence of who is stuck, valid until the next feed; NULL: nobody.  Names are as they are. */
const char *deadlock__why(const struct deadlock *deadlock);

#endif /* CHESHIRE_METRICS_DEADLOCK_H */
