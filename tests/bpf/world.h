/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * world.h - a small target for the natively compiled programs: functions bound to stages, threads
 * that run them, a scheduler.  Every run of a program checks that it left no record reserved.
 */
#ifndef CHESHIRE_BPF_WORLD_H
#define CHESHIRE_BPF_WORLD_H

#include "frames.bpf.h"
#include "value.bpf.h"
#include "shim/shim.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#define TARGET	   cfg_tgid
#define OTHER_TGID 4242

/* The stack of every test thread; stack pointers are offsets from its base in most tests. */
#define STACK_BASE  0x7ffe00000000ULL
#define STACK_BYTES (256 * 1024)
#define SP(offset)  (STACK_BASE + (offset))
#define CALLER	    0x400100ULL /* a return address */

/* The programs. */
int probe_enter(struct pt_regs *regs);
int probe_exit(struct pt_regs *regs);
int probe_catch(struct pt_regs *regs);
int probe_loader(struct pt_regs *regs);
int sched_switch(bool preempt, struct task_struct *prev, struct task_struct *next);
int sched_process_exit(struct task_struct *task);
int sched_process_exec(struct task_struct *task, int old_pid);
int sched_process_fork(struct task_struct *parent, struct task_struct *child);

/* The registers at the next probe; each run sets sp. */
extern struct pt_regs regs;

/* cmocka's setup and teardown: a new world with thread 1 (see thread()) on CPU 0. */
int world_new(void **state);
int world_end(void **state);

#define world_test(f) cmocka_unit_test_setup_teardown(f, world_new, world_end)

/* The n-th thread of the target, from 1; its tid is TARGET + n. */
struct shim_task *thread(unsigned n);
/* The programs run as this thread, on this CPU, from now on. */
void run_as(struct shim_task *task, __u32 cpu);
void at(__u64 now_ns);

/* Arms a stage; its tokens are plenty. */
struct wire_stage *stage(__u32 index, __u32 flags);
struct wire_stage_stats *stats(__u32 index);
/*
 * Binds a new function; returns its index.  Calls and frames act at the return.  Its entry is
 * probe 2 * index, its exit 2 * index + 1; both may be changed.
 */
__u32 function(__u32 stage_index, enum wire_role role, __u32 flags);
struct wire_bind *bind_at(__u32 index);
struct wire_probe *probe_at(__u32 index);

/* One event: a call that returns to `return_address`, and a return. */
void enter_from(__u32 function, __u64 sp, __u64 return_address);
void enter(__u32 function, __u64 sp);
void leave(__u32 function, __u64 sp);
/* Any probe, with what is in memory and in regs. */
void hit_entry(__u32 probe, __u64 sp);
void hit_exit(__u32 probe, __u64 sp);
/* __cxa_begin_catch with this stack pointer at its entry. */
void catch (__u64 sp);

/* What interrupts and the hypervisor take of the thread's time on its CPU from now on. */
void stolen(struct shim_task *t, __u64 ns);
/* Switches a CPU; the kernel adds run delay to the incoming thread after the event. */
void switch_to(__u32 cpu, struct shim_task *prev, struct shim_task *next, bool preempted,
	       __u64 delay_ns);
/* ... and does not tell. */
void switch_unseen(__u32 cpu, struct shim_task *prev, struct shim_task *next, __u64 delay_ns);
struct shim_task *idle(void);
struct wire_slice *slice(__u32 cpu);

__u64 counter(enum wire_counter ctr);
/* The n-th span record (other kinds passed over); fails the test when there is none. */
const struct wire_span *span(unsigned n);
unsigned spans_sent(void);
/* Values counted in a histogram, all and in the bucket of one value. */
__u64 hist_total(__u32 stage_index, enum wire_hist which);
/* ... in that of answers out of a cache, by its own index. */
__u64 cached_total(__u32 index);
__u32 hist_of(__u32 stage_index, enum wire_hist which, __u64 value_ns);

/* Compares all counters of a stage, but for the token bucket and the slots. */
void check_stats(__u32 stage_index, const struct wire_stage_stats *want, const char *file,
		 int line);
#define expect_stats(stage_index, ...)                                                             \
	check_stats((stage_index), &(const struct wire_stage_stats){__VA_ARGS__}, __FILE__,        \
		    __LINE__)
/* All reasons of loss are 0 but this one (WIRE_CTR_CNT: none). */
void check_counters(enum wire_counter but, __u64 n, const char *file, int line);
#define expect_counter(ctr, n) check_counters((ctr), (n), __FILE__, __LINE__)
#define expect_no_losses()     check_counters(WIRE_CTR_CNT, 0, __FILE__, __LINE__)
/* Nothing is open: no frame on the thread, no voice, no slot of the stage. */
void check_idle(struct shim_task *task, __u32 stage_index, const char *file, int line);
#define expect_idle(task, stage_index) check_idle((task), (stage_index), __FILE__, __LINE__)
/* The state of a thread, NULL before its first stage. */
struct thread_state *state_of(struct shim_task *task);

#endif
