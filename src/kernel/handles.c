/* SPDX-License-Identifier: GPL-2.0-only */
/* handles.c - what is loaded goes from the process that may load to the one that looks at it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "kernel/loader_state.h"

int loader__export(const struct loader *l, struct loader_handles *out)
{
	struct bpf_map *map;

	memset(out, 0, sizeof(*out));
	bpf_object__for_each_map(map, l->skel->obj)
	{
		int fd = bpf_map__fd(map);

		if (out->maps_n == LOADER_MAPS_MAX)
			return -E2BIG;
		out->maps[out->maps_n++] = fd < 0 ? -1 : fd;
	}
	memcpy(out->links, l->link_fds, sizeof(out->links));
	out->multi = l->multi;
	return 0;
}

void loader_handles_close(struct loader_handles *handles)
{
	for (size_t i = 0; i < handles->maps_n; i++) {
		if (handles->maps[i] >= 0)
			close(handles->maps[i]);
		handles->maps[i] = -1;
	}
	for (size_t i = 0; i < LOADER_LINKS; i++) {
		if (handles->links[i] >= 0)
			close(handles->links[i]);
		handles->links[i] = -EBADF;
	}
}

static int adopt_maps(struct loader *l, const struct loader_handles *handles)
{
	struct bpf_map *map;
	size_t i = 0;

	bpf_object__for_each_map(map, l->skel->obj)
	{
		int err;

		if (i == handles->maps_n)
			return -EPROTO;
		err = handles->maps[i] < 0 ? 0 : bpf_map__reuse_fd(map, handles->maps[i]);
		if (err)
			return err;
		i++;
	}
	return i == handles->maps_n ? 0 : -EPROTO;
}

/* As the skeleton does when it loads: the programs' variables are shared, not a copy of them. */
static int share_bss(struct loader *l)
{
	size_t page = sysconf(_SC_PAGESIZE), size = bpf_map__value_size(l->skel->maps.bss);

	size = (size + page - 1) & ~(page - 1);
	if (mmap(l->skel->bss, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		 bpf_map__fd(l->skel->maps.bss), 0) == MAP_FAILED)
		return -errno;
	return 0;
}

static int adopt(struct loader *l, const struct loader_handles *handles)
{
	int err;

	l->cpus_n = libbpf_num_possible_cpus();
	if (l->cpus_n < 0)
		return l->cpus_n;
	l->skel = cheshire_bpf__open();
	if (!l->skel)
		return -errno;
	err = adopt_maps(l, handles);
	err = err ?: share_bss(l);
	return err ?: loader_share_maps(l);
}

int loader__adopt(const struct loader_opts *opts, struct loader_handles *handles,
		  struct loader **out)
{
	struct loader *l = loader_new(opts);
	int err = -ENOMEM;

	*out = NULL;
	if (l) {
		l->statements = opts->statements;
		l->python = opts->python;
		err = adopt(l, handles);
	}
	if (err) {
		loader__free(l);
		loader_handles_close(handles);
		return err;
	}
	l->multi = handles->multi;
	l->datagrams_wanted = opts->datagrams;
	memcpy(l->link_fds, handles->links, sizeof(l->link_fds));
	for (size_t i = 0; i < LOADER_LINKS; i++)
		handles->links[i] = -EBADF;
	/* The skeleton has descriptors of its own for the maps. */
	loader_handles_close(handles);
	*out = l;
	return 0;
}
