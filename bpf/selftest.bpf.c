/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * selftest.bpf.c - counts the hits of the self-test's probes, by cookie (src/kernel/selftest.c). An
 * object of its own.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 32);
	__type(key, __u32);
	__type(value, __u64);
} selftest_hits SEC(".maps");

SEC("uprobe")
int probe_selftest(struct pt_regs *regs)
{
	__u32 probe = bpf_get_attach_cookie(regs);
	__u64 *hits = bpf_map_lookup_elem(&selftest_hits, &probe);

	if (hits)
		__sync_fetch_and_add(hits, 1);
	return 0;
}

char _license[] SEC("license") = "GPL";
