/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bpf_helpers.h - the kernel's helpers for BPF code that was compiled natively; stands in for
 * libbpf's header of this name.  Maps are told apart by the address of their definition; what
 * libbpf reads from BTF (type, sizes) the macros here read from the members of that definition.
 */
#ifndef SHIM_BPF_HELPERS_H
#define SHIM_BPF_HELPERS_H

#include <vmlinux.h>

#define SEC(name)
#define __uint(name, val) int(*name)[val]
#define __type(name, val) typeof(val) *name

#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#define __noinline	__attribute__((noinline))

#ifndef NULL
#define NULL ((void *)0)
#endif

/* What a map's definition says. */
struct shim_map_def {
	const void *id; /* address of the definition */
	unsigned type;	/* enum bpf_map_type */
	unsigned key_bytes;
	unsigned value_bytes;
	unsigned max_entries;
};

#define SHIM_MAP(map)                                                                              \
	(&(struct shim_map_def){.id = (map),                                                       \
				.type = sizeof(*(map)->type) / sizeof(int),                        \
				.key_bytes = sizeof(*(map)->key),                                  \
				.value_bytes = sizeof(*(map)->value),                              \
				.max_entries = sizeof(*(map)->max_entries) / sizeof(int)})

void *shim_lookup(const struct shim_map_def *def, const void *key);
long shim_update(const struct shim_map_def *def, const void *key, const void *value,
		 unsigned long long flags);
long shim_delete(const struct shim_map_def *def, const void *key);
long shim_for_each(const struct shim_map_def *def, long (*step)(void *, void *, void *, void *),
		   void *ctx);
void *shim_task_storage(const void *id, unsigned value_bytes, struct task_struct *task,
			unsigned long long flags);

#define bpf_map_lookup_elem(map, at)		  shim_lookup(SHIM_MAP(map), (at))
#define bpf_map_update_elem(map, at, from, flags) shim_update(SHIM_MAP(map), (at), (from), (flags))
#define bpf_map_delete_elem(map, at)		  shim_delete(SHIM_MAP(map), (at))
#define bpf_for_each_map_elem(map, step, ctx, flags)                                               \
	((void)(flags),                                                                            \
	 shim_for_each(SHIM_MAP(map), (long (*)(void *, void *, void *, void *))(step), (ctx)))
#define bpf_task_storage_get(map, task, initial, flags)                                            \
	((void)(initial), shim_task_storage((map), sizeof(*(map)->value), (task), (flags)))

__u64 bpf_ktime_get_ns(void);
__u64 bpf_get_current_pid_tgid(void);
__u32 bpf_get_smp_processor_id(void);
__u32 bpf_get_prandom_u32(void);
struct task_struct *bpf_get_current_task_btf(void);
__u64 bpf_get_attach_cookie(void *ctx);
long bpf_task_pt_regs(struct task_struct *task);
long bpf_probe_read_user(void *dst, __u32 bytes, const void *from);
long bpf_probe_read_user_str(void *dst, __u32 bytes, const void *from);
long bpf_probe_read_kernel(void *dst, __u32 bytes, const void *from);
/* Sockets are for the live tests: these abort. */
void *bpf_sk_storage_get(void *map, struct sock *sk, void *initial, __u64 flags);
struct tcp_sock *bpf_skc_to_tcp_sock(void *sk);
struct socket *bpf_sock_from_file(struct file *file);
long bpf_seq_write(struct seq_file *seq, const void *data, __u32 bytes);
long bpf_find_vma(struct task_struct *task, __u64 addr,
		  long (*callback)(struct task_struct *, struct vm_area_struct *, void *),
		  void *data, __u64 flags);
long shim_loop(__u32 n, long (*step)(__u32 i, void *ctx), void *ctx);
#define bpf_loop(n, step, ctx, flags)                                                              \
	((void)(flags), shim_loop((n), (long (*)(__u32, void *))(step), (ctx)))
#define bpf_tail_call(ctx, programs, index) ((void)(ctx), (void)(programs), (void)(index))
void *bpf_ringbuf_reserve(void *ring, __u64 bytes, __u64 flags);
void bpf_ringbuf_submit(void *record, __u64 flags);
void bpf_ringbuf_discard(void *record, __u64 flags);
long bpf_ringbuf_output(void *ring, void *data, __u64 bytes, __u64 flags);

/* A test may let another CPU in just before a compare-and-swap. */
void shim_before_cas(void *word);
#define __sync_val_compare_and_swap(word, old, new)                                                \
	(shim_before_cas(word), __sync_val_compare_and_swap((word), (old), (new)))

#endif
