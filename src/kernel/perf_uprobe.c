/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * perf_uprobe.c - one uprobe as a perf event, for kernels without uprobe_multi.  By hand and not by
 * libbpf, whose link can be taken off by the process that made it only.
 */
#include "kernel/perf_uprobe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "kernel/uprobe_link.h"

#define PMU "/sys/bus/event_source/devices/uprobe/"

/* "9", or "config:0". */
static int read_number(const char *path, unsigned int *number)
{
	FILE *f = fopen(path, "re");
	int n;

	if (!f)
		return -errno;
	n = fscanf(f, "%u", number);
	if (n != 1)
		n = fscanf(f, "config:%u", number);
	fclose(f);
	return n == 1 ? 0 : -EPROTO;
}

static int open_event(const struct uprobe_set *set, size_t i)
{
	struct perf_event_attr attr = {.size = sizeof(attr),
				       .uprobe_path = (uintptr_t)set->path,
				       .probe_offset = set->offsets[i]};
	unsigned int type, bit = 0;
	long fd;
	int err = read_number(PMU "type", &type);

	if (!err && set->uretprobe)
		err = read_number(PMU "format/retprobe", &bit);
	if (err)
		return err;
	attr.type = type;
	if (set->uretprobe)
		attr.config = 1ULL << (bit & 63);
	fd = syscall(SYS_perf_event_open, &attr, set->pid, -1, -1, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : (int)fd;
}

int perf_uprobe_attach(int prog_fd, const struct uprobe_set *set, size_t i)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .perf_event.bpf_cookie = set->cookies[i]);
	int event = open_event(set, i), link, err;

	if (event < 0)
		return event;
	link = bpf_link_create(prog_fd, event, BPF_PERF_EVENT, &opts);
	err = link < 0 ? -errno : 0;
	if (!err && ioctl(event, PERF_EVENT_IOC_ENABLE, 0)) {
		err = -errno;
		close(link);
	}
	close(event);
	return err ? err : link;
}
