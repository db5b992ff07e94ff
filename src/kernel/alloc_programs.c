/* SPDX-License-Identifier: GPL-2.0-only */
#include "kernel/alloc_programs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "cheshire/wire_alloc.h"

/* Uses types of the header above. */
#include "alloc.skel.h"
#include "kernel/kernel_btf.h"
#include "kernel/libbpf_log.h"
#include "kernel/loader.h"

static int set_attach_type(struct alloc_bpf *skel)
{
	struct bpf_program *const progs[] = {skel->progs.alloc_window, skel->progs.alloc_site};
	int err = 0;

	for (size_t i = 0; i < sizeof(progs) / sizeof(progs[0]) && !err; i++)
		err = bpf_program__set_expected_attach_type(
			progs[i], (enum bpf_attach_type)UPROBE_MULTI_ATTACH_TYPE);
	return err;
}

/* Descriptors of their own: they outlive the skeleton. */
static int keep(int fd, int *out)
{
	*out = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return *out < 0 ? -errno : 0;
}

static int keep_all(struct alloc_programs *p, const struct alloc_bpf *skel)
{
	int err = keep(bpf_program__fd(skel->progs.alloc_window), &p->prog_fds[ALLOC_PROG_WINDOW]);

	err = err ?: keep(bpf_program__fd(skel->progs.alloc_site), &p->prog_fds[ALLOC_PROG_SITE]);
	err = err ?: keep(bpf_map__fd(skel->maps.alloc_records), &p->ring_fd);
	return err ?: keep(bpf_map__fd(skel->maps.bss), &p->control_fd);
}

int alloc_programs_load(struct alloc_programs *p, uint32_t tgid, const char *btf_path, bool multi)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .btf_custom_path = btf_path);
	struct alloc_bpf *skel;
	int err;

	*p = (struct alloc_programs){
		.prog_fds = {-1, -1}, .ring_fd = -1, .control_fd = -1, .multi = multi};
	libbpf_log_set();
	kernel_btf_use(btf_path);
	loader_raise_memlock();
	skel = alloc_bpf__open_opts(&opts);
	if (!skel)
		return -errno;
	skel->rodata->cfg_tgid = tgid;
	err = multi ? set_attach_type(skel) : 0;
	err = err ?: alloc_bpf__load(skel);
	err = err ?: keep_all(p, skel);
	alloc_bpf__destroy(skel);
	if (err)
		alloc_programs_free(p);
	return err;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void alloc_programs_free(struct alloc_programs *p)
{
	for (size_t i = 0; i < ALLOC_PROGS; i++)
		close_fd(&p->prog_fds[i]);
	close_fd(&p->ring_fd);
	close_fd(&p->control_fd);
}

int alloc_programs_attach(const struct alloc_programs *p, enum alloc_prog prog,
			  const struct uprobe_set *set, struct uprobe_link **out)
{
	return uprobe_link__attach(p->prog_fds[prog], p->multi, set, out);
}
