/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/sources.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

int sources_add(struct sources *sources, int fd, enum source source)
{
	/*
	 * Answers of the keeper are read by who has asked, often another thread: of its channel
	 * only the end matters here.
	 */
	struct epoll_event event = {.events = source == SOURCE_KEEPER ? EPOLLRDHUP : EPOLLIN,
				    .data.u32 = source};

	if (fd < 0)
		return 0;
	return epoll_ctl(sources->epoll_fd, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static int open_signals(void)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1};
	sigset_t set;
	int fd;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaddset(&set, numbers[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static int open_timer(void)
{
	const struct itimerspec every = {.it_interval.tv_nsec = SOURCES_TIMER_NS,
					 .it_value.tv_nsec = SOURCES_TIMER_NS};
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd < 0)
		return -errno;
	if (timerfd_settime(fd, 0, &every, NULL)) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

int sources_open(struct sources *sources, int target_fd, int sinks_fd)
{
	int err;

	sources->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (sources->epoll_fd < 0)
		return -errno;
	sources->signal_fd = open_signals();
	if (sources->signal_fd < 0)
		return sources->signal_fd;
	sources->timer_fd = open_timer();
	if (sources->timer_fd < 0)
		return sources->timer_fd;
	err = sources_add(sources, sources->timer_fd, SOURCE_TIMER);
	err = err ?: sources_add(sources, sources->signal_fd, SOURCE_SIGNAL);
	err = err ?: sources_add(sources, target_fd, SOURCE_TARGET);
	return err ?: sources_add(sources, sinks_fd, SOURCE_SINKS);
}

void sources_close(struct sources *sources)
{
	const int fds[] = {sources->epoll_fd, sources->timer_fd, sources->signal_fd};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
}
