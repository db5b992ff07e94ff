/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * uprobe_link.c - attaching uprobes.
 *
 * libbpf 1.1 has no call for uprobe_multi links, and Debian 12's linux/bpf.h no fields for them,
 * so the raw BPF_LINK_CREATE attribute is laid out here as in Linux 6.6 include/uapi/linux/bpf.h.
 */
#include "kernel/uprobe_link.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "kernel/perf_uprobe.h"

/* Each waits for a grace period, so one thread a link of 64 stages. */
#define CLOSERS_MAX 128

/* BPF_F_UPROBE_MULTI_RETURN */
#define UPROBE_MULTI_RETURN 1

struct link_create_multi {
	__u32 prog_fd;
	__u32 target_fd;
	__u32 attach_type;
	__u32 flags;
	__u64 path;
	__u64 offsets;
	__u64 ref_ctr_offsets;
	__u64 cookies;
	__u32 cnt;
	__u32 multi_flags;
	__u32 pid;
	__u32 pad0;
};

struct uprobe_link {
	int *fds; /* owned; one of a multi link, else one for each probe */
	size_t fds_n;
	size_t n; /* probes */
	/* Of another process, which has it as well; release is NULL: nobody has. */
	struct uprobe_holder holder;
	uint64_t *numbers; /* owned */
	size_t numbers_n;
};

/* Without its descriptors. */
static void free_link(struct uprobe_link *link)
{
	if (!link)
		return;
	free(link->numbers);
	free(link->fds);
	free(link);
}

static void close_fds(struct uprobe_link *link)
{
	for (size_t i = 0; i < link->fds_n; i++)
		close(link->fds[i]);
	link->fds_n = 0;
}

static int multi_create(int prog_fd, const struct uprobe_set *set)
{
	struct link_create_multi attr = {
		.prog_fd = prog_fd,
		.attach_type = UPROBE_MULTI_ATTACH_TYPE,
		.path = (uintptr_t)set->path,
		.offsets = (uintptr_t)set->offsets,
		.cookies = (uintptr_t)set->cookies,
		.cnt = set->n,
		.multi_flags = set->uretprobe ? UPROBE_MULTI_RETURN : 0,
		.pid = set->pid,
	};
	long fd = syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));

	return fd < 0 ? -errno : (int)fd;
}

/*
 * A program of two instructions for the attach type; a link at an offset outside the file must
 * then fail with something other than EINVAL for "no such attach type": the kernel checks the
 * path before anything else, so a path that does not exist answers ENOENT.
 */
bool uprobe_link_have_multi(void)
{
	const struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts,
		    .expected_attach_type = (enum bpf_attach_type)UPROBE_MULTI_ATTACH_TYPE);
	const uint64_t zero = 0;
	const struct uprobe_set set = {.path = "/", .offsets = &zero, .cookies = &zero, .n = 1};
	int prog, fd;

	prog = bpf_prog_load(BPF_PROG_TYPE_KPROBE, NULL, "GPL", insns, 2, &opts);
	if (prog < 0)
		return false;
	/* "/" is not a regular file: EBADF from the multi attach, EINVAL without it. */
	fd = multi_create(prog, &set);
	close(prog);
	if (fd >= 0)
		close(fd);
	return fd == -EBADF;
}

static int attach_multi(struct uprobe_link *link, int prog_fd, const struct uprobe_set *set)
{
	int fd = multi_create(prog_fd, set);

	if (fd < 0)
		return fd;
	link->fds[link->fds_n++] = fd;
	return 0;
}

static int attach_perf(struct uprobe_link *link, int prog_fd, const struct uprobe_set *set)
{
	for (size_t i = 0; i < set->n; i++) {
		int fd = perf_uprobe_attach(prog_fd, set, i);

		if (fd < 0)
			return fd;
		link->fds[link->fds_n++] = fd;
	}
	return 0;
}

int uprobe_link__attach(int prog_fd, bool multi, const struct uprobe_set *set,
			struct uprobe_link **out)
{
	struct uprobe_link *link = calloc(1, sizeof(*link));
	int err;

	*out = NULL;
	if (link)
		link->fds = calloc(multi ? 1 : set->n, sizeof(*link->fds));
	if (!link || !link->fds) {
		uprobe_link__free(link);
		return -ENOMEM;
	}
	link->n = set->n;
	err = multi ? attach_multi(link, prog_fd, set) : attach_perf(link, prog_fd, set);
	if (err) {
		uprobe_link__free(link);
		return err;
	}
	*out = link;
	return 0;
}

static void *copy_of(const void *array, size_t n, size_t size)
{
	void *copy = calloc(n + 1, size);

	if (copy && n)
		memcpy(copy, array, n * size);
	return copy;
}

int uprobe_link__adopt(const struct uprobe_parts *parts, const struct uprobe_holder *holder,
		       struct uprobe_link **out)
{
	struct uprobe_link *link = calloc(1, sizeof(*link));

	*out = NULL;
	if (link) {
		link->fds = copy_of(parts->fds, parts->fds_n, sizeof(*link->fds));
		link->numbers = copy_of(parts->numbers, parts->numbers_n, sizeof(*link->numbers));
	}
	if (!link || !link->fds || !link->numbers) {
		free_link(link);
		return -ENOMEM;
	}
	link->fds_n = parts->fds_n;
	link->numbers_n = parts->numbers_n;
	link->n = parts->probes_n;
	link->holder = *holder;
	*out = link;
	return 0;
}

const int *uprobe_link__fds(const struct uprobe_link *link, size_t *n)
{
	*n = link->fds_n;
	return link->fds;
}

void uprobe_link__free(struct uprobe_link *link)
{
	if (link)
		uprobe_link_free_all(&link, 1);
}

struct closing {
	struct uprobe_link **links;
	size_t n;
	size_t next; /* atomic: the next link nobody has taken */
};

static void *close_some(void *ctx)
{
	struct closing *c = ctx;
	size_t i;

	while ((i = __atomic_fetch_add(&c->next, 1, __ATOMIC_RELAXED)) < c->n)
		close_fds(c->links[i]);
	return NULL;
}

/* Where a holder has the links too this is soon done, and nothing is detached. */
static void close_all(struct uprobe_link **links, size_t n)
{
	struct closing c = {.links = links, .n = n};
	pthread_t threads[CLOSERS_MAX];
	size_t started = 0;

	while (started < CLOSERS_MAX && started + 1 < n &&
	       !pthread_create(&threads[started], NULL, close_some, &c))
		started++;
	close_some(&c);
	for (size_t i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
}

static void release_one(const struct uprobe_link *link)
{
	if (link->numbers_n)
		link->holder.release(link->holder.ctx, link->numbers, link->numbers_n);
}

/* In one go, so that the holder can detach them side by side. */
static void release_all(struct uprobe_link **links, size_t n)
{
	size_t all_n = 0, used = 0;
	uint64_t *all;

	for (size_t i = 0; i < n; i++)
		all_n += links[i]->numbers_n;
	if (!all_n)
		return;
	all = calloc(all_n, sizeof(*all));
	for (size_t i = 0; i < n; i++) {
		if (!all) {
			release_one(links[i]);
			continue;
		}
		memcpy(all + used, links[i]->numbers, links[i]->numbers_n * sizeof(*all));
		used += links[i]->numbers_n;
	}
	if (all)
		links[0]->holder.release(links[0]->holder.ctx, all, all_n);
	free(all);
}

void uprobe_link_free_all(struct uprobe_link **links, size_t n)
{
	close_all(links, n);
	release_all(links, n);
	for (size_t i = 0; i < n; i++)
		free_link(links[i]);
}

size_t uprobe_link__count(const struct uprobe_link *link)
{
	return link ? link->n : 0;
}
