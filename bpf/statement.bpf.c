/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * statement.bpf.c - database statements: how long one execution took, by what class of statement.
 *
 * Functions have roles (enum wire_role).  EXECUTE: the call is the execution (PQexec).  PREPARE
 * ties a text to a handle or a name; STEP, RESET and FREE run it in parts, whose times add up
 * (sqlite3_step: from the first step to the one that says done, or to the reset).  BEGIN and END:
 * sent, and the last result taken (PQsendQuery, PQgetResult); several may be on their way on one
 * connection, answered in order.  Entries and exits are paired as those of stages are
 * (pairing.bpf.h), outermost only: what PQexec calls itself is part of it.
 *
 * A text is known by its hash.  The first time a hash is seen the text itself goes to user space,
 * which answers with its class; executions that end before the answer go there as records, all
 * others are counted here, in the histogram of their class.  Slow ones send a record besides.
 *
 * Known error: texts that differ behind their first WIRE_TEXT_MAX bytes are one statement.  A
 * statement that was prepared before the probes came has no text: it is counted unclassified.
 */
#include "core_fixes.bpf.h"
#include "statement_text.bpf.h"

struct run_key {
	__u64 handle;
	__u64 stage;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, struct wire_statement_stats);
} text_stats SEC(".maps");

/* What an entry of text_stats begins as: too large for the stack. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wire_statement_stats);
} no_stats SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WIRE_CLASSES);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct wire_class_stats);
} class_stats SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct run_key);
	__type(value, struct statement_run);
} statement_runs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct run_key);
	__type(value, struct statements_sent);
} statements_sent SEC(".maps");

static __always_inline void raise_max(__u64 *max, __u64 value)
{
	for (int i = 0; i < CAS_TRIES; i++) {
		__u64 old = *(volatile __u64 *)max;

		if (value <= old || __sync_val_compare_and_swap(max, old, value) == old)
			return;
	}
	ctr_inc(WIRE_CTR_CLOCK_RETRY);
}

__noinline int statement_count_text(__u64 hash, __u64 busy_ns, __u32 failed)
{
	struct wire_statement_stats *stats = bpf_map_lookup_elem(&text_stats, &hash), *none;
	__u32 bucket = WIRE_STMT_BUCKET(hist_bucket(busy_ns)), zero = 0;

	if (!stats) {
		none = bpf_map_lookup_elem(&no_stats, &zero);
		if (none)
			bpf_map_update_elem(&text_stats, &hash, none, BPF_NOEXIST);
		stats = bpf_map_lookup_elem(&text_stats, &hash);
	}
	if (!stats)
		return 0;
	shared_add(&stats->count, 1);
	shared_add(&stats->sum_ns, busy_ns);
	if (failed)
		shared_add(&stats->errors, 1);
	raise_max(&stats->max_ns, busy_ns);
	if (bucket < WIRE_STMT_BUCKETS)
		shared_add(&stats->bucket[bucket], 1);
	return 0;
}

/* Counts it in its class.  1: it is one of the slow. */
__noinline int statement_count_class(__u32 cls, __u64 busy_ns, __u32 failed, __u32 timed_out)
{
	struct wire_class_stats *stats = bpf_map_lookup_elem(&class_stats, &cls);
	__u32 bucket = hist_bucket(busy_ns);

	if (!stats)
		return 0;
	shared_add(&stats->count, 1);
	shared_add(&stats->sum_ns, busy_ns);
	if (failed)
		shared_add(&stats->errors, 1);
	if (timed_out)
		shared_add(&stats->timeouts, 1);
	raise_max(&stats->max_ns, busy_ns);
	if (bucket < WIRE_HIST_BUCKETS)
		shared_add(&stats->hist.bucket[bucket], 1);
	return stats->slow_ns && busy_ns >= stats->slow_ns;
}

/* WIRE_CLASS_PENDING: only user space can say. */
static __always_inline __u32 class_of(__u64 hash)
{
	__u64 *cls;

	if (!hash)
		return WIRE_CLASS_UNCLASSIFIED;
	cls = bpf_map_lookup_elem(&text_classes, &hash);
	return cls && *cls < WIRE_CLASSES ? *cls : WIRE_CLASS_PENDING;
}

static __always_inline void count_stage(struct hit *hit, const struct statement_run *run,
					__u32 timed_out)
{
	struct wire_stage_stats *stats = hit->stage.stats;

	shared_add(&stats->spans, 1);
	shared_add(&stats->sum_ns, run->busy_ns);
	span_max(hit->stage.index, run->busy_ns);
	hist_count(hit->stage.index, WIRE_HIST_LATENCY, run->busy_ns);
	if (run->failed)
		shared_add(&stats->errors, 1);
	if (timed_out)
		shared_add(&stats->timeouts, 1);
	stats_usage(stats, &run->used);
}

/* An execution is over: the scratch's run, which ended at end_ns. */
__noinline int statement_ran(__u32 bind_index, __u64 end_ns, __u64 now, __u32 flags)
{
	struct thread_state *ts = thread_get(bpf_get_current_task_btf(), 0);
	struct statement_scratch *s;
	struct statement_run *run;
	__u32 timed_out, cls;
	struct hit hit;

	if (!ts || !hit_again(&hit, bind_index, now))
		return 0;
	s = &ts->statement;
	run = &s->run;
	timed_out = hit.stage.conf->timeout_ns && run->busy_ns > hit.stage.conf->timeout_ns;
	cls = class_of(run->hash);
	count_stage(&hit, run, timed_out);
	if (run->hash)
		statement_count_text(run->hash, run->busy_ns, run->failed);
	if (cls != WIRE_CLASS_PENDING) {
		if (!statement_count_class(cls, run->busy_ns, run->failed, timed_out) ||
		    !token_take(&hit.stage, now))
			return 0;
		flags |= WIRE_STMT_COUNTED;
	}
	record_begin(&hit, &s->record, run->hash);
	s->record.flags = flags | WIRE_STMT_RAN;
	if (run->failed)
		s->record.flags |= WIRE_STMT_ERROR;
	if (timed_out)
		s->record.flags |= WIRE_STMT_TIMEOUT;
	s->record.cls = cls;
	s->record.start_ns = run->start_ns;
	s->record.end_ns = end_ns;
	s->record.busy_ns = run->busy_ns;
	s->record.cpu_ns = run->used.cpu_ns;
	s->record.process_cpu_ns = run->used.process_cpu_ns;
	for (int i = 0; i < WIRE_WAITS; i++)
		s->record.wait_ns[i] = run->used.wait_ns[i];
	s->record.steps = run->steps;
	record_send(&hit, s, 0);
	return 0;
}

/* Where the result is a pointer to what failed, none at all is a failure too. */
static __always_inline int failed(struct hit *hit, const struct value_ctx *at)
{
	struct wire_value *error = &hit->bind->error;

	if (error->base == WIRE_BASE_NONE)
		return 0;
	if (error->base == WIRE_BASE_RET && error->derefs && !at->ret)
		return 1;
	return holds(hit, error, at);
}

/* Makes s->run of the function that returns now. */
static __always_inline void run_of_call(struct hit *hit, struct thread_state *ts, struct frame *f,
					const struct value_ctx *at)
{
	struct statement_run *run = &ts->statement.run;

	usage_update(ts, bpf_get_current_task_btf(), hit->now);
	usage_diff(&run->used, &ts->total, &f->at_entry);
	run->start_ns = f->start_ns;
	run->busy_ns = hit->now - f->start_ns;
	run->hash = f->key;
	run->steps = 1;
	run->failed = failed(hit, at);
}

static __always_inline void run_add(struct statement_run *to, const struct statement_run *step)
{
	to->busy_ns += step->busy_ns;
	to->steps++;
	to->failed |= step->failed;
	to->used.cpu_ns += step->used.cpu_ns;
	to->used.process_cpu_ns += step->used.process_cpu_ns;
	for (int i = 0; i < WIRE_WAITS; i++)
		to->used.wait_ns[i] += step->used.wait_ns[i];
}

/*
 * Begun before the stage was taken off: what became of it was not seen.  One such statement left on
 * a connection would be taken for the next one, and that for the one after it, for ever.
 */
static __always_inline int is_old(const struct hit *hit, __u64 start_ns)
{
	return start_ns < hit->stage.conf->frames_since_ns;
}

static __noinline int exit_step(struct hit *hit, struct thread_state *ts, struct frame *f,
				const struct value_ctx *at)
{
	struct run_key key = {.handle = f->handle, .stage = hit->stage.index};
	struct statement_run *run = bpf_map_lookup_elem(&statement_runs, &key);
	int over = hit->bind->when.base == WIRE_BASE_NONE || holds(hit, &hit->bind->when, at);

	if (run && is_old(hit, run->start_ns)) {
		bpf_map_delete_elem(&statement_runs, &key);
		run = NULL;
	}
	run_of_call(hit, ts, f, at);
	if (run) {
		run_add(run, &ts->statement.run);
		if (!over)
			return 0;
		ts->statement.run = *run;
		bpf_map_delete_elem(&statement_runs, &key);
	} else if (!over) {
		if (bpf_map_update_elem(&statement_runs, &key, &ts->statement.run, BPF_ANY))
			ctr_inc(WIRE_CTR_STATEMENTS_FULL);
		return 0;
	}
	statement_ran(hit->bind_index, hit->now, hit->now, WIRE_STMT_CPU);
	return 0;
}

/* --- sent, and answered --- */

static __noinline int sent_push(struct hit *hit, struct thread_state *ts, struct frame *f)
{
	struct run_key key = {.handle = f->handle, .stage = hit->stage.index};
	struct statements_sent *sent = bpf_map_lookup_elem(&statements_sent, &key);
	struct statements_sent *fresh = &ts->statement.sent;
	__u32 at;

	if (!sent || is_old(hit, sent->at[sent->first & (WIRE_SENT_MAX - 1)].start_ns)) {
		__builtin_memset(fresh, 0, sizeof(*fresh));
		fresh->at[0].start_ns = f->start_ns;
		fresh->at[0].hash = f->key;
		fresh->next = 1;
		fresh->bind = hit->bind_index;
		if (bpf_map_update_elem(&statements_sent, &key, fresh, BPF_ANY))
			ctr_inc(WIRE_CTR_STATEMENTS_FULL);
		return 0;
	}
	if (sent->next - sent->first >= WIRE_SENT_MAX) {
		ctr_inc(WIRE_CTR_STATEMENTS_FULL);
		return 0;
	}
	at = sent->next & (WIRE_SENT_MAX - 1);
	sent->at[at].start_ns = f->start_ns;
	sent->at[at].hash = f->key;
	sent->next++;
	return 0;
}

static __noinline int exit_result(struct hit *hit, struct thread_state *ts, struct frame *f,
				  const struct value_ctx *at)
{
	struct run_key key = {.handle = f->handle, .stage = hit->stage.index};
	struct statements_sent *sent = bpf_map_lookup_elem(&statements_sent, &key);
	struct statement_run *run = &ts->statement.run;
	int over = hit->bind->when.base == WIRE_BASE_NONE || holds(hit, &hit->bind->when, at);
	__u64 end_ns;
	__u32 i;

	/* None was sent that we know of: prepared, or before the probes came. */
	if (!sent)
		return 0;
	i = sent->first & (WIRE_SENT_MAX - 1);
	if (is_old(hit, sent->at[i].start_ns)) {
		bpf_map_delete_elem(&statements_sent, &key);
		return 0;
	}
	if (!over) {
		sent->last_ns = hit->now;
		sent->failed |= failed(hit, at);
		return 0;
	}
	end_ns = sent->last_ns ?: hit->now;
	__builtin_memset(run, 0, sizeof(*run));
	run->start_ns = sent->at[i].start_ns;
	run->hash = sent->at[i].hash;
	run->busy_ns = end_ns - run->start_ns;
	run->steps = 1;
	run->failed = sent->last_ns ? sent->failed : (__u32)failed(hit, at);
	sent->first++;
	sent->last_ns = 0;
	sent->failed = 0;
	if (sent->first == sent->next)
		bpf_map_delete_elem(&statements_sent, &key);
	statement_ran(hit->bind_index, end_ns, hit->now, 0);
	return 0;
}

/* --- the programs --- */

/* RESET, FREE: what the handle was doing is over. */
static __always_inline int handle_over(struct hit *hit, const struct value_ctx *at)
{
	struct run_key key = {.stage = hit->stage.index};
	struct prepared_key text = {.name = 0};
	struct thread_state *ts;
	struct statement_run *run;

	key.handle = value_of(hit, &hit->bind->handle, at);
	run = bpf_map_lookup_elem(&statement_runs, &key);
	if (run && is_old(hit, run->start_ns)) {
		bpf_map_delete_elem(&statement_runs, &key);
	} else if (run) {
		ts = thread_get(bpf_get_current_task_btf(), 1);
		if (ts) {
			ts->statement.run = *run;
			bpf_map_delete_elem(&statement_runs, &key);
			statement_ran(hit->bind_index, hit->now, hit->now, WIRE_STMT_CPU);
		}
	}
	if (hit->bind->role == WIRE_ROLE_FREE) {
		text.handle = key.handle;
		bpf_map_delete_elem(&prepared, &text);
		/* A connection: what was sent on it is answered no more. */
		bpf_map_delete_elem(&statements_sent, &key);
	}
	return 0;
}

static __always_inline void enter(struct hit *hit, const struct value_ctx *at)
{
	struct wire_bind *bind = hit->bind;
	__u64 handle = 0, hash = 0;
	struct thread_state *ts;

	if (bind->where.base != WIRE_BASE_NONE && !(bind->flags & WIRE_BIND_WHERE_AT_RETURN) &&
	    !holds(hit, &bind->where, at)) {
		shared_add(&hit->stage.stats->filtered, 1);
		return;
	}
	if (!(bind->flags & WIRE_BIND_AT_RETURN)) {
		handle_over(hit, at);
		return;
	}
	ts = thread_get(bpf_get_current_task_btf(), 1);
	if (!ts)
		return;
	if (enter_nested(hit, ts)) {
		shared_add(&hit->stage.stats->nested, 1);
		return;
	}
	if ((bind->flags & WIRE_BIND_LEARN) && !return_site_known(hit))
		return;
	/* What a preparation gives is there at its return. */
	if (bind->role != WIRE_ROLE_PREPARE) {
		handle = value_of(hit, &bind->handle, at);
		if (bind->role != WIRE_ROLE_END)
			hash = statement_hash(hit->bind_index, at, handle, hit->now);
	}
	enter_push(hit, ts, at, hash, handle);
}

SEC("uprobe")
int statement_enter(struct pt_regs *regs)
{
	struct value_ctx at = {};
	struct hit hit;

	keep_own_stack(regs);
	if (!current_is_target() || !hit_lookup(&hit, regs))
		return 0;
	shared_add(&hit.stage.stats->entry_hits, 1);
	shared_add(&hit.stage.stats->cost_ns, hit.probe->cost_ns);
	if (hit.bind->flags & WIRE_BIND_TRIAL) {
		shared_add(&hit.stage.stats->trial_hits, 1);
	} else if (hit.stage.conf->state == WIRE_STAGE_ARMED) {
		arch_args(regs, at.arg);
		at.sp = hit.sp;
		enter(&hit, &at);
	}
	measure_run(hit.now);
	return 0;
}

static __always_inline int exit_statement(struct hit *hit, struct thread_state *ts, struct frame *f,
					  const struct value_ctx *at)
{
	struct wire_bind *bind = hit->bind;

	if ((bind->flags & WIRE_BIND_WHERE_AT_RETURN) && !holds(hit, &bind->where, at)) {
		shared_add(&hit->stage.stats->filtered, 1);
		return 0;
	}
	if (bind->role == WIRE_ROLE_PREPARE) {
		return statement_prepared(hit->bind_index, at, hit->now);
	}
	if (bind->role == WIRE_ROLE_STEP)
		return exit_step(hit, ts, f, at);
	if (bind->role == WIRE_ROLE_END)
		return exit_result(hit, ts, f, at);
	/* By now the function itself has touched the text. */
	if (!f->key)
		f->key = statement_hash(hit->bind_index, at, f->handle, hit->now);
	if (bind->role == WIRE_ROLE_BEGIN)
		return sent_push(hit, ts, f);
	run_of_call(hit, ts, f, at);
	return statement_ran(hit->bind_index, hit->now, hit->now, WIRE_STMT_CPU);
}

/* Frame i returns now. */
__noinline int statement_left(__u32 bind_index, __u32 i, __u64 now)
{
	struct thread_state *ts = thread_get(bpf_get_current_task_btf(), 0);
	struct hit hit;

	if (!ts || !hit_again(&hit, bind_index, now))
		return 0;
	return exit_statement(&hit, ts, frame_at(ts, i), &ts->statement.at);
}

static __always_inline void leave(struct hit *hit, struct pt_regs *regs)
{
	struct thread_state *ts = thread_get(bpf_get_current_task_btf(), 0);
	struct value_ctx *at;
	struct frame *f;
	int i;

	if (!ts || !ts->used) {
		if (was_entered(hit))
			shared_add(&hit->stage.stats->unmatched, 1);
		return;
	}
	i = exit_match(hit, ts);
	if (i < 0)
		return;
	f = frame_at(ts, i);
	at = &ts->statement.at;
	for (int n = 0; n < ARCH_REG_ARGS; n++)
		at->arg[n] = f->arg[n];
	at->ret = arch_ret(regs);
	at->sp = hit->sp;
	statement_left(hit->bind_index, i, hit->now);
	frame_release(ts, i, hit->stage.stats, hit->now);
	if (ts->used)
		frames_reconcile(ts, hit->sp - 1, FRAME_UNWOUND, hit->now);
}

SEC("uprobe")
int statement_exit(struct pt_regs *regs)
{
	struct hit hit;

	keep_own_stack(regs);
	if (!current_is_target() || !hit_lookup(&hit, regs))
		return 0;
	shared_add(&hit.stage.stats->exit_hits, 1);
	shared_add(&hit.stage.stats->cost_ns, hit.probe->cost_ns);
	if (hit.stage.conf->state >= WIRE_STAGE_ARMED && !(hit.bind->flags & WIRE_BIND_TRIAL) &&
	    !goes_on(&hit, regs))
		leave(&hit, regs);
	measure_run(hit.now);
	return 0;
}
