/* SPDX-License-Identifier: GPL-2.0-only */
/* sink.c - the set of sinks: hands every object to each of them, and waits for all at once. */
#include "sinks/sink.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define SINKS_MAX 8

struct sink_set {
	struct sink *sink[SINKS_MAX];
	size_t n;
	int epoll_fd;
};

struct sink_set *sink_set__new(void)
{
	struct sink_set *set = calloc(1, sizeof(*set));

	if (!set)
		return NULL;
	set->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (set->epoll_fd < 0) {
		int err = errno;

		free(set);
		errno = err;
		return NULL;
	}
	signal(SIGPIPE, SIG_IGN);
	return set;
}

void sink_set__free(struct sink_set *set)
{
	size_t i;

	if (!set)
		return;
	close(set->epoll_fd);
	for (i = 0; i < set->n; i++)
		set->sink[i]->ops->free(set->sink[i]);
	free(set);
}

int sink_set__add(struct sink_set *set, struct sink *sink)
{
	if (!sink)
		return errno ? -errno : -EINVAL;
	if (set->n == SINKS_MAX) {
		sink->ops->free(sink);
		return -ENOSPC;
	}
	sink->watched_fd = -1;
	set->sink[set->n++] = sink;
	return 0;
}

/* Keeps the set's epoll descriptor in step with what each sink waits for. */
static void watch_pending(struct sink_set *set)
{
	struct epoll_event event = {.events = EPOLLOUT};
	struct sink *sink;
	size_t i;
	int fd;

	for (i = 0; i < set->n; i++) {
		sink = set->sink[i];
		fd = sink->ops->wait_fd(sink);
		if (sink->watched_fd >= 0 && sink->watched_fd != fd)
			epoll_ctl(set->epoll_fd, EPOLL_CTL_DEL, sink->watched_fd, NULL);
		sink->watched_fd = -1;
		if (fd < 0)
			continue;
		event.data.fd = fd;
		/*
		 * A syslog connection that was closed has left the epoll set by itself, and the new
		 * one may have the same number: ask the kernel, not our memory.  What cannot be
		 * waited for is tried again at the next tick.
		 */
		if (epoll_ctl(set->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0 || errno == EEXIST)
			sink->watched_fd = fd;
	}
}

#define SINK_SET_EACH(what)                                                                        \
	void sink_set__##what(struct sink_set *set, const struct sink_##what *what)                \
	{                                                                                          \
		size_t i;                                                                          \
                                                                                                   \
		for (i = 0; i < set->n; i++)                                                       \
			if (set->sink[i]->ops->what)                                               \
				set->sink[i]->ops->what(set->sink[i], what);                       \
		watch_pending(set);                                                                \
	}

SINK_SET_EACH(hello)
SINK_SET_EACH(alert)
SINK_SET_EACH(summary)
SINK_SET_EACH(note)
SINK_SET_EACH(leaks)
SINK_SET_EACH(bye)

int sink_set__fd(const struct sink_set *set)
{
	return set->epoll_fd;
}

void sink_set__flush(struct sink_set *set)
{
	size_t i;

	for (i = 0; i < set->n; i++)
		set->sink[i]->ops->flush(set->sink[i]);
	watch_pending(set);
}

static bool all_written(const struct sink_set *set)
{
	struct sink_stats stats;
	size_t i;

	for (i = 0; i < set->n; i++) {
		set->sink[i]->ops->stats(set->sink[i], &stats);
		if (stats.queued_bytes)
			return false;
	}
	return true;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int sink_set__drain(struct sink_set *set, int timeout_ms)
{
	int64_t left, end = now_ms() + timeout_ms;
	struct pollfd pfd = {.fd = set->epoll_fd, .events = POLLIN};

	for (;;) {
		sink_set__flush(set);
		if (all_written(set))
			return 0;
		left = end - now_ms();
		if (left <= 0)
			return -ETIMEDOUT;
		/* Short waits: a syslog daemon that restarts has no descriptor to wait on. */
		poll(&pfd, 1, left < 50 ? (int)left : 50);
	}
}

void sink_set__stats(const struct sink_set *set, struct sink_stats *stats)
{
	struct sink_stats one;
	size_t i;

	*stats = (struct sink_stats){0};
	for (i = 0; i < set->n; i++) {
		set->sink[i]->ops->stats(set->sink[i], &one);
		stats->lines += one.lines;
		stats->dropped += one.dropped;
		stats->dropped_full += one.dropped_full;
		stats->write_errors += one.write_errors;
		stats->queued_bytes += one.queued_bytes;
		stats->dead = stats->dead || one.dead;
		if (one.last_errno)
			stats->last_errno = one.last_errno;
	}
}
