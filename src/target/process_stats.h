/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHESHIRE_TARGET_PROCESS_STATS_H
#define CHESHIRE_TARGET_PROCESS_STATS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct process;

/*
 * The counters that the kernel keeps anyway, for the 1 Hz tick. All return 0 or negative errno;
 * -ESRCH when the target is gone. None allocates.
 */

/* /proc/PID/status. A field that this kernel does not print is 0 and its has_ flag false. */
struct process_status {
	char state; /* R S D T t Z X */
	uint64_t vm_rss_bytes;
	uint64_t vm_hwm_bytes; /* high-water mark of vm_rss_bytes */
	uint64_t rss_anon_bytes;
	uint64_t rss_file_bytes;
	uint64_t rss_shmem_bytes;
	uint64_t vm_swap_bytes;
	uint64_t vm_lib_bytes; /* executable mappings other than the program itself */
	uint32_t threads;
	int seccomp;	 /* 0 none, 1 strict, 2 filter; -1 not printed */
	pid_t ns_pid;	 /* PID in the target's innermost PID namespace */
	bool has_memory; /* VmRSS was there: false for a zombie */
};

int process_read_status(const struct process *proc, struct process_status *status);

/* Resident anonymous memory by /proc/PID/statm: cheap enough for 10 times a second. */
int process_read_anon(const struct process *proc, uint64_t *bytes);

/* Open descriptors: one stat where the kernel (6.2+) gives the count, else a directory listing. */
int process_count_fds(const struct process *proc, uint32_t *count);

/* CPU time of all threads, dead ones included, nanoseconds since the process started. */
int process_read_cpu_ns(const struct process *proc, uint64_t *cpu_ns);

/*
 * /proc/PID/io: bytes to and from storage, of all threads, dead ones and children that were waited
 * for included.
 */
struct process_io {
	uint64_t read_bytes;
	uint64_t write_bytes;		/* counted when a page is made dirty */
	uint64_t cancelled_write_bytes; /* of files truncated or deleted before they were written */
};

int process_read_io(const struct process *proc, struct process_io *io);

/* CPUs the target may use: the smaller of its affinity and its cgroups' quota. */
struct process_cpus {
	uint32_t available_milli; /* thousandths of a CPU: 2 CPUs are 2000; never 0 */
	uint32_t affinity;	  /* CPUs in the main thread's affinity mask */
	uint32_t quota_milli;	  /* tightest quota on the way up; 0: none */
	bool quota_unknown;	  /* the cgroup could not be read: note says why */
	char note[128];		  /* "" or what could not be read */
};

int process_read_cpus(const struct process *proc, struct process_cpus *cpus);

#endif
