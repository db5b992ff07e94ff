/* SPDX-License-Identifier: GPL-2.0-only */
#include "target/thread_name.h"

#include <string.h>

#include "target/process_access.h"

void thread_name(const struct process *proc, uint32_t tid, char *out, size_t size)
{
	if (process_read_file(proc, PROCESS_FILE_THREAD_COMM, tid, out, size, NULL))
		out[0] = '\0';
	out[strcspn(out, "\n")] = '\0';
}
