/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/python_exact.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/python.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "watch/clock.h"
#include "watch/python_clock.h"
#include "watch/python_sampling.h"
#include "watch/python_watchpoint.h"
#include "watch/watching.h"
#include "watch/worker.h"

#define TRIAL_NS 100000000ULL
#define CHECK_NS 1000000000ULL
/* Functions are listed anew when references on a code object came or went that were no calls. */
#define LIST_MIN_NS 1000000000ULL
#define LIST_MAX_NS 32000000000ULL
/* Hits that the kernel swallowed, between two checks: it is too much for it. */
#define JUMPS_MAX 16
/* The program's own part of a hit, before it has been measured. */
#define PROGRAM_GUESS_NS 1500
#define WAY_TEXT	 "exact: each call, by a watchpoint on the code object"

enum exact_state {
	EXACT_NONE = 0, /* not looked at since the last list */
	EXACT_TRIAL = 1,
	EXACT_ARMED = 2,
	EXACT_NOT = 3, /* it is sampled */
};

struct exact_stage {
	enum exact_state state;
	bool final; /* EXACT_NOT until the interpreter is another one */
	uint64_t since_ns;
};

/* A watchpoint. */
struct exact_slot {
	bool used;
	uint32_t stage;
	uint64_t code;
	uint64_t name;	 /* of the code object: another one has another name, or lies elsewhere */
	uint64_t others; /* as of the last check */
	uint64_t jumps;
};

struct list_job {
	struct worker_job job;
	struct python_exact *exact;
};

struct python_exact {
	struct watching *watching; /* borrowed */
	struct exact_stage stages[WIRE_STAGES_MAX];
	struct exact_slot slots[WIRE_WATCHES];
	struct python_watchpoint_layout layout;
	bool layout_known;
	uint32_t opened, listed; /* as of the last update */
	uint64_t check_ns;
	uint64_t list_ns, list_delay_ns;
	bool list_wanted, under_way;
	bool copies_minded; /* the clock is wanted */
	struct list_job list;
};

struct python_exact *python_exact__new(struct watching *w)
{
	struct python_exact *pe = calloc(1, sizeof(*pe));

	if (!pe)
		return NULL;
	pe->watching = w;
	pe->list_delay_ns = LIST_MIN_NS;
	return pe;
}

static void clear_stage(struct python_exact *pe, size_t stage)
{
	struct watching *w = pe->watching;

	for (uint32_t i = 0; i < WIRE_WATCHES; i++) {
		if (!pe->slots[i].used || pe->slots[i].stage != stage)
			continue;
		python_watchpoint_clear(w->loader, w->keeper, i);
		pe->slots[i].used = false;
	}
}

void python_exact__free(struct python_exact *pe)
{
	if (!pe)
		return;
	for (size_t i = 0; i < WIRE_STAGES_MAX; i++)
		clear_stage(pe, i);
	free(pe);
}

bool python_exact__has(const struct python_exact *pe, size_t stage)
{
	return pe &&
	       (pe->stages[stage].state == EXACT_TRIAL || pe->stages[stage].state == EXACT_ARMED);
}

bool python_exact__in_trial(const struct python_exact *pe)
{
	for (size_t i = 0; pe && i < WIRE_STAGES_MAX; i++)
		if (pe->stages[i].state == EXACT_TRIAL)
			return true;
	return false;
}

/* --- giving up ------------------------------------------------------------------------------- */

static void give_up(struct python_exact *pe, size_t stage, bool final, const char *why)
{
	struct watching *w = pe->watching;
	bool had = python_exact__has(pe, stage);

	if (why[0])
		log_info("stage '%s' is sampled: %s", w->config->stages[stage].name, why);
	loader__stage(w->loader, (uint32_t)stage)->state = WIRE_STAGE_OFF;
	clear_stage(pe, stage);
	pe->stages[stage].state = EXACT_NOT;
	pe->stages[stage].final |= final;
	w->attachment.stages[stage].elsewhere = false;
	if (had)
		w->attachment.stages[stage].state = ATTACH_NONE;
	python_sampling__take(w->python_sampling, stage, why);
}

void python_exact__shed(struct python_exact *pe, size_t stage, const char *why)
{
	give_up(pe, stage, true, why);
}

/* --- copies that are slower for it ----------------------------------------------------------- */

/* What is slower by less is not known to be slower at all. */
#define COPY_PERCENT_MIN 120

/* The clock goes while some watchpoint is set that makes a difference. */
static void mind_copies(struct python_exact *pe)
{
	struct watching *w = pe->watching;
	bool any = false;
	int err;

	for (size_t i = 0; i < WIRE_WATCHES; i++)
		any |= pe->slots[i].used;
	any &= pe->layout.copy_percent >= COPY_PERCENT_MIN;
	if (any == pe->copies_minded)
		return;
	pe->copies_minded = any;
	python_conf(w->loader)->watching = any;
	err = python_clock_want(&w->python_clock, w->loader, w->keeper, PYTHON_CLOCK_COPIES,
				any ? WIRE_PYTHON_COPIES_HZ : 0);
	if (err)
		log_info("what watchpoints cost copies of memory is not known: %s", err_str(err));
}

uint64_t python_exact__copies_ns(const struct python_exact *pe)
{
	uint64_t percent = pe ? pe->layout.copy_percent : 0;
	struct wire_python_stats stats;

	if (percent < COPY_PERCENT_MIN || python_stats(pe->watching->loader, &stats))
		return 0;
	return stats.copied_ns - stats.copied_ns / percent * 100;
}

void python_exact__shed_copies(struct python_exact *pe, double percent)
{
	const struct watching *w = pe->watching;
	char why[PYTHON_WHY_MAX];

	snprintf(
		why, sizeof(why),
		"not exact: copying memory takes %.0f times as long meanwhile, which costs %.1f %% "
		"of one CPU, the ceiling is %g %% (limits: overhead)",
		pe->layout.copy_percent / 100.0, percent, w->config->overhead_percent);
	for (size_t i = 0; i < w->config->stages_n; i++)
		if (python_exact__has(pe, i))
			give_up(pe, i, true, why);
	mind_copies(pe);
}

/* --- beginning ------------------------------------------------------------------------------- */

/* The stage's functions in the list, at most WIRE_WATCHES + 1. */
static size_t functions_of(const struct python_exact *pe, size_t stage,
			   const struct python_function *out[WIRE_WATCHES + 1])
{
	const struct python_target *t = &pe->watching->python;
	size_t n = 0;

	for (size_t i = 0; i < t->functions.n && n <= WIRE_WATCHES; i++)
		if (python_target_stage(t, &t->functions.items[i]) == (int)stage)
			out[n++] = &t->functions.items[i];
	return n;
}

static size_t slots_free(const struct python_exact *pe)
{
	size_t n = 0;

	for (size_t i = 0; i < WIRE_WATCHES; i++)
		n += !pe->slots[i].used;
	return n;
}

static int set_one(struct python_exact *pe, size_t stage, const struct python_function *f,
		   char *why, size_t size)
{
	struct watching *w = pe->watching;
	uint32_t slot;
	int err = -EBUSY;

	/* The search for leaks may have some of them. */
	for (slot = 0; slot < WIRE_WATCHES && err == -EBUSY; slot++)
		if (!pe->slots[slot].used)
			err = python_watchpoint_set(&pe->layout, w->loader, w->keeper, slot,
						    (uint32_t)stage, f, why, size);
	if (!err)
		pe->slots[slot - 1] =
			(struct exact_slot){.used = true,
					    .stage = (uint32_t)stage,
					    .code = f->code,
					    .name = python_watchpoint_name(&w->python, f->code)};
	return err;
}

/* To 3.11 it takes a probe to see a function left by an exception. */
static void see_exceptions(struct python_exact *pe)
{
	struct watching *w = pe->watching;
	const struct python_symbols *symbols = python_runtime__symbols(w->python.runtime);

	if (python_runtime__offsets(w->python.runtime)->version < 0x030c0000 &&
	    symbols->object < w->objects.n_objects)
		attachment_python_unwind(&w->attachment,
					 w->objects.objects[symbols->object]->basename);
}

/* Everything that speaks against it, before anything is done. */
static bool suits(struct python_exact *pe, const struct python_function *const *functions, size_t n,
		  char *why, size_t size)
{
	for (size_t i = 0; i < n && i < WIRE_WATCHES; i++)
		if (!python_watchpoint_suits(functions[i], why, size))
			return false;
	if (n > slots_free(pe)) {
		snprintf(why, size, "not exact: the CPU has four debug registers, %s",
			 n > WIRE_WATCHES ? "and these are more functions"
					  : "and other stages have them");
		return false;
	}
	if (!pe->layout_known &&
	    python_watchpoint_layout(&pe->watching->python, &pe->layout, why, size))
		return false;
	pe->layout_known = true;
	return true;
}

static void begin(struct python_exact *pe, size_t stage)
{
	const struct python_function *functions[WIRE_WATCHES + 1];
	struct attached_stage *s = &pe->watching->attachment.stages[stage];
	size_t n = functions_of(pe, stage, functions);
	char why[PYTHON_WHY_MAX] = "";
	int err = 0;

	if (!n)
		return;
	if (!suits(pe, functions, n, why, sizeof(why))) {
		give_up(pe, stage, false, why);
		return;
	}
	see_exceptions(pe);
	python_sampling__give(pe->watching->python_sampling, stage);
	for (size_t i = 0; i < n && !err; i++)
		err = set_one(pe, stage, functions[i], why, sizeof(why));
	if (err) {
		give_up(pe, stage, false, why);
		return;
	}
	pe->stages[stage].state = EXACT_TRIAL;
	/* From when it can be hit: listing functions and setting watchpoints take their time. */
	pe->stages[stage].since_ns = clock_ns(CLOCK_MONOTONIC);
	s->elsewhere = true;
	s->state = ATTACH_TRIAL;
	s->before = ATTACH_NONE;
}

/* The watchpoints of the stage are on the functions that are in the list, no more and no less. */
static bool is_current(const struct python_exact *pe, size_t stage)
{
	const struct python_function *functions[WIRE_WATCHES + 1];
	size_t n = functions_of(pe, stage, functions), same = 0, have = 0;

	for (size_t i = 0; i < WIRE_WATCHES; i++) {
		if (!pe->slots[i].used || pe->slots[i].stage != stage)
			continue;
		have++;
		for (size_t k = 0; k < n; k++)
			same += functions[k]->code == pe->slots[i].code;
	}
	return have == n && same == n;
}

static void forget_all(struct python_exact *pe)
{
	for (size_t i = 0; i < pe->watching->config->stages_n; i++) {
		if (python_exact__has(pe, i))
			give_up(pe, i, false, "");
		pe->stages[i] = (struct exact_stage){};
	}
	pe->layout_known = false;
}

static void update_stage(struct python_exact *pe, size_t i)
{
	struct exact_stage *s = &pe->stages[i];

	if (python_exact__has(pe, i) && is_current(pe, i))
		return;
	if (python_exact__has(pe, i)) {
		give_up(pe, i, false, "the function is another one now");
		pe->list_delay_ns = LIST_MIN_NS;
	}
	if (!s->final)
		begin(pe, i);
}

void python_exact__update(struct python_exact *pe)
{
	struct watching *w = pe->watching;

	/* Looked at again when it is the loop's. */
	if (watching_lent(w))
		return;
	if (pe->opened != w->python.opened || !w->python.runtime)
		forget_all(pe);
	if (pe->opened == w->python.opened && pe->listed == w->python.listed)
		return;
	pe->opened = w->python.opened;
	pe->listed = w->python.listed;
	for (size_t i = 0; w->python.runtime && i < w->config->stages_n; i++)
		if (w->python.stages >> i & 1)
			update_stage(pe, i);
}

/* --- trials ---------------------------------------------------------------------------------- */

static uint64_t hits_of(const struct python_exact *pe, size_t stage, uint32_t *cost_ns)
{
	uint64_t hits = 0;

	for (uint32_t i = 0; i < WIRE_WATCHES; i++) {
		const volatile struct wire_watch *watch = python_watch_at(pe->watching->loader, i);

		if (!pe->slots[i].used || pe->slots[i].stage != stage)
			continue;
		hits += watch->hits;
		*cost_ns = watch->cost_ns;
	}
	return hits;
}

static void arm(struct python_exact *pe, size_t stage, uint64_t now_ns)
{
	struct watching *w = pe->watching;
	struct attached_stage *s = &w->attachment.stages[stage];
	struct wire_stage *wire = loader__stage(w->loader, (uint32_t)stage);

	pe->stages[stage].state = EXACT_ARMED;
	wire->frames_since_ns = now_ns;
	__atomic_store_n(&wire->state, WIRE_STAGE_ARMED, __ATOMIC_SEQ_CST);
	for (uint32_t i = 0; i < WIRE_WATCHES; i++)
		if (pe->slots[i].used && pe->slots[i].stage == stage)
			__atomic_store_n(&python_watch_at(w->loader, i)->armed, 1,
					 __ATOMIC_SEQ_CST);
	s->state = ATTACH_ARMED;
	s->way = ATTACH_BY_WATCHPOINT;
	snprintf(s->reason, sizeof(s->reason), WAY_TEXT);
}

static void end_trial(struct python_exact *pe, size_t stage, uint64_t now_ns)
{
	struct watching *w = pe->watching;
	struct attached_stage *s = &w->attachment.stages[stage];
	double seconds = (double)(now_ns - pe->stages[stage].since_ns) / 1e9;
	char why[PYTHON_WHY_MAX];
	uint32_t cost_ns = 0;

	s->rate_per_s = (double)hits_of(pe, stage, &cost_ns) / 2 / seconds;
	s->projected_percent = s->rate_per_s * 2 * (cost_ns + PROGRAM_GUESS_NS) / 1e7;
	if (s->projected_percent <= w->config->overhead_percent) {
		arm(pe, stage, now_ns);
		return;
	}
	snprintf(why, sizeof(why),
		 "too hot to be exact: %.0f calls/s seen in the trial would cost %.1f %% of one "
		 "CPU, the ceiling is %g %% (limits: overhead)",
		 s->rate_per_s, s->projected_percent, w->config->overhead_percent);
	give_up(pe, stage, true, why);
}

/* --- code objects that come and go ----------------------------------------------------------- */

static void run_list(struct worker_job *job)
{
	python_target_list(&((struct list_job *)job)->exact->watching->python);
}

static void list_done(struct worker_job *job)
{
	((struct list_job *)job)->exact->under_way = false;
}

static void start_list(struct python_exact *pe, uint64_t now_ns)
{
	struct worker *worker = pe->watching->worker;

	pe->list_wanted = false;
	pe->list_ns = now_ns;
	if (pe->list_delay_ns < LIST_MAX_NS)
		pe->list_delay_ns *= 2;
	pe->list = (struct list_job){{run_list, list_done}, pe};
	pe->under_way = true;
	if (worker && !worker__start(worker, &pe->list.job))
		return;
	run_list(&pe->list.job);
	list_done(&pe->list.job);
}

/*
 * A function of the stage does not exist any more: the interpreter ends, or another function takes
 * its place, which the next list shows.  What was measured stays as it is.
 */
static void let_go(struct python_exact *pe, size_t stage)
{
	log_info("stage '%s': its code object is gone", pe->watching->config->stages[stage].name);
	clear_stage(pe, stage);
	pe->stages[stage].state = EXACT_NONE;
	pe->list_delay_ns = LIST_MIN_NS;
	pe->list_wanted = true;
}

static void check_slot(struct python_exact *pe, uint32_t i)
{
	struct exact_slot *slot = &pe->slots[i];
	const volatile struct wire_watch *watch = python_watch_at(pe->watching->loader, i);
	uint64_t others = watch->others, jumps = watch->jumps;

	/* The program itself lets go of one that was freed: another may be in its place. */
	if (!watch->address ||
	    python_watchpoint_name(&pe->watching->python, slot->code) != slot->name) {
		let_go(pe, slot->stage);
		return;
	}
	if (jumps - slot->jumps >= JUMPS_MAX) {
		give_up(pe, slot->stage, true,
			"not exact: hits were lost (the kernel limits how many there may be)");
		return;
	}
	pe->list_wanted |= others != slot->others;
	slot->others = others;
	slot->jumps = jumps;
}

uint64_t python_exact__drained(struct python_exact *pe, uint64_t now_ns)
{
	uint64_t news = 0;

	/* What the worker works on is its own. */
	if (pe->under_way || watching_lent(pe->watching) || !pe->watching->python.runtime)
		return 0;
	if (pe->listed != pe->watching->python.listed)
		python_exact__update(pe);
	mind_copies(pe);
	for (size_t i = 0; i < pe->watching->config->stages_n; i++) {
		if (pe->stages[i].state != EXACT_TRIAL ||
		    now_ns < pe->stages[i].since_ns + TRIAL_NS)
			continue;
		end_trial(pe, i, now_ns);
		news |= 1ULL << i;
		pe->watching->attachment.stages[i].news =
			pe->stages[i].state == EXACT_ARMED ? ATTACH_NEWS_ARMED : ATTACH_NEWS_NONE;
	}
	if (now_ns - pe->check_ns < CHECK_NS)
		return news;
	pe->check_ns = now_ns;
	for (uint32_t i = 0; i < WIRE_WATCHES; i++)
		if (pe->slots[i].used)
			check_slot(pe, i);
	if (pe->list_wanted && now_ns - pe->list_ns >= pe->list_delay_ns)
		start_list(pe, now_ns);
	return news;
}
