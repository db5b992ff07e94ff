/* SPDX-License-Identifier: GPL-2.0-only */
#include "kernel/snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

/* The kernel's own buffer of an iterator is 8 pages: a read gives no more at once. */
#define BUFFER_BYTES (32 * 1024)

struct snapshot {
	struct bpf_link *link;
	size_t record_bytes;
	/* Reads may end inside a record: the rest is kept in front. */
	size_t used_bytes;
	char buffer[BUFFER_BYTES];
};

/* By the link's information where the kernel takes it: an older one refuses what it cannot read. */
static int attach(struct snapshot *s, struct bpf_program *prog, uint32_t tgid)
{
	union bpf_iter_link_info info = {.task = {.pid = tgid}};
	LIBBPF_OPTS(bpf_iter_attach_opts, opts, .link_info = &info, .link_info_len = sizeof(info));
	libbpf_print_fn_t print = libbpf_set_print(NULL);

	s->link = bpf_program__attach_iter(prog, &opts);
	libbpf_set_print(print);
	if (!s->link)
		s->link = bpf_program__attach_iter(prog, NULL);
	return s->link ? 0 : -errno;
}

int snapshot__open(struct bpf_program *prog, uint32_t tgid, size_t record_bytes,
		   struct snapshot **out)
{
	struct snapshot *s;
	int err;

	*out = NULL;
	if (!record_bytes || record_bytes > BUFFER_BYTES)
		return -EINVAL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->record_bytes = record_bytes;
	err = attach(s, prog, tgid);
	if (err) {
		free(s);
		return err;
	}
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
	int fd = bpf_iter_create(bpf_link__fd(s->link));
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
	if (!s)
		return;
	bpf_link__destroy(s->link);
	free(s);
}
