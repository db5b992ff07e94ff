/* SPDX-License-Identifier: GPL-2.0-only */
#include "sinks/outq.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum outq_how {
	OUTQ_NONBLOCK, /* a description of our own: write */
	OUTQ_SEND,     /* socket */
	OUTQ_FILE,     /* regular file: write */
	OUTQ_POLL,     /* shared description: poll, then a small write */
};

struct message {
	struct message *next;
	size_t len;
	size_t off; /* bytes written already */
	char text[];
};

struct outq {
	int fd;	    /* what is written to */
	int own_fd; /* the same where we opened it, else -1 */
	enum outq_how how;
	struct message *head;
	struct message **tail;
	size_t max_bytes;
	bool torn; /* the last message was cut short: begin with a newline */
	struct sink_stats stats;
};

static int reopen_nonblocking(int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

struct outq *outq__new(int fd, size_t max_bytes)
{
	struct outq *q;
	struct stat st;

	if (fstat(fd, &st))
		return NULL;
	q = calloc(1, sizeof(*q));
	if (!q)
		return NULL;
	q->fd = fd;
	q->own_fd = -1;
	q->tail = &q->head;
	q->max_bytes = max_bytes;
	q->how = OUTQ_POLL;
	if (S_ISREG(st.st_mode)) {
		q->how = OUTQ_FILE;
	} else if (S_ISSOCK(st.st_mode)) {
		q->how = OUTQ_SEND;
	} else if (S_ISFIFO(st.st_mode) || isatty(fd)) {
		q->own_fd = reopen_nonblocking(fd);
		if (q->own_fd >= 0) {
			q->fd = q->own_fd;
			q->how = OUTQ_NONBLOCK;
		}
	}
	return q;
}

static void pop(struct outq *q)
{
	struct message *m = q->head;

	q->head = m->next;
	if (!q->head)
		q->tail = &q->head;
	q->stats.queued_bytes -= m->len;
	free(m);
}

void outq__free(struct outq *q)
{
	if (!q)
		return;
	while (q->head)
		pop(q);
	if (q->own_fd >= 0)
		close(q->own_fd);
	free(q);
}

/* One attempt; bytes written, or negative errno (-EAGAIN: would block). */
static ssize_t try_write(struct outq *q, const char *text, size_t len)
{
	struct pollfd pfd = {.fd = q->fd, .events = POLLOUT};
	ssize_t n;

	if (q->how == OUTQ_POLL) {
		n = poll(&pfd, 1, 0);
		if (n < 0)
			return -errno;
		if (n == 0 || !(pfd.revents & (POLLOUT | POLLERR | POLLHUP | POLLNVAL)))
			return -EAGAIN;
		if (len > PIPE_BUF)
			len = PIPE_BUF;
	}
	n = q->how == OUTQ_SEND ? send(q->fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL)
				: write(q->fd, text, len);
	return n < 0 ? -errno : n;
}

/* Undelivered: the message at the head, after a failed system call. */
static void drop_head(struct outq *q)
{
	/* The reader has the first part of it: the next message must not continue that line. */
	if (q->head->off)
		q->torn = true;
	q->stats.dropped++;
	pop(q);
}

static void fail(struct outq *q, int err)
{
	q->stats.write_errors++;
	q->stats.last_errno = err;
	/* The reader is gone and will not come back. */
	if (err == EPIPE || err == ECONNRESET || err == ENOTCONN || err == EBADF) {
		q->stats.dead = true;
		while (q->head)
			drop_head(q);
		return;
	}
	drop_head(q);
}

/* Ends a line that a failing device left unfinished.  0, or negative errno. */
static int mend(struct outq *q)
{
	ssize_t n;

	if (!q->torn)
		return 0;
	n = try_write(q, "\n", 1);
	if (n < 0)
		return (int)n;
	q->torn = n == 0;
	return n ? 0 : -EAGAIN;
}

void outq__flush(struct outq *q)
{
	struct message *m;
	ssize_t n;

	while (q->head && !q->stats.dead) {
		m = q->head;
		n = mend(q);
		if (n == 0)
			n = try_write(q, m->text + m->off, m->len - m->off);
		if (n == -EINTR)
			continue;
		if (n == -EAGAIN || n == 0)
			return;
		if (q->how == OUTQ_FILE && (n == -ENOSPC || n == -EDQUOT)) {
			/* There may be room again: tried at the tick, as for a slow reader. */
			q->stats.write_errors++;
			q->stats.last_errno = (int)-n;
			return;
		}
		if (n < 0) {
			/* One message is lost to the error; the rest is tried at the next call. */
			fail(q, (int)-n);
			return;
		}
		m->off += (size_t)n;
		if (m->off == m->len)
			pop(q);
	}
}

void outq__lost(struct outq *q)
{
	q->stats.dropped++;
}

void outq__put(struct outq *q, const char *text, size_t len, bool important)
{
	size_t max = important ? q->max_bytes : q->max_bytes / 4 * 3;
	struct message *m;

	if (q->stats.dead) {
		q->stats.dropped++;
		return;
	}
	/* What is queued goes first; it may make room. */
	outq__flush(q);
	if (q->stats.queued_bytes + len > max) {
		q->stats.dropped++;
		q->stats.dropped_full++;
		return;
	}
	m = malloc(sizeof(*m) + len);
	if (!m) {
		q->stats.dropped++;
		return;
	}
	m->next = NULL;
	m->len = len;
	m->off = 0;
	memcpy(m->text, text, len);
	*q->tail = m;
	q->tail = &m->next;
	q->stats.queued_bytes += len;
	q->stats.lines++;
	outq__flush(q);
}

int outq__wait_fd(const struct outq *q)
{
	/* A regular file cannot be waited for; the tick tries again. */
	return q->head && !q->stats.dead && q->how != OUTQ_FILE ? q->fd : -1;
}

void outq__stats(const struct outq *q, struct sink_stats *stats)
{
	*stats = q->stats;
}
