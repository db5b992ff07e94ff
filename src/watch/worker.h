/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * worker.h - a thread for what may be slow: the event loop must not wait for a disk.
 *
 * One job at a time, whose `run` is called by the thread, and then `done` by the loop.  Between the
 * two the job is the thread's alone.  The thread is made with the first job, so that it has no more
 * rights than the process has by then.
 */
#ifndef CHESHIRE_WATCH_WORKER_H
#define CHESHIRE_WATCH_WORKER_H

#include <stdbool.h>

struct worker;

struct worker_job {
	void (*run)(struct worker_job *job);
	void (*done)(struct worker_job *job); /* may be NULL */
};

/* NULL and errno. */
struct worker *worker__new(void);
/*
 * Ends the thread; a job that does not end within timeout_ms is left to itself, and so is the
 * memory that it uses.  -ETIMEDOUT then, else 0.
 */
int worker__free(struct worker *worker, int timeout_ms);

/* Readable when a job was run: call worker__reap() then. */
int worker__fd(const struct worker *worker);
void worker__reap(struct worker *worker);

bool worker__busy(const struct worker *worker);
/* -EBUSY: another is under way, or not reaped yet; or another negative errno: nothing is run. */
int worker__start(struct worker *worker, struct worker_job *job);
/* Waits for the job under way and reaps it.  0 or -ETIMEDOUT. */
int worker__wait(struct worker *worker, int timeout_ms);

#endif
