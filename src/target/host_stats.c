/* SPDX-License-Identifier: GPL-2.0-only */
#include "target/host_stats.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "target/proc_file.h"

/* The line of all CPUs is the first; the rest of the file is long on a large host. */
#define FIRST_LINE_BYTES 512

int host_read_cpu(struct host_cpu *cpu)
{
	unsigned long long user, nice, system, idle, iowait, irq, softirq, steal;
	long ticks_per_s = sysconf(_SC_CLK_TCK);
	char buf[FIRST_LINE_BYTES];
	uint64_t tick_ns;
	int err;

	memset(cpu, 0, sizeof(*cpu));
	err = proc_file_read(-1, "/proc/stat", buf, sizeof(buf), NULL);
	if (err)
		return err;
	if (ticks_per_s <= 0 || sscanf(buf, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &user,
				       &nice, &system, &idle, &iowait, &irq, &softirq, &steal) != 8)
		return -EPROTO;
	tick_ns = 1000000000u / (uint64_t)ticks_per_s;
	cpu->busy_ns = (user + nice + system + irq + softirq) * tick_ns;
	cpu->stolen_ns = steal * tick_ns;
	cpu->total_ns = cpu->busy_ns + cpu->stolen_ns + (idle + iowait) * tick_ns;
	return 0;
}
