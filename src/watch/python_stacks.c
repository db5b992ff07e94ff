/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/python_stacks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/loader.h"
#include "python/runtime.h"
#include "watch/clock.h"
#include "watch/python_look.h"
#include "watch/python_sampling.h"
#include "watch/watching.h"
#include "watch/worker.h"

#define VERSION_3_11 0x030b0000U
#define THREADS_MAX  64
#define LOOKS_MAX    32 /* stacks kept of one look */
#define WAITING_MAX  16 /* coroutines that are on no thread */
#define PERIOD_NS    100000000ULL
#define PERIOD_MAX   5000000000ULL
/* The share of a call's age that passes between two looks. */
#define AGE_SHARE 16
/* Looks take at most so small a part of a CPU. */
#define CPU_SHARE 200

struct stacks_job {
	struct worker_job job;
	struct python_stacks *ps;
	uint64_t stages; /* bits of those with slow calls */
	uint64_t at_ns;
	uint32_t opened; /* the interpreter that it is about */
	uint64_t cpu_ns; /* out: that it took */
	size_t waiting_n;
	struct sampled_waiting waiting[WAITING_MAX];
	size_t n;
	struct seen_stack looks[LOOKS_MAX];
};

struct python_stacks {
	struct watching *watching; /* borrowed */
	struct seen_stacks seen;
	uint32_t opened;
	uint64_t next_ns;
	bool under_way; /* the job */
	struct stacks_job job;
};

struct python_stacks *python_stacks__new(struct watching *w)
{
	struct python_stacks *ps = calloc(1, sizeof(*ps));

	if (ps)
		ps->watching = w;
	return ps;
}

void python_stacks__free(struct python_stacks *ps)
{
	free(ps);
}

const struct seen_stacks *python_stacks__seen(const struct python_stacks *ps)
{
	return ps ? &ps->seen : NULL;
}

/* Names of nested functions are in the list only, to 3.10. */
static int stage_of(const struct python_target *t, const struct python_frame *frame)
{
	struct python_function f = {
		.code = frame->code, .file = frame->file, .qualname = frame->qualname};
	bool listed = python_runtime__offsets(t->runtime)->version < VERSION_3_11;

	for (size_t i = 0; listed && i < t->functions.n; i++)
		if (t->functions.items[i].code == frame->code)
			return python_target_stage(t, &t->functions.items[i]);
	return python_target_stage(t, &f);
}

static struct seen_stack *note(struct stacks_job *j, int stage, const struct python_frame *frames,
			       size_t n)
{
	struct seen_stack *look;

	if (j->n == LOOKS_MAX)
		return NULL;
	look = &j->looks[j->n++];
	look->stage = (uint32_t)stage;
	look->at_ns = j->at_ns;
	seen_stack_text(frames, n, look->text, sizeof(look->text));
	return look;
}

/* For each stage its outermost call: what is below it is its time. */
static void note_stack(struct stacks_job *j, const struct python_stack *stack)
{
	const struct python_target *t = &j->ps->watching->python;
	uint64_t done = 0;

	for (size_t i = stack->n; i--;) {
		int stage = stage_of(t, &stack->frames[i]);

		if (stage < 0 || !(j->stages >> stage & 1) || done >> stage & 1)
			continue;
		done |= 1ULL << stage;
		note(j, stage, stack->frames, i + 1);
	}
}

/* On no stack is what it waits for, but where it does is known. */
static void note_waiting(struct stacks_job *j, const struct sampled_waiting *w)
{
	const struct python_target *t = &j->ps->watching->python;
	struct python_frame frame;
	struct seen_stack *look;

	if (!(j->stages >> w->stage & 1) ||
	    python_frame_describe(t->runtime, w->code, w->frame, &frame) ||
	    !python_look_suspended(t, w->frame, w->code))
		return;
	look = note(j, (int)w->stage, &frame, 1);
	if (look)
		seen_stack_suspended(look->text, sizeof(look->text));
}

static void look(struct stacks_job *j)
{
	struct python_target *t = &j->ps->watching->python;
	struct python_thread *threads = calloc(THREADS_MAX, sizeof(*threads));
	int n = threads && t->runtime ? python_threads_list(t->runtime, threads, THREADS_MAX) : 0;

	for (int i = 0; i < n && j->n < LOOKS_MAX; i++) {
		struct python_stack stack;

		if (python_stack_read(t->runtime, threads[i].tstate, &stack))
			continue;
		note_stack(j, &stack);
		python_stack_free(&stack);
	}
	free(threads);
	for (size_t i = 0; i < j->waiting_n && t->runtime; i++)
		note_waiting(j, &j->waiting[i]);
}

static void run_job(struct worker_job *job)
{
	struct stacks_job *j = (struct stacks_job *)job;
	uint64_t begun_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);

	look(j);
	j->cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - begun_ns;
}

static void job_done(struct worker_job *job)
{
	struct stacks_job *j = (struct stacks_job *)job;
	struct python_stacks *ps = j->ps;

	ps->under_way = false;
	if (ps->next_ns < j->at_ns + j->cpu_ns * CPU_SHARE)
		ps->next_ns = j->at_ns + j->cpu_ns * CPU_SHARE;
	if (j->opened != ps->watching->python.opened)
		return;
	for (size_t i = 0; i < j->n; i++)
		seen_stacks_add(&ps->seen, &j->looks[i]);
}

/* The age of the youngest slow call of the stage; 0: there is none. */
static uint64_t slow_age(const struct watching *w, size_t stage, uint64_t now_ns)
{
	const volatile struct wire_stage_stats *s = loader__stats(w->loader, (uint32_t)stage);
	uint64_t youngest = 0;

	for (size_t i = 0; i < WIRE_OPEN_SLOTS; i++) {
		uint64_t start_ns = s->open[i].start_ns;
		uint64_t age_ns = start_ns && start_ns < now_ns ? now_ns - start_ns : 0;

		if (age_ns >= PYTHON_STACKS_SLOW_NS && (!youngest || age_ns < youngest))
			youngest = age_ns;
	}
	return youngest;
}

/* Bits of the stages that are slow now, and when to look again. */
static uint64_t slow_stages(struct python_stacks *ps, uint64_t now_ns)
{
	const struct watching *w = ps->watching;
	uint64_t stages = 0, youngest = UINT64_MAX, period_ns;

	for (size_t i = 0; i < w->config->stages_n; i++) {
		uint64_t age_ns = w->python.stages >> i & 1 ? slow_age(w, i, now_ns) : 0;

		if (!age_ns)
			continue;
		stages |= 1ULL << i;
		if (age_ns < youngest)
			youngest = age_ns;
	}
	if (!stages)
		return 0;
	period_ns = youngest / AGE_SHARE;
	period_ns = period_ns < PERIOD_NS ? PERIOD_NS : period_ns;
	ps->next_ns = now_ns + (period_ns > PERIOD_MAX ? PERIOD_MAX : period_ns);
	return stages;
}

void python_stacks__drained(struct python_stacks *ps, uint64_t now_ns)
{
	struct watching *w = ps->watching;
	uint64_t stages;

	/* Without a thread of its own it is not done: the loop must not wait for it. */
	if (now_ns < ps->next_ns || ps->under_way || !w->worker || watching_lent(w) ||
	    !w->python.runtime)
		return;
	if (ps->opened != w->python.opened) {
		ps->opened = w->python.opened;
		ps->seen.n = ps->seen.next = 0;
	}
	stages = slow_stages(ps, now_ns);
	if (!stages)
		return;
	ps->job.job = (struct worker_job){run_job, job_done};
	ps->job.ps = ps;
	ps->job.stages = stages;
	ps->job.at_ns = now_ns;
	ps->job.opened = ps->opened;
	ps->job.n = 0;
	ps->job.waiting_n = sampled_spans__waiting(python_sampling__spans(w->python_sampling),
						   now_ns - PYTHON_STACKS_SLOW_NS, ps->job.waiting,
						   WAITING_MAX);
	ps->under_way = !worker__start(w->worker, &ps->job.job);
}
