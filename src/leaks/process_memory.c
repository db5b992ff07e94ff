/* SPDX-License-Identifier: GPL-2.0-only */
#include "leaks/process_memory.h"

#include <stdbool.h>
#include <stdint.h>

#include "target/process.h"
#include "target/process_access.h"

/* Addresses come from the target's memory: no address space reaches as far as some of them. */
static bool is_address(const struct memory_read *read)
{
	return read->bytes && read->addr <= (uint64_t)INT64_MAX - read->bytes;
}

/* What cannot be an address is not asked for: a request with it would be refused as a whole. */
static int read_parts(void *ctx, struct memory_read *reads, size_t n)
{
	const struct process *proc = ctx;
	struct process_memory_part parts[MEMORY_READS_MAX];
	uint16_t of[MEMORY_READS_MAX];
	size_t asked = 0;
	int err;

	for (size_t i = 0; i < n; i++) {
		reads[i].ok = false;
		if (!is_address(&reads[i]))
			continue;
		of[asked] = (uint16_t)i;
		parts[asked++] = (struct process_memory_part){
			.address = reads[i].addr, .buf = reads[i].buf, .length = reads[i].bytes};
	}
	err = asked ? process_read_scatter(proc, parts, asked) : 0;
	for (size_t i = 0; !err && i < asked; i++)
		reads[of[i]].ok = !parts[i].err;
	return err;
}

struct target_memory process_memory(const struct process *proc)
{
	return (struct target_memory){.ctx = (void *)(uintptr_t)proc, .read = read_parts};
}
