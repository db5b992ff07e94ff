/* SPDX-License-Identifier: GPL-2.0-only */
/* sources.h - what the event loop of a session waits for. */
#ifndef CHESHIRE_WATCH_SOURCES_H
#define CHESHIRE_WATCH_SOURCES_H

enum source {
	SOURCE_TIMER = 1, /* every SOURCES_TIMER_NS */
	SOURCE_SIGNAL = 2,
	SOURCE_TARGET = 3, /* it ended */
	SOURCE_RING = 4,
	SOURCE_SINKS = 5,
	SOURCE_KEEPER = 6,
	SOURCE_WORKER = 7, /* a job is done */
};

#define SOURCES_TIMER_NS 100000000

struct sources {
	int epoll_fd, timer_fd, signal_fd; /* -1: not open */
};

#define SOURCES_NONE                                                                               \
	{                                                                                          \
		-1, -1, -1                                                                         \
	}

/* Opens timer and signals, and waits for these two too; they stay the caller's.  0 or negative
   errno; sources_close() in any case. */
int sources_open(struct sources *sources, int target_fd, int sinks_fd);
/* One more; a negative descriptor is none.  0 or negative errno. */
int sources_add(struct sources *sources, int fd, enum source source);
void sources_close(struct sources *sources);

#endif
