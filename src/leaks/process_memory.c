/* SPDX-License-Identifier: GPL-2.0-only */
#include "leaks/process_memory.h"

#include "target/process.h"
#include "target/process_access.h"

static int read_parts(void *ctx, struct memory_read *reads, size_t n)
{
	const struct process *proc = ctx;
	struct process_memory_part parts[MEMORY_READS_MAX];
	int err;

	for (size_t i = 0; i < n; i++)
		parts[i] = (struct process_memory_part){
			.address = reads[i].addr, .buf = reads[i].buf, .length = reads[i].bytes};
	err = process_read_scatter(proc, parts, n);
	for (size_t i = 0; !err && i < n; i++)
		reads[i].ok = !parts[i].err;
	return err;
}

struct target_memory process_memory(const struct process *proc)
{
	return (struct target_memory){.ctx = (void *)(uintptr_t)proc, .read = read_parts};
}
