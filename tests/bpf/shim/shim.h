/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * shim.h - the kernel that natively compiled BPF code runs in, as tests set it up.
 *
 * Stricter than the kernel where that finds errors: a deleted or replaced map value, a submitted
 * record and the state of an ended thread are poisoned for the address sanitizer; every map value
 * and record is an allocation of its own.  What cannot happen in a correct program aborts.
 */
#ifndef CHESHIRE_SHIM_H
#define CHESHIRE_SHIM_H

#include <vmlinux.h>
#include <bpf/bpf_helpers.h>

#include "cheshire/wire.h"

#define SHIM_CPUS     4
#define SHIM_FDS      8
#define SHIM_VMAS     8
#define SHIM_REGIONS  16
#define SHIM_STORAGES 2

/* A thread, with all that the programs reach from its task. */
struct shim_task {
	struct task_struct task;
	struct mm_struct mm;
	struct signal_struct signal;
	struct files_struct files;
	struct fdtable fdt;
	struct file *fds[SHIM_FDS];
	struct file file[SHIM_FDS];
	struct inode inode[SHIM_FDS];
	struct pt_regs user; /* as saved when it entered the kernel */
	__u64 on_ns;	     /* on a CPU since; for the scheduler's own account of it */
	bool off;	     /* it left it; one that never did has been there for ever */
	struct shim_storage {
		const void *map;
		void *value;
	} storage[SHIM_STORAGES]; /* values of the task storage maps, NULL: none */
};

enum shim_point {
	SHIM_AFTER_KTIME, /* a program has just read the clock */
	SHIM_BEFORE_CAS,  /* a program is about to compare and swap; `word` is the address */
};

struct shim {
	__u64 now_ns;
	__u64 cookie;
	__u32 cpu;
	__u32 random; /* what the kernel draws */
	struct shim_task *current;
	struct rq rq[SHIM_CPUS];
	struct cfs_rq cfs_rq[SHIM_CPUS]; /* of the run queues */
	/* What fails. */
	int no_task_storage;
	int no_find_vma; /* a kernel before 5.17 */
	long find_vma_error;
	__u32 ring_bytes; /* capacity of the ring buffer */
	/* Called at the given points, but not from within itself; cpu and current are restored. */
	void (*hook)(enum shim_point point, void *word);
};

extern struct shim shim;

/* Stands in for the struct seq_file of an iterator. */
struct shim_seq {
	__u32 bytes;
	char data[4096] __attribute__((aligned(8)));
};

struct shim_record {
	void *data; /* the record */
	__u32 bytes;
	__u64 flags; /* BPF_RB_... */
};

/* Forgets everything: maps, records, memory; all settings to their defaults. */
void shim_reset(void);
/* A new thread; owned by the shim until shim_reset(). */
struct shim_task *shim_task_new(int tgid, int tid);
/* The kernel frees the thread: its storage is poisoned. */
void shim_task_free(struct shim_task *task);
/* Memory of the target: `bytes` zeros at `addr`; returns where the test can write them. */
void *shim_map_user(__u64 addr, __u32 bytes);
/* Where the test can write target memory at `addr`; aborts when nothing is mapped there. */
void *shim_user(__u64 addr, __u32 bytes);
/* A mapping that bpf_find_vma() finds. */
void shim_add_vma(__u64 start, __u64 end);
/* User space's limit on a map, before its first use. */
void shim_set_max_entries(const void *map, __u32 max_entries);
/* The value of a per-CPU map on a CPU. */
void *shim_lookup_cpu(const struct shim_map_def *def, const void *key, __u32 cpu);
/* Submitted records, oldest first; `i` beyond them: NULL. */
const struct shim_record *shim_record_at(unsigned i);
unsigned shim_records(void);
/* User space has read all records: room again. */
void shim_drain(void);
/* Aborts when a record was reserved, but neither submitted nor discarded. */
void shim_check(void);

#endif
