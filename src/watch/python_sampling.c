/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/python_sampling.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/python.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "python/runtime.h"
#include "python/sampled_spans.h"
#include "watch/backoff.h"
#include "watch/clock.h"
#include "watch/python_clock.h"
#include "watch/python_look.h"
#include "watch/watching.h"
#include "watch/worker.h"

#define QUESTIONS_MAX 1024
#define LISTED_MAX    12000
/* How often a code object of no stage is looked at again: another one may be in its place. */
#define GENERATION_NS 30000000000ULL
/* Functions that come later and are not on a stack when we look are found by listing again. */
#define LIST_MIN_NS 1000000000ULL
/* How often generators are looked at whose end was not told. */
#define DOUBTS_NS   500000000ULL
#define LIST_MAX_NS 32000000000ULL
#define WAY_TEXT                                                                                   \
	"sampled %d times a second: short calls are missed, calls in a row may count as one, "     \
	"counts are at least so many%s%s%s"
#define NO_LISTS "; generators and coroutines are not seen: the collector's lists were not found"

struct look_job {
	struct worker_job job;
	struct python_sampling *ps;
	struct python_look look;
};

struct python_sampling {
	struct watching *watching; /* borrowed */
	struct sampled_spans *spans;
	uint64_t now_ns; /* of the call that is being worked on */
	uint64_t given;	 /* bits of stages that are measured otherwise */
	uint64_t seen;	 /* ... of those of which some function was seen */
	uint64_t makes;	 /* ... whose functions make generators or coroutines */
	char why[WIRE_STAGES_MAX][PYTHON_WHY_MAX];
	bool running;
	bool shed;
	bool update_due;	     /* it was asked for while the worker had the interpreter */
	bool stages_new;	     /* functions that are listed may be of other stages now */
	char failed[PYTHON_WHY_MAX]; /* why it does not run */
	uint32_t opened, listed;     /* as of the last update */
	struct backoff backoff;
	uint64_t generation_ns;
	uint64_t doubts_ns;		 /* when suspended generators were looked at last */
	uint64_t list_ns, list_delay_ns; /* the last list, and when the next is due after it */
	bool under_way;			 /* the job */
	struct look_job look;
	size_t questions_n;
	uint64_t questions[QUESTIONS_MAX];
};

/* --- spans ----------------------------------------------------------------------------------- */

static uint32_t on_opened(void *ctx, uint32_t stage, uint64_t start_ns, uint32_t tid)
{
	struct python_sampling *ps = ctx;

	return stage < ps->watching->config->stages_n
		       ? python_take_slot(ps->watching->loader, stage, start_ns, tid)
		       : 0;
}

static void on_landed(void *ctx, uint32_t stage, uint32_t slot)
{
	struct python_sampling *ps = ctx;

	if (stage < ps->watching->config->stages_n)
		python_free_slot(ps->watching->loader, stage, slot);
}

static void on_span(void *ctx, const struct wire_span *span)
{
	struct python_sampling *ps = ctx;
	struct watching *w = ps->watching;

	if (span->stage >= w->config->stages_n)
		return;
	python_count_span(w->loader, span);
	metrics__feed_span(w->metrics, span, ps->now_ns);
}

struct python_sampling *python_sampling__new(struct watching *w)
{
	const struct sampled_spans_ops ops = {on_opened, on_landed, on_span};
	struct python_sampling *ps = calloc(1, sizeof(*ps));

	if (!ps)
		return NULL;
	ps->watching = w;
	ps->list_delay_ns = LIST_MIN_NS;
	ps->spans = sampled_spans__new(&ops, ps);
	if (!ps->spans) {
		free(ps);
		errno = ENOMEM;
		return NULL;
	}
	return ps;
}

void python_sampling__free(struct python_sampling *ps)
{
	if (!ps)
		return;
	sampled_spans__free(ps->spans);
	free(ps);
}

/* --- states ---------------------------------------------------------------------------------- */

static uint64_t stages_of(const struct python_sampling *ps)
{
	return ps->watching->python.stages & ~ps->given;
}

bool python_sampling__has(const struct python_sampling *ps, size_t stage)
{
	return ps && stages_of(ps) >> stage & 1;
}

static enum attach_state state_of(const struct python_sampling *ps, size_t stage)
{
	if (ps->shed)
		return ATTACH_SHED;
	if (ps->failed[0])
		return ATTACH_REFUSED;
	return ps->running && ps->seen >> stage & 1 ? ATTACH_ARMED : ATTACH_NONE;
}

static void tell_stage(struct python_sampling *ps, size_t i)
{
	struct watching *w = ps->watching;
	struct attached_stage *s = &w->attachment.stages[i];

	s->state = state_of(ps, i);
	s->way = ATTACH_BY_SAMPLING;
	if (s->state == ATTACH_NONE && !ps->update_due)
		python_target_explain(&w->python, i, s->reason, sizeof(s->reason));
	else if (s->state == ATTACH_ARMED)
		snprintf(s->reason, sizeof(s->reason), WAY_TEXT, WIRE_PYTHON_HZ,
			 ps->why[i][0] ? "; " : "", ps->why[i],
			 ps->makes >> i & 1 && !python_conf(w->loader)->gc_lists[0] ? NO_LISTS
										    : "");
	else if (s->state != ATTACH_NONE)
		snprintf(s->reason, sizeof(s->reason), "%s", ps->failed);
	metrics__stage_sampled(w->metrics, i, true);
	loader__stage(w->loader, (uint32_t)i)->state = s->state == ATTACH_ARMED ? WIRE_STAGE_ARMED
										: WIRE_STAGE_OFF;
}

static void tell(struct python_sampling *ps)
{
	for (size_t i = 0; i < ps->watching->config->stages_n; i++)
		if (stages_of(ps) >> i & 1)
			tell_stage(ps, i);
	watching_states(ps->watching);
}

/* --- code objects ---------------------------------------------------------------------------- */

static void set_class(struct python_sampling *ps, uint64_t code, struct wire_python_code *cls,
		      bool makes)
{
	struct watching *w = ps->watching;

	if (cls->cls && !(stages_of(ps) >> (cls->cls - 1) & 1))
		cls->cls = WIRE_PYTHON_NOTHING;
	if (cls->cls)
		ps->seen |= 1ULL << (cls->cls - 1);
	if (cls->cls && makes) {
		ps->makes |= 1ULL << (cls->cls - 1);
		python_conf(w->loader)->generators = 1;
	}
	cls->generation = python_conf(w->loader)->generation;
	(void)python_set_class(w->loader, code, cls);
	sampled_spans__resolve(ps->spans, code, cls->cls);
}

/* What is known need not be asked: else all is a question at first, and what is told is cut. */
static void note_listed(struct python_sampling *ps)
{
	const struct python_target *t = &ps->watching->python;
	struct wire_python *conf = python_conf(ps->watching->loader);
	size_t n = t->runtime ? t->functions.n : 0;

	if (t->runtime && !conf->gc_lists[0])
		memcpy(conf->gc_lists, t->functions.gc_lists, sizeof(conf->gc_lists));
	for (size_t i = 0; i < n; i++) {
		uint64_t code = t->functions.items[i].code;
		int stage = python_target_stage(t, &t->functions.items[i]);
		struct wire_python_code cls = {.cls = stage < 0 ? WIRE_PYTHON_NOTHING
								: (uint32_t)stage + 1};

		/* The oldest give way to newer ones: the others are asked for. */
		if (stage < 0 && i >= LISTED_MAX)
			continue;
		if (stage >= 0)
			cls.qualname = python_look_name(t, code);
		set_class(ps, code, &cls, python_look_makes(t->functions.items[i].flags));
	}
}

static void note_generators_of(struct python_sampling *ps, uint64_t code, uint32_t cls)
{
	const struct python_functions *functions = &ps->watching->python.functions;

	for (size_t i = 0; i < functions->generators_n; i++) {
		if (functions->generators[i].code != code ||
		    !python_generator_known(ps->watching->loader, functions->generators[i].frame,
					    code, cls))
			continue;
		log_info("too many generators were there before: some may seem to be new");
		return;
	}
}

/* Those that were made before the first look: when one is come by later, it is not new. */
static void note_generators(struct python_sampling *ps)
{
	const struct python_target *t = &ps->watching->python;

	for (size_t i = 0; t->runtime && i < t->functions.n; i++) {
		const struct python_function *f = &t->functions.items[i];
		int stage = python_look_makes(f->flags) ? python_target_stage(t, f) : -1;

		if (stage >= 0 && stages_of(ps) >> stage & 1)
			note_generators_of(ps, f->code, (uint32_t)stage + 1);
	}
}

/* --- running --------------------------------------------------------------------------------- */

static int set_clock(struct python_sampling *ps, uint32_t hz)
{
	struct watching *w = ps->watching;

	return python_clock_want(&w->python_clock, w->loader, w->keeper, PYTHON_CLOCK_FRAMES, hz);
}

static void stop(struct python_sampling *ps)
{
	struct wire_python *conf = python_conf(ps->watching->loader);

	if (conf)
		conf->sampling = 0;
	if (ps->running && set_clock(ps, 0))
		log_info("the clocks of Python threads could not be stopped");
	ps->running = false;
	sampled_spans__stop(ps->spans);
	ps->questions_n = 0;
}

/* What is under way already would seem to begin now. */
static void note_under_way(struct python_sampling *ps)
{
	struct sampled_suspended *frames = calloc(SAMPLED_UNDER_WAY_MAX, sizeof(*frames));
	ssize_t n =
		frames ? python_look_frames(&ps->watching->python, frames, SAMPLED_UNDER_WAY_MAX)
		       : -ENOMEM;

	if (n >= 0)
		sampled_spans__under_way(ps->spans, frames, (size_t)n);
	else
		log_info("calls of Python that are under way cannot be read: %s", err_str((int)n));
	free(frames);
}

/* False: the target is ending, and what is known of its stages stays as it is. */
static bool start(struct python_sampling *ps, uint64_t now_ns)
{
	struct watching *w = ps->watching;
	struct wire_python *conf = python_conf(w->loader);
	int err;

	ps->failed[0] = '\0';
	ps->shed = false;
	python_forget_classes(w->loader);
	conf->generation++;
	conf->generators = 0;
	note_listed(ps);
	note_under_way(ps);
	conf->since_ns = clock_ns(CLOCK_MONOTONIC);
	note_generators(ps);
	__atomic_store_n(&conf->sampling, 1, __ATOMIC_SEQ_CST);
	ps->generation_ns = now_ns;
	err = set_clock(ps, WIRE_PYTHON_HZ);
	ps->running = !err;
	if (!err) {
		backoff_works(&ps->backoff, now_ns);
		return true;
	}
	conf->sampling = 0;
	if (err == -ESRCH)
		return false;
	snprintf(ps->failed, sizeof(ps->failed), "Python's threads cannot be looked at: %s",
		 err == -EPERM ? "not permitted (a stage of Python was not configured at start, or "
				 "CAP_PERFMON is missing)"
		 : err == -E2BIG ? "more than 1024 threads"
				 : err_str(err));
	return true;
}

void python_sampling__update(struct python_sampling *ps, uint64_t now_ns)
{
	struct python_target *t = &ps->watching->python;
	bool wanted;

	ps->now_ns = now_ns;
	ps->update_due = watching_lent(ps->watching);
	if (ps->update_due) {
		tell(ps);
		return;
	}
	wanted = t->runtime && stages_of(ps);
	if (ps->running && (!wanted || ps->opened != t->opened))
		stop(ps);
	if (ps->opened != t->opened)
		ps->seen = ps->makes = 0;
	ps->opened = t->opened;
	if (ps->listed != t->listed)
		ps->list_ns = now_ns;
	if (ps->listed != t->listed || ps->stages_new)
		note_listed(ps);
	ps->listed = t->listed;
	ps->stages_new = false;
	if (wanted && !ps->running && !ps->shed && !start(ps, now_ns))
		return;
	tell(ps);
}

void python_sampling__give(struct python_sampling *ps, size_t stage)
{
	ps->given |= 1ULL << stage;
	metrics__stage_sampled(ps->watching->metrics, stage, false);
	/* Its functions are none of ours from the next look on. */
	if (ps->running)
		python_forget_classes(ps->watching->loader);
	python_sampling__update(ps, ps->now_ns);
}

void python_sampling__take(struct python_sampling *ps, size_t stage, const char *why)
{
	ps->given &= ~(1ULL << stage);
	snprintf(ps->why[stage], sizeof(ps->why[stage]), "%s", why);
	/* What was of no stage is of this one now. */
	ps->stages_new = true;
	python_sampling__update(ps, ps->now_ns);
}

void python_sampling__shed(struct python_sampling *ps, double percent, uint64_t now_ns)
{
	ps->now_ns = now_ns;
	stop(ps);
	ps->shed = true;
	snprintf(ps->failed, sizeof(ps->failed),
		 "taken off: all probes together cost more than the ceiling, looking at Python's "
		 "frames %.1f %%",
		 percent);
	backoff_failed(&ps->backoff, ps->watching->config->retry_ns, now_ns);
	tell(ps);
}

uint64_t python_sampling__cost_ns(struct python_sampling *ps)
{
	struct wire_python_stats stats;

	if (!ps || python_stats(ps->watching->loader, &stats))
		return 0;
	return stats.ran_ns + stats.ticks * WIRE_PYTHON_TICK_NS;
}

const struct sampled_spans *python_sampling__spans(const struct python_sampling *ps)
{
	return ps->spans;
}

/* --- records and the worker ------------------------------------------------------------------ */

void python_sampling__sample(struct python_sampling *ps, const struct wire_python_sample *sample)
{
	ps->now_ns = sample->hdr.ts_ns;
	if (ps->running)
		sampled_spans__feed(ps->spans, sample);
}

void python_sampling__generator(struct python_sampling *ps,
				const struct wire_python_generator *generator)
{
	ps->now_ns = generator->hdr.ts_ns;
	if (ps->running)
		sampled_spans__generator(ps->spans, generator);
}

void python_sampling__question(struct python_sampling *ps,
			       const struct wire_python_question *question)
{
	/* One that is lost here is asked again with the next generation. */
	if (ps->running && ps->questions_n < QUESTIONS_MAX)
		ps->questions[ps->questions_n++] = question->code;
}

static void run_look(struct worker_job *job)
{
	python_look_run(&((struct look_job *)job)->look);
}

/* Generators that are over, though no look saw that. */
static void let_go(struct python_sampling *ps, const struct python_look *look)
{
	for (size_t i = 0; i < look->generators_n; i++)
		if (look->over[i] && sampled_spans__gone(ps->spans, look->generator[i].frame,
							 look->generator[i].code, ps->now_ns))
			python_generator_gone(ps->watching->loader, look->generator[i].frame);
}

static void look_done(struct worker_job *job)
{
	struct look_job *l = (struct look_job *)job;
	struct python_sampling *ps = l->ps;
	uint64_t seen = ps->seen;

	ps->under_way = false;
	if (ps->running) {
		for (size_t i = 0; i < l->look.codes_n; i++)
			set_class(ps, l->look.code[i], &l->look.cls[i], l->look.makes[i]);
		let_go(ps, &l->look);
	}
	if (ps->listed != ps->watching->python.listed || seen != ps->seen)
		python_sampling__update(ps, clock_ns(CLOCK_MONOTONIC));
}

/* Functions that nobody has seen yet are listed for, ever more rarely. */
static bool list_due(struct python_sampling *ps, uint64_t now_ns)
{
	if (!(stages_of(ps) & ~ps->seen) || now_ns - ps->list_ns < ps->list_delay_ns)
		return false;
	ps->list_ns = now_ns;
	if (ps->list_delay_ns < LIST_MAX_NS)
		ps->list_delay_ns *= 2;
	return true;
}

static void fill_look(struct python_sampling *ps, uint64_t now_ns)
{
	struct python_look *look = &ps->look.look;
	size_t n = ps->questions_n < PYTHON_LOOK_CODES ? ps->questions_n : PYTHON_LOOK_CODES;

	look->target = &ps->watching->python;
	look->list = list_due(ps, now_ns);
	memcpy(look->code, ps->questions, n * sizeof(look->code[0]));
	look->codes_n = n;
	ps->questions_n -= n;
	memmove(ps->questions, ps->questions + n, ps->questions_n * sizeof(ps->questions[0]));
	look->generators_n = 0;
	if (now_ns - ps->doubts_ns < DOUBTS_NS)
		return;
	ps->doubts_ns = now_ns;
	look->generators_n = sampled_spans__suspended(ps->spans, now_ns, look->generator,
						      PYTHON_LOOK_GENERATORS);
}

static void start_look(struct python_sampling *ps, uint64_t now_ns)
{
	struct worker *worker = ps->watching->worker;

	if (ps->under_way || watching_lent(ps->watching))
		return;
	fill_look(ps, now_ns);
	if (!ps->look.look.codes_n && !ps->look.look.generators_n && !ps->look.look.list)
		return;
	ps->look.ps = ps;
	ps->look.job = (struct worker_job){run_look, look_done};
	ps->under_way = true;
	if (worker && !worker__start(worker, &ps->look.job))
		return;
	/* No thread to be had. */
	run_look(&ps->look.job);
	look_done(&ps->look.job);
}

void python_sampling__drained(struct python_sampling *ps, uint64_t now_ns)
{
	bool lent = watching_lent(ps->watching);

	ps->now_ns = now_ns;
	if (ps->shed && !lent && backoff_take(&ps->backoff, now_ns)) {
		ps->shed = false;
		ps->failed[0] = '\0';
		ps->update_due = true;
	}
	if (ps->update_due && !lent)
		python_sampling__update(ps, now_ns);
	if (!ps->running)
		return;
	if (now_ns - ps->generation_ns >= GENERATION_NS) {
		ps->generation_ns = now_ns;
		python_conf(ps->watching->loader)->generation++;
	}
	start_look(ps, now_ns);
}
