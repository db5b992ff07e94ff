/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * trial.c - what may be watched: trials of stages, of functions that join one later, and of what
 * was too dear before.
 *
 * On trial only entries are attached, and counted.  A function that joins a stage which counts
 * already is on trial by itself: its calls are not the stage's until its exits are attached.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "kernel/loader.h"
#include "log/log.h"
#include "target/insn.h"
#include "watch/attachment_parts.h"
#include "watch/bindings.h"
#include "watch/clock.h"

/* The programs' own part of a hit, before it has been measured; docs/overhead.md. */
#define PROGRAM_GUESS_NS 400

static bool has_new(const struct attachment *a, size_t stage)
{
	for (size_t i = 0; i < a->bindings->functions_n; i++)
		if (a->bindings->functions[i].stage == stage &&
		    !a->bindings->functions[i].attached && !a->bindings->functions[i].gone)
			return true;
	return false;
}

double attachment_rare_factor(const struct attachment *a, size_t stage, double hits_per_s)
{
	const struct trap_cost *cost =
		&a->calibration.trap[a->stages[stage].stepped ? TRAP_STEPPED : TRAP_EMULATED];

	if (hits_per_s >= CALIBRATE_RARE_PER_S || !cost->hot_ns || cost->rare_ns < cost->hot_ns)
		return 1.0;
	return (double)cost->rare_ns / cost->hot_ns;
}

/* Dearest entry and exit of the functions on trial: what a call costs, in ns at this rate. */
static double call_cost_ns(const struct attachment *a, size_t stage, bool joins, double rate)
{
	double entry_ns = 0, exit_ns = 0;

	for (size_t i = 0; i < a->bindings->functions_n; i++) {
		const struct bound_function *f = &a->bindings->functions[i];
		const struct trap_cost *trap = a->calibration.trap;
		bool rare = rate < CALIBRATE_RARE_PER_S;
		double emulated = rare ? trap[TRAP_EMULATED].rare_ns : trap[TRAP_EMULATED].hot_ns;
		double stepped = rare ? trap[TRAP_STEPPED].rare_ns : trap[TRAP_STEPPED].hot_ns;

		if (f->stage != stage || f->gone || f->on_trial != joins)
			continue;
		entry_ns =
			fmax(entry_ns, insn_class_emulated(f->plan.entry.cls) ? emulated : stepped);
		for (size_t n = 0; n < f->plan.n_exits; n++)
			exit_ns = fmax(exit_ns, insn_class_emulated(f->plan.exits[n].cls)
							? emulated
							: stepped);
		if (f->at_return && !f->plan.n_exits)
			exit_ns = fmax(exit_ns, stepped);
	}
	return entry_ns + exit_ns + 2 * PROGRAM_GUESS_NS;
}

static const volatile struct wire_stage_stats *stats_of(const struct attachment *a, size_t stage)
{
	return loader__stats(a->loader, (uint32_t)stage);
}

/* --- functions that join --- */

static void begin_join(struct attachment *a, size_t stage, uint64_t now_ns);

/* They are not tried again before the stage's backoff says so. */
static void leave_out(struct attachment *a, size_t stage, uint64_t now_ns)
{
	struct attached_stage *s = &a->stages[stage];

	link_list_free(&s->join_entries);
	link_list_free(&s->join_exits);
	s->left_out_n = 0;
	for (size_t i = 0; i < a->bindings->functions_n; i++) {
		struct bound_function *f = &a->bindings->functions[i];

		if (f->stage != stage || f->gone)
			continue;
		f->left_out |= f->on_trial;
		s->left_out_n += f->left_out;
		f->on_trial = false;
		f->attached = f->exits_attached = true;
	}
	s->joining = false;
	backoff_failed(&s->backoff, a->retry_ns, now_ns);
}

static void join_failed(struct attachment *a, size_t stage, int err, uint64_t now_ns)
{
	struct attached_stage *s = &a->stages[stage];

	leave_out(a, stage, now_ns);
	snprintf(s->join_reason, sizeof(s->join_reason),
		 "%zu functions cannot be attached, their calls are not counted: %s", s->left_out_n,
		 attachment_failure(err));
	s->news = ATTACH_NEWS_LEFT_OUT;
}

/* Their exits are there: from now on their calls count. */
static int let_in(struct attachment *a, size_t stage)
{
	struct attached_stage *s = &a->stages[stage];
	int err = attachment_exits(a, stage, &s->join_exits);

	err = err ?: link_list_append(&s->exits, &s->join_exits);
	err = err ?: link_list_append(&s->entries, &s->join_entries);
	for (size_t i = 0; i < a->bindings->functions_n && !err; i++) {
		struct bound_function *f = &a->bindings->functions[i];

		if (f->stage != stage || !f->on_trial)
			continue;
		f->on_trial = f->left_out = false;
		err = attachment_describe(a, i);
	}
	return err;
}

static void end_join(struct attachment *a, size_t stage, uint64_t now_ns)
{
	struct attached_stage *s = &a->stages[stage];
	double seconds = (double)(now_ns - s->join_since_ns) / 1e9;
	double rate = (double)(stats_of(a, stage)->trial_hits - s->join_hits0) / seconds;
	double percent = rate * call_cost_ns(a, stage, true, rate) / 1e7;
	bool before = s->left_out_n != 0;
	int err;

	s->news = ATTACH_NEWS_NONE;
	if (percent > a->ceiling_percent) {
		leave_out(a, stage, now_ns);
		snprintf(s->join_reason, sizeof(s->join_reason),
			 "%zu functions that came later are too hot, their calls are not counted: "
			 "%.0f calls/s seen in the trial would cost %.1f %% of one CPU, the "
			 "ceiling is %g %% (limits: overhead)",
			 s->left_out_n, rate, percent, a->ceiling_percent);
		/* Another try that failed is nothing new. */
		s->news = before ? ATTACH_NEWS_NONE : ATTACH_NEWS_LEFT_OUT;
		return;
	}
	err = let_in(a, stage);
	if (err) {
		join_failed(a, stage, err, now_ns);
		return;
	}
	s->joining = false;
	s->left_out_n = 0;
	s->join_reason[0] = '\0';
	backoff_works(&s->backoff, now_ns);
	s->news = before ? ATTACH_NEWS_REARMED : ATTACH_NEWS_NONE;
	if (has_new(a, stage))
		begin_join(a, stage, now_ns);
}

static void begin_join(struct attachment *a, size_t stage, uint64_t now_ns)
{
	struct attached_stage *s = &a->stages[stage];
	int err;

	for (size_t i = 0; i < a->bindings->functions_n; i++) {
		struct bound_function *f = &a->bindings->functions[i];

		if (f->stage == stage && !f->attached && !f->gone)
			f->on_trial = true;
	}
	s->joining = true;
	s->join_since_ns = clock_ns(CLOCK_MONOTONIC);
	s->join_hits0 = stats_of(a, stage)->trial_hits;
	err = attachment_entries(a, stage, &s->join_entries);
	if (!err)
		return;
	join_failed(a, stage, err, now_ns);
	log_warn("stage '%s': %s", a->bindings->stages[stage].conf->name, s->join_reason);
}

/* --- stages --- */

static void begin_trial(struct attachment *a, size_t stage, uint64_t now_ns)
{
	struct attached_stage *s = &a->stages[stage];
	struct wire_stage *wire = loader__stage(a->loader, (uint32_t)stage);
	int err;

	wire->frames_since_ns = now_ns;
	wire->state = WIRE_STAGE_TRIAL;
	err = attachment_entries(a, stage, &s->entries);
	if (err) {
		attachment_explain(s, "cannot attach: %s", attachment_failure(err));
		attachment_refuse(a, stage);
		return;
	}
	s->state = ATTACH_TRIAL;
	/* Not the caller's time: planning, and attaching the stages before, may take seconds. */
	s->trial_since_ns = clock_ns(CLOCK_MONOTONIC);
	s->trial_hits0 = stats_of(a, stage)->entry_hits;
}

static void arm(struct attachment *a, size_t stage, uint64_t now_ns)
{
	struct attached_stage *s = &a->stages[stage];
	int err = attachment_exits(a, stage, &s->exits);

	if (err) {
		attachment_explain(s, "cannot attach its exits: %s", attachment_failure(err));
		attachment_refuse(a, stage);
		return;
	}
	s->state = ATTACH_ARMED;
	s->reason[0] = '\0';
	__atomic_store_n(&loader__stage(a->loader, (uint32_t)stage)->state, WIRE_STAGE_ARMED,
			 __ATOMIC_RELEASE);
	backoff_works(&s->backoff, now_ns);
	/* Functions that came during the trial. */
	if (has_new(a, stage))
		begin_join(a, stage, now_ns);
}

/* Back to what it was: refused, or taken off. */
static void too_hot(struct attachment *a, size_t stage, uint64_t now_ns)
{
	struct attached_stage *s = &a->stages[stage];

	attachment_explain(s,
			   "too hot: %.0f calls/s seen in the trial would cost %.1f %% of one CPU, "
			   "the ceiling is %g %% (limits: overhead)",
			   s->rate_per_s, s->projected_percent, a->ceiling_percent);
	attachment_refuse(a, stage);
	backoff_failed(&s->backoff, a->retry_ns, now_ns);
	if (s->before != ATTACH_NONE)
		s->state = s->before;
}

static void end_trial(struct attachment *a, size_t stage, uint64_t now_ns)
{
	struct attached_stage *s = &a->stages[stage];
	double seconds = (double)(now_ns - s->trial_since_ns) / 1e9;
	bool again = s->before != ATTACH_NONE;

	s->rate_per_s = (double)(stats_of(a, stage)->entry_hits - s->trial_hits0) / seconds;
	s->projected_percent = s->rate_per_s * call_cost_ns(a, stage, false, s->rate_per_s) / 1e7;
	if (s->projected_percent > a->ceiling_percent) {
		too_hot(a, stage, now_ns);
		s->news = again ? ATTACH_NEWS_NONE : ATTACH_NEWS_REFUSED;
		return;
	}
	arm(a, stage, now_ns);
	if (s->state == ATTACH_REFUSED)
		s->news = ATTACH_NEWS_REFUSED;
	else
		s->news = again ? ATTACH_NEWS_REARMED : ATTACH_NEWS_ARMED;
	s->before = ATTACH_NONE;
}

void attachment_extend(struct attachment *a, uint64_t now_ns)
{
	attachment_extend_special(a);
	for (size_t i = 0; i < a->bindings->stages_n; i++) {
		struct attached_stage *s = &a->stages[i];

		if (!a->bindings->stages[i].complete || !has_new(a, i))
			continue;
		if (s->state == ATTACH_NONE)
			begin_trial(a, i, now_ns);
		else if (s->state == ATTACH_ARMED && !s->joining)
			begin_join(a, i, now_ns);
	}
}

static bool over(uint64_t since_ns, uint64_t now_ns)
{
	return now_ns >= since_ns + ATTACH_TRIAL_NS;
}

/* True when something was decided about the stage. */
static bool decide(struct attachment *a, size_t stage, uint64_t now_ns)
{
	struct attached_stage *s = &a->stages[stage];

	s->news = ATTACH_NEWS_NONE;
	if (s->state == ATTACH_REFUSED && s->trial_since_ns == 0) {
		/* Refused while attaching: said once. */
		s->trial_since_ns = now_ns;
		s->news = ATTACH_NEWS_REFUSED;
		return true;
	}
	if (s->state == ATTACH_TRIAL && !s->elsewhere && over(s->trial_since_ns, now_ns)) {
		end_trial(a, stage, now_ns);
		return true;
	}
	if (s->state == ATTACH_ARMED && s->joining && over(s->join_since_ns, now_ns)) {
		end_join(a, stage, now_ns);
		return true;
	}
	return false;
}

size_t attachment_decide(struct attachment *a, uint64_t now_ns, uint64_t *told)
{
	size_t n = 0;

	*told = 0;
	for (size_t i = 0; i < a->bindings->stages_n; i++) {
		n += decide(a, i, now_ns);
		if (a->stages[i].news != ATTACH_NEWS_NONE)
			*told |= 1ULL << i;
	}
	return n;
}

bool attachment_in_trial(const struct attachment *a)
{
	for (size_t i = 0; i < a->bindings->stages_n; i++)
		if (a->stages[i].state == ATTACH_TRIAL)
			return true;
	return false;
}

/* --- once more --- */

static void retry_stage(struct attachment *a, size_t stage, uint64_t now_ns)
{
	struct attached_stage *s = &a->stages[stage];
	bool whole = s->state != ATTACH_ARMED;

	for (size_t i = 0; i < a->bindings->functions_n; i++) {
		struct bound_function *f = &a->bindings->functions[i];

		if (f->stage != stage || f->gone || !(whole || f->left_out))
			continue;
		f->attached = f->exits_attached = f->on_trial = false;
		f->left_out &= !whole;
	}
	if (!whole) {
		begin_join(a, stage, now_ns);
		return;
	}
	s->left_out_n = 0;
	s->join_reason[0] = '\0';
	attachment_forget_sites(a, stage);
	s->before = s->state;
	begin_trial(a, stage, now_ns);
}

size_t attachment_retry(struct attachment *a, uint64_t now_ns)
{
	size_t n = attachment_retry_special(a, now_ns);

	for (size_t i = 0; i < a->bindings->stages_n; i++) {
		struct attached_stage *s = &a->stages[i];

		if (s->state == ATTACH_TRIAL || s->joining || !backoff_take(&s->backoff, now_ns))
			continue;
		retry_stage(a, i, now_ns);
		n++;
	}
	return n;
}
