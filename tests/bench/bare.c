/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bare.c - the least that a probe can cost: an empty BPF program at each place.
 *
 *   bare PID PATH OFFSET...     "ready" when attached; until stdin ends
 */
#include <errno.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SITES_MAX 64
/* Linux 6.6; not in every uapi header yet. */
#define TRACE_UPROBE_MULTI 48

struct multi {
	uint32_t prog_fd, target_fd, attach_type, flags;
	uint64_t path, offsets, ref_ctr_offsets, cookies;
	uint32_t cnt, multi_flags, pid, pad0;
};

static int load_empty(uint32_t attach_type)
{
	static const struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K},
		{.code = BPF_JMP | BPF_EXIT},
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_KPROBE,
		.insn_cnt = 2,
		.insns = (uintptr_t)insns,
		.license = (uintptr_t) "GPL",
		.expected_attach_type = attach_type,
	};

	return (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

static int attach_multi(pid_t pid, const char *path, const uint64_t *offsets, uint32_t cnt)
{
	struct multi attr = {
		.prog_fd = (uint32_t)load_empty(TRACE_UPROBE_MULTI),
		.attach_type = TRACE_UPROBE_MULTI,
		.path = (uintptr_t)path,
		.offsets = (uintptr_t)offsets,
		.cnt = cnt,
		.pid = (uint32_t)pid,
	};

	return (int)syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
}

static int attach_perf(pid_t pid, const char *path, uint64_t offset)
{
	struct perf_event_attr attr = {.size = sizeof(attr)};
	FILE *type = fopen("/sys/bus/event_source/devices/uprobe/type", "re");
	int prog = load_empty(0), event;

	if (!type || fscanf(type, "%u", &attr.type) != 1 || prog < 0)
		return -1;
	fclose(type);
	attr.uprobe_path = (uintptr_t)path;
	attr.probe_offset = offset;
	event = (int)syscall(SYS_perf_event_open, &attr, pid, -1, -1, 0);
	if (event < 0 || ioctl(event, PERF_EVENT_IOC_SET_BPF, prog))
		return -1;
	return ioctl(event, PERF_EVENT_IOC_ENABLE, 0);
}

int main(int argc, char **argv)
{
	uint64_t offsets[SITES_MAX];
	uint32_t cnt = 0;
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (argc < 4 || argc - 3 > SITES_MAX)
		return 2;
	for (int i = 3; i < argc; i++)
		offsets[cnt++] = strtoull(argv[i], NULL, 0);
	if (attach_multi(atoi(argv[1]), argv[2], offsets, cnt) < 0) {
		for (uint32_t i = 0; i < cnt; i++) {
			if (attach_perf(atoi(argv[1]), argv[2], offsets[i])) {
				fprintf(stderr, "attach: %s\n", strerror(errno));
				return 1;
			}
		}
	}
	puts("ready");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	return 0;
}
