/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * alloc.bpf.c - the functions of the target's allocator, for one window after the other, and call
 * sites that were found to leak (wire_alloc.h).  An object of its own, which is loaded when a hunt
 * for leaks begins.
 *
 * A call is paired with its return by the stack pointer, as in frames.bpf.h, but for one call a
 * thread: what an allocator's function calls of the allocator is part of that call, and what it
 * jumps to takes its place.
 */
#include "alloc_regs.bpf.h"
#include "core_fixes.bpf.h"

/* A call that takes longer was left without a return: what comes then is not nested in it. */
#define CALL_MAX_NS    100000000ULL
#define WAKE_EVERY     16 /* records */
#define PIECE	       (WIRE_ALLOC_STACK_MAX / 2U)
#define MMAP_ANONYMOUS 0x20
#define ERRNO_MAX      4095
#define CLEARED_MORE   4096 /* calloc clears what the allocator rounded up to */

/* A call of this thread. */
struct alloc_call {
	__u64 sp; /* at its entry; 0: none */
	__u64 time_ns;
	__u64 size_bytes;
	__u64 old_pointer;
	__u64 out; /* where posix_memalign puts the pointer */
	__u64 return_address;
	__u64 path;
	struct wire_alloc_regs regs;
	__u32 window;
	__u32 sampled;
	__u32 sample_bytes;
	__u32 brief;
	__u32 function;
	__u32 ends_unknown;
};

/* A call from a site that is counted. */
struct site_call {
	__u64 sp; /* at the call; 0: none */
	__u64 time_ns;
	__u64 size_bytes;
	__u64 old_pointer;
	__u64 site;
};

struct alloc_thread {
	struct alloc_call call;
	struct site_call at_site;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct alloc_thread);
} alloc_threads SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, WIRE_ALLOC_RING);
} alloc_records SEC(".maps");

const volatile __u32 cfg_tgid = 1;
const volatile bool cfg_never = false;

struct wire_alloc_control control;

static __always_inline void count(__u32 counter)
{
	__sync_fetch_and_add(&control.counters[counter], 1);
}

static __always_inline int is_target(void)
{
	return (__u32)(bpf_get_current_pid_tgid() >> 32) == cfg_tgid;
}

static __always_inline struct alloc_thread *thread_of(__u64 create)
{
	return bpf_task_storage_get(&alloc_threads, bpf_get_current_task_btf(), 0, create);
}

/* The reader sleeps until there is something worth its while. */
static __always_inline void submit(void *record, __u64 n)
{
	int wake = n % WAKE_EVERY == 0 || control.ended_ns;

	bpf_ringbuf_submit(record, wake ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
}

/* Nothing else would wake the reader. */
static __always_inline void tell_end(__u32 window, __u64 now_ns)
{
	struct wire_alloc_head *ended = bpf_ringbuf_reserve(&alloc_records, sizeof(*ended), 0);

	/* Without room it has been woken already, and looks at ended_ns too. */
	if (!ended)
		return;
	__builtin_memset(ended, 0, sizeof(*ended));
	ended->kind = WIRE_ALLOC_ENDED;
	ended->window = window;
	ended->time_ns = now_ns;
	bpf_ringbuf_submit(ended, BPF_RB_FORCE_WAKEUP);
}

/* The address is given to somebody else, or back: the block that was sampled there has ended. */
static __always_inline void drop(__u64 pointer)
{
	__u32 at = wire_alloc_kept_at(pointer);

	for (__u32 i = 0; i < WIRE_ALLOC_KEPT_WAYS; i++) {
		volatile __u64 *kept = &control.kept[at + i];

		if (*kept == pointer)
			*kept = 0;
	}
}

/* It is nowhere there (see drop).  0: there was no room. */
static __always_inline int keep(__u64 pointer)
{
	__u32 at = wire_alloc_kept_at(pointer);

	for (__u32 i = 0; i < WIRE_ALLOC_KEPT_WAYS; i++)
		if (!__sync_val_compare_and_swap(&control.kept[at + i], 0, pointer))
			return 1;
	return 0;
}

/* What the arguments of a function of that kind say.  0: nothing that is looked at. */
static __always_inline int read_request(__u8 function, const __u64 arg[ARCH_REG_ARGS], __u64 *size,
					__u64 *old, __u64 *out)
{
	*old = *out = 0;
	switch (function) {
	case WIRE_ALLOC_MALLOC:
	case WIRE_ALLOC_NEW:
		*size = arg[0];
		return 1;
	case WIRE_ALLOC_CALLOC:
		*size = arg[0] * arg[1];
		return 1;
	case WIRE_ALLOC_REALLOC:
		*old = arg[0];
		*size = arg[1];
		return 1;
	case WIRE_ALLOC_REALLOCARRAY:
		*old = arg[0];
		*size = arg[1] * arg[2];
		return 1;
	case WIRE_ALLOC_ALIGNED:
		*size = arg[1];
		return 1;
	case WIRE_ALLOC_POSIX:
		*out = arg[0];
		*size = arg[2];
		return 1;
	case WIRE_ALLOC_MMAP:
		*size = arg[1];
		return (arg[3] & MMAP_ANONYMOUS) != 0;
	case WIRE_ALLOC_MREMAP:
		*old = arg[0];
		*size = arg[2];
		return 1;
	}
	return 0;
}

/* The block that a function of that kind gave.  0: none. */
static __always_inline __u64 read_pointer(__u8 function, __u64 ret, __u64 out)
{
	__u64 pointer = ret;

	if (function == WIRE_ALLOC_POSIX) {
		if ((__u32)ret || bpf_probe_read_user(&pointer, sizeof(pointer), (void *)out))
			return 0;
	} else if (function >= WIRE_ALLOC_MMAP && ret >= -(__u64)ERRNO_MAX) {
		return 0;
	}
	return pointer;
}

/* The block that calloc hands to memset(pointer, 0, size), which returns it. */
static __always_inline __u64 read_cleared(const struct pt_regs *regs, const struct alloc_call *call)
{
	__u64 arg[ARCH_REG_ARGS];

	arch_args(regs, arg);
	return (__u32)arg[1] == 0 && arg[2] <= call->size_bytes + CLEARED_MORE ? arg[0] : 0;
}

/* Its blocks were seen to be freed soon. */
static __always_inline int is_brief(__u64 path)
{
	__u32 at = wire_alloc_path_at(path);

	for (__u32 i = 0; i < WIRE_ALLOC_PATH_WAYS; i++)
		if (control.brief[at + i] == path)
			return path != 0;
	return 0;
}

static __always_inline int is_sampled(__u64 size_bytes, __u64 sample_bytes)
{
	if (size_bytes >= sample_bytes)
		return 1;
	return (__u64)bpf_get_prandom_u32() * sample_bytes < (size_bytes ?: 1) << 32;
}

/*
 * 0: nothing of it matters.  Else it counts, and is sampled or not, or it is late: then only what
 * it is given matters.  The last one of the window is told of at once only where no record will be:
 * the probes would be off before its return.
 */
static __always_inline int take_call(__u32 window, struct alloc_call *call, __u64 size_bytes,
				     __u64 now_ns)
{
	__u64 n = control.ended_ns ? ~0ULL : __sync_fetch_and_add(&control.calls, 1) + 1;
	int last = n == control.calls_max;

	call->sampled = 0;
	if (n > control.calls_max) {
		count(WIRE_ALLOC_CTR_LATE);
		return !*(volatile __u32 *)&control.looked;
	}
	call->brief = (__u32)is_brief(call->path);
	call->sample_bytes = call->brief ? control.brief_sample_bytes : control.sample_bytes;
	call->sampled = (__u32)is_sampled(size_bytes, call->sample_bytes);
	if (call->sampled) {
		count(WIRE_ALLOC_CTR_SAMPLED);
		last |= __sync_fetch_and_add(&control.sampled, 1) + 1 == control.blocks_max;
	}
	if (last) {
		control.ended_ns = now_ns;
		if (!call->sampled)
			tell_end(window, now_ns);
	}
	return 1;
}

/* Where the call returns to, and how deep the stack is there. */
static __always_inline void find_path(const struct pt_regs *regs, __u64 sp, struct alloc_call *call)
{
	call->path = 0;
	if (arch_return_address(regs, sp, &call->return_address)) {
		call->return_address = 0;
		return;
	}
	call->path = wire_alloc_path(call->return_address, sp,
				     arch_thread_top(bpf_get_current_task_btf()));
}

static __always_inline int is_inner(const struct pt_regs *regs, __u64 sp)
{
	__u64 from;

	return !arch_return_address(regs, sp, &from) && from >= control.code_start &&
	       from < control.code_end;
}

/* Called by the allocator within a call of that thread, which was not left otherwise. */
static __always_inline int is_nested(const struct pt_regs *regs, __u64 sp,
				     const struct alloc_call *call, __u64 now_ns)
{
	return sp < call->sp && now_ns - call->time_ns < CALL_MAX_NS && is_inner(regs, sp);
}

static __always_inline void enter(const struct pt_regs *regs, __u64 cookie)
{
	__u64 arg[ARCH_REG_ARGS], size, old, out, sp, now_ns;
	__u8 function = WIRE_ALLOC_COOKIE_FUNCTION(cookie);
	__u32 window = *(volatile __u32 *)&control.window;
	struct alloc_thread *t;
	struct alloc_call *call;

	if (!window)
		return;
	arch_args(regs, arg);
	if (!read_request(function, arg, &size, &old, &out))
		return;
	sp = arch_sp(regs) + (__s64)WIRE_ALLOC_COOKIE_VALUE(cookie);
	if (control.outer_only && is_inner(regs, sp)) {
		count(WIRE_ALLOC_CTR_NESTED);
		return;
	}
	t = thread_of(BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!t) {
		count(WIRE_ALLOC_CTR_NO_STATE);
		return;
	}
	call = &t->call;
	now_ns = bpf_ktime_get_ns();
	if (call->sp && call->window == window) {
		if (is_nested(regs, sp, call, now_ns)) {
			count(WIRE_ALLOC_CTR_NESTED);
			return;
		}
		if (sp != call->sp || call->ends_unknown)
			count(call->sampled ? WIRE_ALLOC_CTR_LEFT : WIRE_ALLOC_CTR_UNSEEN);
	}
	call->sp = 0;
	/* Whatever it returns: what is there from then on is that call's. */
	if (old)
		drop(old);
	find_path(regs, sp, call);
	if (!take_call(window, call, size, now_ns))
		return;
	call->window = window;
	call->time_ns = now_ns;
	call->sp = sp;
	call->size_bytes = size;
	call->old_pointer = old;
	call->out = out;
	call->function = function;
	call->ends_unknown = WIRE_ALLOC_COOKIE_UNLESS(cookie);
	if (call->sampled)
		alloc_regs(regs, &call->regs);
}

/* Whole pieces that end at pages, so that what is behind the stack does not spoil it. */
static __always_inline __u32 copy_stack(struct wire_alloc *record, __u64 sp)
{
	__u32 first = PIECE - ((__u32)sp & (PIECE - 1));

	if (first > PIECE || bpf_probe_read_user(record->stack, first, (void *)sp))
		return 0;
	if (bpf_probe_read_user(record->stack + first, PIECE, (void *)(sp + first)))
		return first;
	return first + PIECE;
}

static __always_inline void record_call(const struct alloc_call *call, __u64 sp, __u64 pointer)
{
	struct wire_alloc *r = bpf_ringbuf_reserve(&alloc_records, sizeof(*r), 0);
	__u64 n;

	if (!r) {
		count(WIRE_ALLOC_CTR_LOST);
		return;
	}
	__builtin_memset(&r->head, 0, sizeof(r->head));
	r->head.kind = WIRE_ALLOC_BLOCK;
	r->head.window = call->window;
	r->head.pointer = pointer;
	r->head.old_pointer = call->old_pointer;
	r->head.size_bytes = call->size_bytes;
	r->head.time_ns = call->time_ns;
	r->head.tid = (__u32)bpf_get_current_pid_tgid();
	r->head.path = call->path;
	r->head.sample_bytes = call->sample_bytes;
	r->head.brief = (__u8)call->brief;
	r->head.function = (__u8)call->function;
	r->head.kept = (__u8)keep(pointer);
	r->regs = call->regs;
	r->sp_entry = sp;
	r->return_address = call->return_address;
	r->pad0 = 0;
	r->stack_bytes = copy_stack(r, call->regs.sp);
	if (!r->stack_bytes)
		count(WIRE_ALLOC_CTR_UNREADABLE);
	n = __sync_fetch_and_add(&control.counters[WIRE_ALLOC_CTR_BLOCKS], 1) + 1;
	submit(r, n);
}

static __always_inline void leave(const struct pt_regs *regs, __u64 cookie)
{
	__u64 sp = arch_sp(regs) + (__s64)WIRE_ALLOC_COOKIE_VALUE(cookie), pointer;
	__u8 condition = WIRE_ALLOC_COOKIE_UNLESS(cookie);
	struct alloc_thread *t = thread_of(0);
	struct alloc_call *call;

	if (!t || (condition && arch_condition(regs, condition - 1)))
		return;
	call = &t->call;
	/* Of a function that others leave to by a jump, or of one that is nested. */
	if (call->sp != sp || !sp)
		return;
	call->sp = 0;
	if (call->window != control.window)
		return;
	pointer = WIRE_ALLOC_COOKIE_ROLE(cookie) == WIRE_ALLOC_MEMSET
			  ? read_cleared(regs, call)
			  : read_pointer((__u8)call->function, arch_ret(regs), call->out);
	if (!pointer) {
		if (call->sampled)
			count(WIRE_ALLOC_CTR_FAILED);
		return;
	}
	drop(pointer);
	if (call->sampled)
		record_call(call, sp, pointer);
}

static __always_inline void count_trap(__u64 cookie)
{
	count(WIRE_ALLOC_COOKIE_STEPPED(cookie) ? WIRE_ALLOC_CTR_HITS_STEPPED
						: WIRE_ALLOC_CTR_HITS_EMULATED);
}

/* One program for both ends, so that they come and go with one link. */
SEC("uprobe")
int alloc_window(struct pt_regs *regs)
{
	__u64 cookie;

	keep_own_stack(regs);
	if (!is_target())
		return 0;
	cookie = bpf_get_attach_cookie(regs);
	count_trap(cookie);
	if (WIRE_ALLOC_COOKIE_ROLE(cookie) == WIRE_ALLOC_ENTER)
		enter(regs, cookie);
	else
		leave(regs, cookie);
	return 0;
}

/* --- call sites --- */

static __always_inline void site_called(const struct pt_regs *regs, struct wire_alloc_site *site,
					__u64 cookie)
{
	__u64 arg[ARCH_REG_ARGS], size = 0, old = 0, out;
	struct alloc_thread *t;

	arch_args(regs, arg);
	read_request(WIRE_ALLOC_COOKIE_FUNCTION(cookie), arg, &size, &old, &out);
	__sync_fetch_and_add(&site->calls, 1);
	__sync_fetch_and_add(&site->bytes, size);
	t = thread_of(BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!t) {
		count(WIRE_ALLOC_CTR_NO_STATE);
		return;
	}
	t->at_site.sp = arch_sp(regs);
	t->at_site.time_ns = bpf_ktime_get_ns();
	t->at_site.size_bytes = size;
	t->at_site.old_pointer = old;
	t->at_site.site = WIRE_ALLOC_COOKIE_VALUE(cookie);
}

static __always_inline void record_site(struct wire_alloc_site *site, const struct site_call *call,
					__u8 function, __u64 pointer)
{
	struct wire_alloc_head *r;

	if (__sync_fetch_and_add(&site->records_left, -1) <= 0) {
		__sync_fetch_and_add(&site->records_left, 1);
		return;
	}
	r = bpf_ringbuf_reserve(&alloc_records, sizeof(*r), 0);
	if (!r) {
		__sync_fetch_and_add(&site->records_lost, 1);
		return;
	}
	__builtin_memset(r, 0, sizeof(*r));
	r->kind = WIRE_ALLOC_SITE_BLOCK;
	r->pointer = pointer;
	r->old_pointer = call->old_pointer;
	r->size_bytes = call->size_bytes;
	r->time_ns = call->time_ns;
	r->tid = (__u32)bpf_get_current_pid_tgid();
	r->site = (__u32)call->site;
	r->function = function;
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
}

static __always_inline void site_returned(const struct pt_regs *regs, struct wire_alloc_site *site,
					  __u64 cookie)
{
	struct alloc_thread *t = thread_of(0);
	struct site_call *call;

	/* Where the call is not probed, or was not seen, there is no size. */
	if (!t || t->at_site.sp != arch_sp(regs) ||
	    t->at_site.site != (__u64)WIRE_ALLOC_COOKIE_VALUE(cookie))
		return;
	call = &t->at_site;
	call->sp = 0;
	__sync_fetch_and_add(&site->returned, 1);
	if (!arch_ret(regs)) {
		__sync_fetch_and_add(&site->failed, 1);
		return;
	}
	if (*(volatile __s64 *)&site->records_left > 0)
		record_site(site, call, WIRE_ALLOC_COOKIE_FUNCTION(cookie), arch_ret(regs));
}

SEC("uprobe")
int alloc_site(struct pt_regs *regs)
{
	struct wire_alloc_site *site;
	__u64 cookie;
	__u32 i;

	keep_own_stack(regs);
	if (!is_target())
		return 0;
	cookie = bpf_get_attach_cookie(regs);
	i = (__u32)WIRE_ALLOC_COOKIE_VALUE(cookie);
	if (i >= WIRE_ALLOC_SITES_MAX)
		return 0;
	site = &control.sites[i];
	if (WIRE_ALLOC_COOKIE_ROLE(cookie) == WIRE_ALLOC_SITE_CALL)
		site_called(regs, site, cookie);
	else
		site_returned(regs, site, cookie);
	return 0;
}

char _license[] SEC("license") = "GPL";
