/* SPDX-License-Identifier: GPL-2.0-only */
#include "leaks/target_memory.h"

#include <errno.h>

int target_memory_read_all(const struct target_memory *memory, struct memory_read *reads, size_t n)
{
	size_t from = 0;

	while (from < n) {
		size_t bytes = 0, to = from;
		int err;

		while (to < n && to - from < MEMORY_READS_MAX &&
		       (to == from || bytes + reads[to].bytes <= MEMORY_READ_BYTES))
			bytes += reads[to++].bytes;
		err = memory->read(memory->ctx, reads + from, to - from);
		if (err)
			return err;
		from = to;
	}
	return 0;
}

int target_memory_read(const struct target_memory *memory, uint64_t addr, void *buf, size_t bytes)
{
	struct memory_read read = {.addr = addr, .buf = buf, .bytes = (uint32_t)bytes};
	int err;

	if (bytes > MEMORY_READ_BYTES)
		return -EFAULT;
	err = memory->read(memory->ctx, &read, 1);
	if (err)
		return err;
	return read.ok ? 0 : -EFAULT;
}
