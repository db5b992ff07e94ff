/* SPDX-License-Identifier: GPL-2.0-only */
#include "kernel/snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

/* The kernel's own buffer of an iterator is 8 pages: a read gives no more at once. */
#define BUFFER_BYTES (32 * 1024)

struct snapshot {
	int link_fd; /* borrowed */
	size_t record_bytes;
	/* Reads may end inside a record: the rest is kept in front. */
	size_t used_bytes;
	char buffer[BUFFER_BYTES];
};

int snapshot__open(int link_fd, size_t record_bytes, struct snapshot **out)
{
	struct snapshot *s;

	*out = NULL;
	if (link_fd < 0)
		return link_fd;
	if (!record_bytes || record_bytes > BUFFER_BYTES)
		return -EINVAL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->record_bytes = record_bytes;
	s->link_fd = link_fd;
	*out = s;
	return 0;
}

static void hand_out(struct snapshot *s, snapshot_record_fn fn, void *ctx)
{
	size_t at = 0;

	for (; s->used_bytes - at >= s->record_bytes; at += s->record_bytes)
		if (fn)
			fn(ctx, s->buffer + at);
	memmove(s->buffer, s->buffer + at, s->used_bytes - at);
	s->used_bytes -= at;
}

int snapshot__run(struct snapshot *s, snapshot_record_fn fn, void *ctx)
{
	int fd = bpf_iter_create(s->link_fd);
	int err = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	s->used_bytes = 0;
	for (;;) {
		n = read(fd, s->buffer + s->used_bytes, sizeof(s->buffer) - s->used_bytes);
		/* EAGAIN: a million objects went by without a record; the next read goes on. */
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			break;
		s->used_bytes += (size_t)n;
		hand_out(s, fn, ctx);
	}
	if (n < 0)
		err = -errno;
	close(fd);
	return err;
}

void snapshot__free(struct snapshot *s)
{
	free(s);
}
