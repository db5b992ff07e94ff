/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * outq.h - a bounded queue of messages in front of a descriptor that must not block us.
 *
 * The descriptor is somebody else's (stdout shared with a shell, perhaps), so O_NONBLOCK is never
 * set on it: the flag lives in the open file description and would make the other users' writes
 * fail.  Instead, by what it is:
 *   pipe, terminal	the same object is opened again through /proc/self/fd, non-blocking, as a
 *			description of our own
 *   socket		send(MSG_DONTWAIT)
 *   regular file	plain write: a disk does not make us wait for a reader
 *   otherwise, or where it cannot be reopened: poll(2) with no timeout, then at most PIPE_BUF
 *bytes, which a pipe that polls writable takes without blocking
 *
 * A message is written whole or not at all.  Where the device fails in the middle of one (a full
 * disk), the next message starts on a new line, so that a reader loses one line, not two.
 */
#ifndef CHESHIRE_SINKS_OUTQ_H
#define CHESHIRE_SINKS_OUTQ_H

#include <stdbool.h>
#include <stddef.h>

#include "sinks/sink_stats.h"

#define OUTQ_DEFAULT_BYTES (1024 * 1024)

struct outq;

/* The descriptor must stay open until outq__free; SIGPIPE must be ignored.  NULL and errno. */
struct outq *outq__new(int fd, size_t max_bytes);
void outq__free(struct outq *q);
/*
 * Queues a copy of one message (with its newline) and writes what can be written now.  The last
 * quarter of the queue is kept for messages that are `important`.
 */
void outq__put(struct outq *q, const char *text, size_t len, bool important);
/* Counts a message that could not even be made (out of memory, too long). */
void outq__lost(struct outq *q);
void outq__flush(struct outq *q);
/* Descriptor to wait on for writing, -1 when nothing is queued. */
int outq__wait_fd(const struct outq *q);
void outq__stats(const struct outq *q, struct sink_stats *stats);

#endif /* CHESHIRE_SINKS_OUTQ_H */
