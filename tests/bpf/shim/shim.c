/* SPDX-License-Identifier: GPL-2.0-only */
/* shim.c - helpers of the kernel, see shim.h. */
#include "shim.h"

#include <errno.h>
#include <sanitizer/asan_interface.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf_core_read.h>

#define TASKS_MAX	   16
#define RECORDS_MAX	   4096
#define RESERVED_MAX	   4
#define RING_DEFAULT_BYTES (256 * 1024)
#define RING_HEADER_BYTES  8

struct region {
	__u64 addr;
	__u32 bytes;
	unsigned char *data;
};

struct shim shim;

static struct shim_task *tasks[TASKS_MAX];
static unsigned tasks_n;
static struct region regions[SHIM_REGIONS];
static unsigned regions_n;
static struct vm_area_struct vmas[SHIM_VMAS];
static unsigned vmas_n;
static struct shim_record records[RECORDS_MAX];
static unsigned records_n;
static struct {
	void *data;
	__u32 bytes;
} reserved[RESERVED_MAX];
static unsigned reserved_n;
static __u32 ring_used_bytes;
static int in_hook;

void shim_maps_reset(void);

static void __attribute__((noreturn)) shim_fail(const char *what)
{
	fprintf(stderr, "shim: %s\n", what);
	abort();
}

static void records_free(void)
{
	while (records_n)
		free(records[--records_n].data);
	ring_used_bytes = 0;
}

void shim_reset(void)
{
	records_free();
	while (reserved_n)
		free(reserved[--reserved_n].data);
	while (tasks_n) {
		struct shim_task *task = tasks[--tasks_n];

		shim_task_free(task);
		free(task);
	}
	while (regions_n)
		free(regions[--regions_n].data);
	vmas_n = 0;
	shim_maps_reset();
	memset(&shim, 0, sizeof(shim));
	shim.ring_bytes = RING_DEFAULT_BYTES;
}

/* --- tasks --- */

struct shim_task *shim_task_new(int tgid, int tid)
{
	struct shim_task *t = calloc(1, sizeof(*t));

	if (!t || tasks_n == TASKS_MAX)
		shim_fail("too many tasks");
	tasks[tasks_n++] = t;
	t->task.tgid = tgid;
	t->task.pid = tid;
	t->task.mm = &t->mm;
	t->task.signal = &t->signal;
	t->task.files = &t->files;
	t->files.fdt = &t->fdt;
	t->fdt.max_fds = SHIM_FDS;
	t->fdt.fd = t->fds;
	t->user.orig_ax = -1UL;
	for (int i = 0; i < SHIM_FDS; i++)
		t->file[i].f_inode = &t->inode[i];
	return t;
}

void shim_task_free(struct shim_task *task)
{
	/* free() poisons: a program that still reads it is caught by the sanitizer. */
	for (int i = 0; i < SHIM_STORAGES; i++) {
		free(task->storage[i].value);
		task->storage[i].value = NULL;
	}
}

void *shim_task_storage(const void *id, unsigned value_bytes, struct task_struct *task,
			unsigned long long flags)
{
	struct shim_task *t = (struct shim_task *)task; /* its first member */

	for (int i = 0; i < SHIM_STORAGES; i++) {
		struct shim_storage *s = &t->storage[i];

		if (s->map && s->map != id)
			continue;
		s->map = id;
		if (!s->value && (flags & BPF_LOCAL_STORAGE_GET_F_CREATE) && !shim.no_task_storage)
			s->value = calloc(1, value_bytes);
		return s->value;
	}
	shim_fail("too many maps of task storage");
}

long shim_loop(__u32 n, long (*step)(__u32 i, void *ctx), void *ctx)
{
	__u32 i;

	for (i = 0; i < n; i++)
		if (step(i, ctx))
			return i + 1;
	return i;
}

__u64 bpf_get_current_pid_tgid(void)
{
	return (__u64)shim.current->task.tgid << 32 | (__u32)shim.current->task.pid;
}

struct task_struct *bpf_get_current_task_btf(void)
{
	return &shim.current->task;
}

long bpf_task_pt_regs(struct task_struct *task)
{
	return (long)&((struct shim_task *)task)->user;
}

void *bpf_sk_storage_get(void *map, struct sock *sk, void *initial, __u64 flags)
{
	(void)map, (void)sk, (void)initial, (void)flags;
	abort();
}

struct tcp_sock *bpf_skc_to_tcp_sock(void *sk)
{
	(void)sk;
	abort();
}

struct socket *bpf_sock_from_file(struct file *file)
{
	(void)file;
	abort();
}

/* What an iterator writes, one record after the other, to where the test says (shim.h). */
long bpf_seq_write(struct seq_file *seq, const void *data, __u32 bytes)
{
	struct shim_seq *to = (struct shim_seq *)seq;

	if (bytes > sizeof(to->data) - to->bytes)
		return -7; /* E2BIG */
	memcpy(to->data + to->bytes, data, bytes);
	to->bytes += bytes;
	return 0;
}

__u64 bpf_get_attach_cookie(void *ctx)
{
	(void)ctx;
	return shim.cookie;
}

__u32 bpf_get_smp_processor_id(void)
{
	return shim.cpu;
}

__u32 bpf_get_prandom_u32(void)
{
	return shim.random;
}

static void hook_run(enum shim_point point, void *word)
{
	struct shim before = shim;

	if (!shim.hook || in_hook)
		return;
	in_hook = 1;
	shim.hook(point, word);
	in_hook = 0;
	shim.current = before.current;
	shim.cpu = before.cpu;
	shim.cookie = before.cookie;
}

__u64 bpf_ktime_get_ns(void)
{
	__u64 now_ns = shim.now_ns;

	hook_run(SHIM_AFTER_KTIME, NULL);
	return now_ns;
}

void shim_before_cas(void *word)
{
	hook_run(SHIM_BEFORE_CAS, word);
}

/* --- memory --- */

void *shim_map_user(__u64 addr, __u32 bytes)
{
	struct region *r = &regions[regions_n];

	if (regions_n == SHIM_REGIONS)
		shim_fail("too many regions");
	r->addr = addr;
	r->bytes = bytes;
	r->data = calloc(1, bytes);
	if (!r->data)
		shim_fail("no memory");
	regions_n++;
	return r->data;
}

static unsigned char *user_at(__u64 addr, __u32 bytes)
{
	for (unsigned i = 0; i < regions_n; i++) {
		struct region *r = &regions[i];

		if (addr >= r->addr && addr - r->addr < r->bytes &&
		    r->bytes - (addr - r->addr) >= bytes)
			return r->data + (addr - r->addr);
	}
	return NULL;
}

void *shim_user(__u64 addr, __u32 bytes)
{
	void *at = user_at(addr, bytes);

	if (!at)
		shim_fail("the test writes where it mapped nothing");
	return at;
}

long bpf_probe_read_user(void *dst, __u32 bytes, const void *from)
{
	const void *at = user_at((__u64)from, bytes);

	if (!at) {
		memset(dst, 0, bytes);
		return -EFAULT;
	}
	memcpy(dst, at, bytes);
	return 0;
}

long bpf_probe_read_user_str(void *dst, __u32 bytes, const void *from)
{
	char *out = dst;

	memset(dst, 0, bytes);
	for (__u32 i = 0; i < bytes; i++) {
		const unsigned char *at = user_at((__u64)from + i, 1);

		if (!at) {
			memset(dst, 0, bytes);
			return -EFAULT;
		}
		out[i] = (char)*at;
		if (!*at)
			return i + 1;
	}
	out[bytes - 1] = 0;
	return bytes;
}

long bpf_probe_read_kernel(void *dst, __u32 bytes, const void *from)
{
	/* The first page is never mapped; everything else a test points to is its own. */
	if ((__u64)from < 4096) {
		memset(dst, 0, bytes);
		return -EFAULT;
	}
	memcpy(dst, from, bytes);
	return 0;
}

void shim_add_vma(__u64 start, __u64 end)
{
	if (vmas_n == SHIM_VMAS)
		shim_fail("too many mappings");
	vmas[vmas_n++] = (struct vm_area_struct){.vm_start = start, .vm_end = end};
}

int shim_has_find_vma(void)
{
	return !shim.no_find_vma;
}

long bpf_find_vma(struct task_struct *task, __u64 addr,
		  long (*callback)(struct task_struct *, struct vm_area_struct *, void *),
		  void *data, __u64 flags)
{
	if (flags)
		return -EINVAL;
	if (shim.no_find_vma)
		shim_fail("bpf_find_vma called on a kernel without it");
	if (shim.find_vma_error)
		return shim.find_vma_error;
	for (unsigned i = 0; i < vmas_n; i++) {
		if (addr >= vmas[i].vm_start && addr < vmas[i].vm_end) {
			callback(task, &vmas[i], data);
			return 0;
		}
	}
	return -ENOENT;
}

/* --- ring buffer --- */

static __u32 ring_cost(__u32 bytes)
{
	return (bytes + RING_HEADER_BYTES + 7) & ~7U;
}

void *bpf_ringbuf_reserve(void *ring, __u64 bytes, __u64 flags)
{
	void *data;

	(void)ring;
	(void)flags;
	if (ring_used_bytes + ring_cost(bytes) > shim.ring_bytes)
		return NULL;
	if (reserved_n == RESERVED_MAX)
		shim_fail("too many records reserved at once");
	data = malloc(bytes);
	if (!data)
		shim_fail("no memory");
	memset(data, 0xa5, bytes); /* what the last reader left */
	ring_used_bytes += ring_cost(bytes);
	reserved[reserved_n].data = data;
	reserved[reserved_n++].bytes = bytes;
	return data;
}

static __u32 reserved_take(void *record)
{
	for (unsigned i = 0; i < reserved_n; i++) {
		if (reserved[i].data == record) {
			__u32 bytes = reserved[i].bytes;

			reserved[i] = reserved[--reserved_n];
			return bytes;
		}
	}
	shim_fail("submitted or discarded, but not reserved");
}

void bpf_ringbuf_submit(void *record, __u64 flags)
{
	__u32 bytes = reserved_take(record);
	void *copy = malloc(bytes);

	if (!copy || records_n == RECORDS_MAX)
		shim_fail("too many records");
	memcpy(copy, record, bytes);
	free(record); /* the reader's from now on */
	records[records_n++] = (struct shim_record){copy, bytes, flags};
}

long bpf_ringbuf_output(void *ring, void *data, __u64 bytes, __u64 flags)
{
	void *record = bpf_ringbuf_reserve(ring, bytes, 0);

	if (!record)
		return -EAGAIN;
	memcpy(record, data, bytes);
	bpf_ringbuf_submit(record, flags);
	return 0;
}

void bpf_ringbuf_discard(void *record, __u64 flags)
{
	(void)flags;
	ring_used_bytes -= ring_cost(reserved_take(record));
	free(record);
}

const struct shim_record *shim_record_at(unsigned i)
{
	return i < records_n ? &records[i] : NULL;
}

unsigned shim_records(void)
{
	return records_n;
}

void shim_drain(void)
{
	records_free();
}

void shim_check(void)
{
	if (reserved_n)
		shim_fail("a record was reserved, but never submitted");
}
