/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/worker.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/*
 * Address space: pages are taken as they are touched.  Mostly few are, but the demangler lays
 * tables on the stack whose sizes a name of the target's files decides: 1.4 MB for the worst of
 * 1,024 bytes, which are as many as it takes.
 */
#define STACK_BYTES (4 << 20)
#define LARGE_BYTES (256 * 1024)

struct worker {
	pthread_t thread;
	bool started;
	int done_fd; /* from the thread */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool ending;
	struct worker_job *next; /* given to the thread, not taken yet; under the lock */
	struct worker_job *job;	 /* the loop's: not reaped yet */
};

struct worker *worker__new(void)
{
	struct worker *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->done_fd < 0) {
		free(w);
		return NULL;
	}
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->changed, NULL);
	return w;
}

/* NULL: the end. */
static struct worker_job *next_job(struct worker *w)
{
	struct worker_job *job;

	pthread_mutex_lock(&w->lock);
	while (!w->next && !w->ending)
		pthread_cond_wait(&w->changed, &w->lock);
	job = w->ending ? NULL : w->next;
	w->next = NULL;
	pthread_mutex_unlock(&w->lock);
	return job;
}

static void *run(void *arg)
{
	const uint64_t one = 1;
	struct worker *w = arg;
	struct worker_job *job;

	while ((job = next_job(w))) {
		job->run(job);
		/* Cannot fail: the counter is far from its limit. */
		if (write(w->done_fd, &one, sizeof(one)) < 0)
			break;
	}
	return NULL;
}

static int start_thread(struct worker *w)
{
	pthread_attr_t attr;
	int err;

	if (w->started)
		return 0;
	/* No heap of its own: what one job has freed serves the loop, and the other way round. */
	(void)mallopt(M_ARENA_MAX, 1);
	/* What is large for a moment is given back then; else the limit grows with the first one.
	 */
	(void)mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
	err = pthread_attr_init(&attr);
	if (err)
		return -err;
	err = pthread_attr_setstacksize(&attr, STACK_BYTES);
	err = err ?: pthread_create(&w->thread, &attr, run, w);
	pthread_attr_destroy(&attr);
	w->started = !err;
	return -err;
}

int worker__fd(const struct worker *w)
{
	return w->done_fd;
}

bool worker__busy(const struct worker *w)
{
	return w->job != NULL;
}

int worker__start(struct worker *w, struct worker_job *job)
{
	int err;

	if (w->job)
		return -EBUSY;
	err = start_thread(w);
	if (err)
		return err;
	w->job = job;
	pthread_mutex_lock(&w->lock);
	w->next = job;
	pthread_cond_signal(&w->changed);
	pthread_mutex_unlock(&w->lock);
	return 0;
}

void worker__reap(struct worker *w)
{
	struct worker_job *job = w->job;
	uint64_t n;

	if (!job || read(w->done_fd, &n, sizeof(n)) != sizeof(n))
		return;
	w->job = NULL;
	if (job->done)
		job->done(job);
}

int worker__wait(struct worker *w, int timeout_ms)
{
	struct pollfd pfd = {.fd = w->done_fd, .events = POLLIN};

	if (!w->job)
		return 0;
	while (poll(&pfd, 1, timeout_ms) < 0)
		if (errno != EINTR)
			return -errno;
	worker__reap(w);
	return w->job ? -ETIMEDOUT : 0;
}

int worker__free(struct worker *w, int timeout_ms)
{
	if (!w)
		return 0;
	if (worker__wait(w, timeout_ms))
		return -ETIMEDOUT;
	if (w->started) {
		pthread_mutex_lock(&w->lock);
		w->ending = true;
		pthread_cond_signal(&w->changed);
		pthread_mutex_unlock(&w->lock);
		pthread_join(w->thread, NULL);
	}
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
	close(w->done_fd);
	free(w);
	return 0;
}
