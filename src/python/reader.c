/* SPDX-License-Identifier: GPL-2.0-only */
#include "python/reader.h"

int python_reader_read(const struct python_reader *reader, uint64_t address, void *buf, size_t len)
{
	struct process_memory_part part = {.address = address, .buf = buf, .length = (uint32_t)len};
	int err = reader->read_scatter(reader->ctx, &part, 1);

	return err ? err : part.err;
}
