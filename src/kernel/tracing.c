/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tracing.c - the hooks that are there for the whole session, and the iterators.  By hand: the
 * uprobe programs of the skeleton are attached elsewhere.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "kernel/loader_state.h"
#include "log/log.h"

/* The descriptor of the link, without libbpf's own record of it. */
static int take_fd(struct bpf_link *link)
{
	int fd = link ? bpf_link__fd(link) : -errno;

	if (link) {
		bpf_link__disconnect(link);
		bpf_link__destroy(link);
	}
	return fd;
}

static int attach_trace(struct bpf_program *prog)
{
	if (!bpf_program__autoload(prog))
		return -ENOENT;
	return take_fd(bpf_program__attach_trace(prog));
}

/* By the link's information where the kernel takes it: an older one refuses what it cannot read. */
static int attach_iterator(struct bpf_program *prog, uint32_t tgid)
{
	union bpf_iter_link_info info = {.task = {.pid = tgid}};
	LIBBPF_OPTS(bpf_iter_attach_opts, opts, .link_info = &info, .link_info_len = sizeof(info));
	libbpf_print_fn_t print = libbpf_set_print(NULL);
	int fd = take_fd(bpf_program__attach_iter(prog, &opts));

	libbpf_set_print(print);
	return fd < 0 ? take_fd(bpf_program__attach_iter(prog, NULL)) : fd;
}

/* Both or none: half of the traffic would be taken for all of it. */
static void attach_datagrams(struct loader *l)
{
	int *sent = &l->link_fds[LOADER_LINK_SOCKETS_SENT];
	int *received = &l->link_fds[LOADER_LINK_SOCKETS_RECEIVED];

	*sent = attach_trace(l->skel->progs.socket_sent);
	if (*sent == -ENOENT)
		return;
	*received = attach_trace(l->skel->progs.socket_received);
	if (*sent >= 0 && *received >= 0)
		return;
	log_info("the hooks on sends and receives cannot be attached: %s",
		 err_str(*sent < 0 ? *sent : *received));
	loader__drop_link(l, LOADER_LINK_SOCKETS_SENT);
	loader__drop_link(l, LOADER_LINK_SOCKETS_RECEIVED);
}

static uint64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

int loader__attach_tracing(struct loader *l)
{
	struct bpf_program *const needed[LOADER_LINKS_NEEDED] = {
		[LOADER_LINK_SWITCH] = l->skel->progs.sched_switch,
		[LOADER_LINK_EXIT] = l->skel->progs.sched_process_exit,
		[LOADER_LINK_EXEC] = l->skel->progs.sched_process_exec,
		[LOADER_LINK_FORK] = l->skel->progs.sched_process_fork,
	};

	for (size_t i = 0; i < LOADER_LINKS_NEEDED; i++) {
		l->link_fds[i] = attach_trace(needed[i]);
		if (l->link_fds[i] < 0)
			return l->link_fds[i];
	}
	l->skel->bss->sched_since_ns = monotonic_ns();
	l->link_fds[LOADER_LINK_SOCKETS_WALK] =
		attach_iterator(l->skel->progs.sockets_walk, l->tgid);
	l->link_fds[LOADER_LINK_SOCKETS_STATE] = attach_trace(l->skel->progs.sockets_state);
	attach_datagrams(l);
	l->link_fds[LOADER_LINK_DB_WALK] = attach_iterator(l->skel->progs.db_sockets_walk, l->tgid);
	l->link_fds[LOADER_LINK_DB_STATE] = attach_trace(l->skel->progs.db_socket_state);
	l->link_fds[LOADER_LINK_LOCK_WAITS] = attach_iterator(l->skel->progs.lock_waits, l->tgid);
	return 0;
}

int loader__link(const struct loader *l, enum loader_link link)
{
	return l->link_fds[link];
}

void loader__drop_link(struct loader *l, enum loader_link link)
{
	if (l->link_fds[link] >= 0)
		close(l->link_fds[link]);
	l->link_fds[link] = -ENOENT;
}
