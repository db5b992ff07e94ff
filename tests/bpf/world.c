/* SPDX-License-Identifier: GPL-2.0-only */
/* world.c - see world.h. */
#include "world.h"

#include <stdio.h>
#include <string.h>

#define THREADS_MAX 6
/* What the scheduler's own clock is behind. */
#define SCHED_GAP_NS 7000000000ULL
/* Of the fair class. */
#define PRIO_NORMAL 120

struct pt_regs regs;

static struct shim_task *threads[THREADS_MAX + 1];
static struct shim_task *idle_task;
static __u32 functions_n;

/* Every counter of struct wire_stage_stats up to the token bucket, in order. */
static const char *const stat_names[] = {
	"entry_hits",
	"exit_hits",
	"cost_ns",
	"spans",
	"abnormal_exception",
	"abnormal_unwound",
	"abnormal_thread_end",
	"nested",
	"unmatched",
	"filtered",
	"unknown_class",
	"learning",
	"frames_overflow",
	"errors",
	"timeouts",
	"hits",
	"sum_ns",
	"max_ns",
	"cpu_ns",
	"process_cpu_ns",
	"wait.runqueue",
	"wait.lock",
	"wait.disk",
	"wait.network",
	"wait.pipe",
	"wait.poll",
	"wait.page_fault",
	"wait.sleep",
	"wait.other",
	"wait.gil",
	"work_sum_ns",
	"worked_ns",
	"records",
	"records_limited",
	"records_lost",
	"read_failures",
	"in_flight",
	"cached",
	"overlaps",
};
#define STAT_NAMES (sizeof(stat_names) / sizeof(stat_names[0]))
_Static_assert(offsetof(struct wire_stage_stats, tokens) == STAT_NAMES * sizeof(__u64),
	       "one name a counter");

int world_new(void **state)
{
	(void)state;
	shim_reset();
	memset(&regs, 0, sizeof(regs));
	memset(clocks, 0, sizeof(clocks));
	sched_since_ns = sched_missed = 0;
	memset(threads, 0, sizeof(threads));
	functions_n = 0;
	shim_set_max_entries(&slices, SHIM_CPUS);
	shim_map_user(STACK_BASE, STACK_BYTES);
	shim_add_vma(STACK_BASE, STACK_BASE + STACK_BYTES);
	idle_task = shim_task_new(0, 0);
	for (int cpu = 0; cpu < SHIM_CPUS; cpu++) {
		shim.rq[cpu].curr = &idle_task->task;
		shim.cfs_rq[cpu].rq = &shim.rq[cpu];
	}
	run_as(thread(1), 0);
	at(5ULL << 30);
	return 0;
}

int world_end(void **state)
{
	(void)state;
	shim_reset();
	return 0;
}

struct shim_task *thread(unsigned n)
{
	if (!threads[n]) {
		threads[n] = shim_task_new(TARGET, TARGET + n);
		threads[n]->task.prio = PRIO_NORMAL;
		threads[n]->mm.start_stack = STACK_BASE + STACK_BYTES - 8;
	}
	return threads[n];
}

struct shim_task *idle(void)
{
	return idle_task;
}

void run_as(struct shim_task *task, __u32 cpu)
{
	shim.current = task;
	shim.cpu = cpu;
}

void at(__u64 now_ns)
{
	shim.now_ns = now_ns;
}

struct wire_stage *stage(__u32 index, __u32 flags)
{
	struct wire_stage *conf = bpf_map_lookup_elem(&stages, &index);

	conf->state = WIRE_STAGE_ARMED;
	conf->flags = flags;
	conf->records_per_s = 1000;
	return conf;
}

struct wire_stage_stats *stats(__u32 index)
{
	return bpf_map_lookup_elem(&stage_stats, &index);
}

struct wire_bind *bind_at(__u32 index)
{
	return bpf_map_lookup_elem(&binds, &index);
}

struct wire_probe *probe_at(__u32 index)
{
	return bpf_map_lookup_elem(&probes, &index);
}

__u32 function(__u32 stage_index, enum wire_role role, __u32 flags)
{
	__u32 index = functions_n++;
	struct wire_bind *bind = bind_at(index);

	bind->stage = stage_index;
	bind->role = role;
	bind->flags = flags;
	if (role == WIRE_ROLE_CALL || role == WIRE_ROLE_FRAME)
		bind->flags |= WIRE_BIND_AT_RETURN;
	probe_at(2 * index)->bind = index;
	probe_at(2 * index)->site = WIRE_SITE_ENTRY;
	probe_at(2 * index + 1)->bind = index;
	probe_at(2 * index + 1)->site = WIRE_SITE_EXIT;
	return index;
}

static void run(int (*program)(struct pt_regs *), __u64 cookie, __u64 sp)
{
	shim.cookie = cookie;
	regs.sp = sp;
	assert_int_equal(program(&regs), 0);
	shim_check();
}

void hit_entry(__u32 probe, __u64 sp)
{
	run(probe_enter, probe, sp);
}

void hit_exit(__u32 probe, __u64 sp)
{
	run(probe_exit, probe, sp);
}

void enter_from(__u32 function_index, __u64 sp, __u64 return_address)
{
	memcpy(shim_user(sp, 8), &return_address, 8);
	hit_entry(2 * function_index, sp);
}

void enter(__u32 function_index, __u64 sp)
{
	enter_from(function_index, sp, CALLER);
}

void leave(__u32 function_index, __u64 sp)
{
	hit_exit(2 * function_index + 1, sp);
}

void catch (__u64 sp)
{
	/* As when the probe is behind a push: the cookie is the way back to SP at entry. */
	run(probe_catch, 8, sp - 8);
}

void stolen(struct shim_task *t, __u64 ns)
{
	t->task.se.sum_exec_runtime -= ns;
}

/* The scheduler has brought its account of the outgoing thread up to date before the event. */
static void switch_begins(__u32 cpu, struct shim_task *prev, struct shim_task *next)
{
	if (!prev->off)
		prev->task.se.sum_exec_runtime += shim.now_ns - prev->on_ns;
	prev->off = true;
	next->off = false;
	next->on_ns = shim.now_ns;
	next->task.se.prev_sum_exec_runtime = next->task.se.sum_exec_runtime;
	next->task.se.cfs_rq = &shim.cfs_rq[cpu];
	next->task.sched_info.last_queued = 1;
	shim.rq[cpu].curr = &next->task;
}

static void switch_ends(struct shim_task *next, __u64 delay_ns)
{
	next->task.sched_info.run_delay += delay_ns;
	next->task.sched_info.last_arrival = shim.now_ns - SCHED_GAP_NS;
	next->task.sched_info.last_queued = 0;
}

void switch_to(__u32 cpu, struct shim_task *prev, struct shim_task *next, bool preempted,
	       __u64 delay_ns)
{
	struct shim before = shim;

	switch_begins(cpu, prev, next);
	run_as(prev, cpu);
	assert_int_equal(sched_switch(preempted, &prev->task, &next->task), 0);
	shim_check();
	switch_ends(next, delay_ns);
	run_as(before.current, before.cpu);
}

void switch_unseen(__u32 cpu, struct shim_task *prev, struct shim_task *next, __u64 delay_ns)
{
	switch_begins(cpu, prev, next);
	switch_ends(next, delay_ns);
}

struct wire_slice *slice(__u32 cpu)
{
	return bpf_map_lookup_elem(&slices, &cpu);
}

__u64 counter(enum wire_counter ctr)
{
	__u32 key = ctr;
	__u64 sum = 0;

	for (__u32 cpu = 0; cpu < SHIM_CPUS; cpu++)
		sum += *(__u64 *)shim_lookup_cpu(SHIM_MAP(&counters), &key, cpu);
	return sum;
}

static const struct wire_span *find_span(unsigned n)
{
	const struct shim_record *r;

	for (unsigned i = 0; (r = shim_record_at(i)); i++) {
		const struct wire_span *s = r->data;

		if (s->hdr.kind != WIRE_KIND_SPAN || n--)
			continue;
		assert_int_equal(r->bytes, sizeof(*s));
		assert_int_equal(s->hdr.len_bytes, sizeof(*s));
		assert_int_equal(s->hdr.tgid, TARGET);
		assert_int_equal(s->pad0, 0);
		return s;
	}
	return NULL;
}

const struct wire_span *span(unsigned n)
{
	const struct wire_span *s = find_span(n);

	assert_non_null(s);
	return s;
}

unsigned spans_sent(void)
{
	unsigned n = 0;

	while (find_span(n))
		n++;
	return n;
}

static const struct wire_histogram *hist(__u32 stage_index, enum wire_hist which)
{
	struct histograms *hists = bpf_map_lookup_elem(&stage_hists, &stage_index);

	return &hists->of[which];
}

__u64 cached_total(__u32 index)
{
	const struct wire_histogram *h = bpf_map_lookup_elem(&cached_hists, &index);
	__u64 sum = 0;

	for (unsigned i = 0; i < WIRE_HIST_BUCKETS; i++)
		sum += h->bucket[i];
	return sum;
}

__u64 hist_total(__u32 stage_index, enum wire_hist which)
{
	__u64 sum = 0;

	for (unsigned i = 0; i < WIRE_HIST_BUCKETS; i++)
		sum += hist(stage_index, which)->bucket[i];
	return sum;
}

/* The bucket by arithmetic of its own, not by hist.h. */
__u32 hist_of(__u32 stage_index, enum wire_hist which, __u64 value_ns)
{
	const unsigned cuts = 1 << WIRE_HIST_SUB_BITS; /* of a power of two */
	unsigned power = 0;

	while (value_ns >= 2 * cuts) {
		value_ns /= 2;
		power++;
	}
	return hist(stage_index, which)->bucket[power * cuts + value_ns];
}

void check_stats(__u32 stage_index, const struct wire_stage_stats *want, const char *file, int line)
{
	const __u64 *is = (const __u64 *)stats(stage_index), *should = (const __u64 *)want;
	int wrong = 0;

	for (unsigned i = 0; i < STAT_NAMES; i++) {
		if (is[i] == should[i])
			continue;
		print_error("%s:%d: stage %u: %s is %llu, expected %llu\n", file, line, stage_index,
			    stat_names[i], is[i], should[i]);
		wrong = 1;
	}
	_assert_true(!wrong, "counters as expected", file, line);
}

void check_counters(enum wire_counter but, __u64 n, const char *file, int line)
{
	for (int i = 0; i < WIRE_CTR_CNT; i++) {
		__u64 is = counter(i), should = i == (int)but ? n : 0;

		if (is != should)
			print_error("%s:%d: loss counter %d is %llu\n", file, line, i, is);
		_assert_int_equal(is, should, file, line);
	}
}

struct thread_state *state_of(struct shim_task *task)
{
	for (int i = 0; i < SHIM_STORAGES; i++)
		if (task->storage[i].map == &thread_states)
			return task->storage[i].value;
	return NULL;
}

void check_idle(struct shim_task *task, __u32 stage_index, const char *file, int line)
{
	struct thread_state *ts = state_of(task);

	_assert_int_equal(ts ? ts->used : 0, 0, file, line);
	_assert_int_equal(stats(stage_index)->in_flight, 0, file, line);
	_assert_int_equal(clocks[WIRE_CLOCK_VOICE][0] >> WIRE_CLOCK_BITS, 0, file, line);
	for (int i = 0; i < WIRE_OPEN_SLOTS; i++)
		_assert_int_equal(stats(stage_index)->open[i].start_ns, 0, file, line);
}
