/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/attachment.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernel/loader.h"
#include "log/log.h"
#include "target/insn.h"
#include "target/maps.h"
#include "target/process.h"
#include "watch/attachment_parts.h"
#include "watch/bindings.h"

/* The programs' own part of a hit, before it has been measured; docs/overhead.md. */
#define PROGRAM_GUESS_NS 400

/* How long calls in flight are waited for before a stage's exits are taken off. */
#define SHED_WAIT_MS 20

void attachment_init(struct attachment *a, struct loader *loader, struct bindings *bindings,
		     const struct process *proc, struct object_table *objects)
{
	memset(a, 0, sizeof(*a));
	a->loader = loader;
	a->bindings = bindings;
	a->proc = proc;
	a->objects = objects;
	for (size_t i = 0; i < WIRE_STAGES_MAX; i++) {
		a->stages[i].rate_per_s = NAN;
		a->stages[i].projected_percent = NAN;
	}
}

static void __attribute__((format(printf, 2, 3)))
explain(struct attached_stage *stage, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(stage->reason, sizeof(stage->reason), fmt, args);
	va_end(args);
}

int attachment_attach(struct attachment *a, enum loader_prog prog, struct probe_queue *q,
		      bool uretprobe, struct link_list *list)
{
	return probe_queue_attach(q, a->loader, prog, uretprobe, a->proc, a->objects, list);
}

int attachment_queue_site(struct attachment *a, struct probe_queue *q, const struct plan_site *site,
			  uint16_t bind, enum wire_site kind, bool uretprobe)
{
	bool emulated = insn_class_emulated(site->cls) && !uretprobe;
	struct wire_probe probe = {.bind = bind, .site = kind, .sp_delta = site->sp_delta};
	int err;

	if (a->probes_n >= WIRE_PROBES_MAX)
		return -ENOSPC;
	if (!uretprobe) {
		err = plan_site_verify(a->proc, a->objects, site);
		if (err)
			return err;
	}
	/* At a return site, and at a uretprobe, the return address has been taken off already. */
	probe.no_ra_check = kind == WIRE_SITE_EXIT && site->sp_delta < 0;
	if (site->conditional)
		probe.unless = (uint8_t)(site->condition + 1);
	probe.cost_ns = a->calibration.trap[emulated ? TRAP_EMULATED : TRAP_STEPPED].hot_ns;
	if (!emulated)
		a->stages[a->bindings->functions[bind].stage].stepped = true;
	err = loader__set_probe(a->loader, a->probes_n, &probe);
	return err ?: probe_queue_add(q, site->object, site->offset, a->probes_n++);
}

static int queue_exits(struct attachment *a, struct probe_queue *p, struct probe_queue *rets,
		       size_t i)
{
	const struct bound_function *f = &a->bindings->functions[i];
	int err = 0;

	if (!f->at_return)
		return 0;
	if (f->uretprobe) {
		struct plan_site site = f->plan.entry;

		/* Behind an endbr64 it shares the entry's trap, which is emulated: 2 us, not 16. */
		if (site.sp_delta)
			site.offset = f->plan.offset;
		site.sp_delta = -8;
		return attachment_queue_site(a, rets, &site, (uint16_t)i, WIRE_SITE_EXIT, true);
	}
	for (size_t n = 0; n < f->plan.n_exits && !err; n++)
		err = attachment_queue_site(a, p, &f->plan.exits[n], (uint16_t)i, WIRE_SITE_EXIT,
					    false);
	return err;
}

/* Tells the programs of function i; before any probe of it is attached. */
static int describe(struct attachment *a, size_t i)
{
	struct wire_bind bind;

	bindings_wire(a->bindings, i, &bind);
	return loader__set_bind(a->loader, (uint32_t)i, &bind);
}

/* Exits of the stage's functions that have none yet. */
static int attach_exits(struct attachment *a, size_t stage)
{
	struct probe_queue p = {}, rets = {};
	int err = 0;

	for (size_t i = 0; i < a->bindings->functions_n && !err; i++) {
		const struct bound_function *f = &a->bindings->functions[i];

		if (f->stage != stage || f->gone || f->exits_attached)
			continue;
		err = describe(a, i);
		err = err ?: queue_exits(a, &p, &rets, i);
	}
	if (!err && !loader__multi(a->loader) && p.n > ATTACH_PERF_EXITS_MAX)
		err = -E2BIG;
	err = err ?: attachment_attach(a, LOADER_EXIT, &p, false, &a->stages[stage].exits);
	err = err ?: attachment_attach(a, LOADER_EXIT, &rets, true, &a->stages[stage].exits);
	for (size_t i = 0; i < a->bindings->functions_n && !err; i++)
		if (a->bindings->functions[i].stage == stage)
			a->bindings->functions[i].exits_attached = true;
	probe_queue_free(&p);
	probe_queue_free(&rets);
	return err;
}

/* Entries of the stage's functions that are not attached yet. */
static int attach_entries(struct attachment *a, size_t stage)
{
	struct probe_queue p = {};
	int err = 0;

	for (size_t i = 0; i < a->bindings->functions_n && !err; i++) {
		const struct bound_function *f = &a->bindings->functions[i];

		if (f->stage != stage || f->attached || f->gone)
			continue;
		err = describe(a, i);
		err = err
			      ?: attachment_queue_site(a, &p, &f->plan.entry, (uint16_t)i,
						       WIRE_SITE_ENTRY, false);
	}
	err = err ?: attachment_attach(a, LOADER_ENTER, &p, false, &a->stages[stage].entries);
	for (size_t i = 0; i < a->bindings->functions_n && !err; i++)
		if (a->bindings->functions[i].stage == stage)
			a->bindings->functions[i].attached = true;
	probe_queue_free(&p);
	return err;
}

static uint64_t hits_of(const struct attachment *a, size_t stage)
{
	const volatile struct wire_stage_stats *stats = loader__stats(a->loader, (uint32_t)stage);

	return stats->entry_hits;
}

static const char *attach_failure(int err)
{
	switch (err) {
	case -ESTALE:
		return "the code in memory is not that of the file (patched, or a breakpoint of "
		       "another tool)";
	case -ENOSPC:
		return "more probes than fit";
	case -E2BIG:
		return "more than 8 exits, and this kernel has no uprobe_multi: detaching would "
		       "take about 0.1 s a probe";
	}
	return err_str(err);
}

static void refuse(struct attachment *a, size_t stage)
{
	struct attached_stage *s = &a->stages[stage];

	s->state = ATTACH_REFUSED;
	loader__stage(a->loader, (uint32_t)stage)->state = WIRE_STAGE_OFF;
	link_list_free(&s->entries);
	link_list_free(&s->exits);
}

static void begin_trial(struct attachment *a, size_t stage, uint64_t now_ns)
{
	struct attached_stage *s = &a->stages[stage];
	int err;

	loader__stage(a->loader, (uint32_t)stage)->state = WIRE_STAGE_TRIAL;
	err = attach_entries(a, stage);
	if (err) {
		explain(s, "cannot attach: %s", attach_failure(err));
		refuse(a, stage);
		return;
	}
	s->state = ATTACH_TRIAL;
	s->trial_since_ns = now_ns;
	s->trial_hits0 = hits_of(a, stage);
}

/* Also those that failed: they are not tried again. */
static void mark_attached(struct attachment *a, size_t stage)
{
	for (size_t i = 0; i < a->bindings->functions_n; i++)
		if (a->bindings->functions[i].stage == stage)
			a->bindings->functions[i].attached =
				a->bindings->functions[i].exits_attached = true;
}

/* New functions of a stage that counts already: exits before entries. */
static void extend_armed(struct attachment *a, size_t stage)
{
	int err = attach_exits(a, stage);

	err = err ?: attach_entries(a, stage);
	if (err)
		log_warn("stage '%s': new functions cannot be attached: %s",
			 a->bindings->stages[stage].conf->name, attach_failure(err));
	mark_attached(a, stage);
}

static bool has_new(const struct attachment *a, size_t stage)
{
	for (size_t i = 0; i < a->bindings->functions_n; i++)
		if (a->bindings->functions[i].stage == stage &&
		    !a->bindings->functions[i].attached && !a->bindings->functions[i].gone)
			return true;
	return false;
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
		else if (s->state == ATTACH_ARMED)
			extend_armed(a, i);
	}
}

double attachment_rare_factor(const struct attachment *a, size_t stage, double hits_per_s)
{
	const struct trap_cost *cost =
		&a->calibration.trap[a->stages[stage].stepped ? TRAP_STEPPED : TRAP_EMULATED];

	if (hits_per_s >= CALIBRATE_RARE_PER_S || !cost->hot_ns || cost->rare_ns < cost->hot_ns)
		return 1.0;
	return (double)cost->rare_ns / cost->hot_ns;
}

/* Dearest entry and exit of the stage's functions: what a call costs, in ns at this rate. */
static double call_cost_ns(const struct attachment *a, size_t stage, double rate)
{
	double entry_ns = 0, exit_ns = 0;

	for (size_t i = 0; i < a->bindings->functions_n; i++) {
		const struct bound_function *f = &a->bindings->functions[i];
		const struct trap_cost *trap = a->calibration.trap;
		bool rare = rate < CALIBRATE_RARE_PER_S;
		double emulated = rare ? trap[TRAP_EMULATED].rare_ns : trap[TRAP_EMULATED].hot_ns;
		double stepped = rare ? trap[TRAP_STEPPED].rare_ns : trap[TRAP_STEPPED].hot_ns;

		if (f->stage != stage || f->gone)
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

static void arm(struct attachment *a, size_t stage)
{
	struct attached_stage *s = &a->stages[stage];
	int err = attach_exits(a, stage);

	if (err) {
		explain(s, "cannot attach its exits: %s", attach_failure(err));
		refuse(a, stage);
		return;
	}
	s->state = ATTACH_ARMED;
	__atomic_store_n(&loader__stage(a->loader, (uint32_t)stage)->state, WIRE_STAGE_ARMED,
			 __ATOMIC_RELEASE);
	/* Functions that came during the trial. */
	if (has_new(a, stage))
		extend_armed(a, stage);
}

static void end_trial(struct attachment *a, size_t stage, uint64_t now_ns)
{
	struct attached_stage *s = &a->stages[stage];
	double seconds = (double)(now_ns - s->trial_since_ns) / 1e9;

	s->rate_per_s = (double)(hits_of(a, stage) - s->trial_hits0) / seconds;
	s->projected_percent = s->rate_per_s * call_cost_ns(a, stage, s->rate_per_s) / 1e7;
	if (s->projected_percent > a->ceiling_percent) {
		explain(s,
			"too hot: %.0f calls/s seen in the trial would cost %.1f %% of one CPU, "
			"the "
			"ceiling is %g %% (limits: overhead)",
			s->rate_per_s, s->projected_percent, a->ceiling_percent);
		refuse(a, stage);
		return;
	}
	arm(a, stage);
}

size_t attachment_decide(struct attachment *a, uint64_t now_ns, uint64_t *decided)
{
	size_t n = 0;

	*decided = 0;
	for (size_t i = 0; i < a->bindings->stages_n; i++) {
		if (a->stages[i].state == ATTACH_REFUSED && a->stages[i].trial_since_ns == 0) {
			/* Refused while attaching: said once. */
			a->stages[i].trial_since_ns = now_ns;
			*decided |= 1ULL << i;
			n++;
		}
		if (a->stages[i].state != ATTACH_TRIAL ||
		    now_ns - a->stages[i].trial_since_ns < ATTACH_TRIAL_NS)
			continue;
		end_trial(a, i, now_ns);
		*decided |= 1ULL << i;
		n++;
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

/*
 * A stage that is too dear is called often, so its calls end soon: with the exits still there
 * they leave the voice clock and the slots as they should.  A call that takes longer is found by
 * its stack pointer later, or at the end of its thread.
 */
static void wait_for_flights(const struct attachment *a, size_t stage)
{
	const volatile struct wire_stage_stats *stats = loader__stats(a->loader, (uint32_t)stage);
	const struct timespec pause = {.tv_nsec = 1000000};

	for (int i = 0; i < SHED_WAIT_MS && stats->in_flight; i++)
		nanosleep(&pause, NULL);
}

void attachment_shed(struct attachment *a, size_t stage, const char *reason)
{
	struct attached_stage *s = &a->stages[stage];

	link_list_free(&s->entries);
	wait_for_flights(a, stage);
	refuse(a, stage);
	s->state = ATTACH_SHED;
	explain(s, "%s", reason);
}

void attachment_expire(struct attachment *a, uint64_t stages)
{
	/* The new program may have another loader and other libraries. */
	link_list_free(&a->hooks);
	link_list_free(&a->catches);
	a->catches_shed = false;
	a->sites_n = a->settled_n = 0;
	for (size_t i = 0; i < a->bindings->stages_n; i++) {
		struct attached_stage *s = &a->stages[i];

		if (!(stages >> i & 1))
			continue;
		refuse(a, i);
		s->state = ATTACH_NONE;
		s->trial_since_ns = 0;
		s->reason[0] = '\0';
	}
}

/* Moves the links of a list to the end of an array. */
static size_t links_move(struct link_list *list, struct uprobe_link **to, size_t n)
{
	if (list->n)
		memcpy(to + n, list->links, list->n * sizeof(*to));
	n += list->n;
	free(list->links);
	memset(list, 0, sizeof(*list));
	return n;
}

static size_t links_count(const struct attachment *a)
{
	size_t n = a->hooks.n + a->catches.n;

	for (size_t i = 0; i < WIRE_STAGES_MAX; i++)
		n += a->stages[i].entries.n + a->stages[i].exits.n;
	return n;
}

void attachment_clear(struct attachment *a)
{
	struct uprobe_link **all = calloc(links_count(a) + 1, sizeof(*all));
	size_t n = 0;

	for (size_t i = 0; i < WIRE_STAGES_MAX; i++) {
		struct attached_stage *s = &a->stages[i];

		/* Nothing counts any more while entries and exits go in any order. */
		if (s->state != ATTACH_NONE && i < a->bindings->stages_n)
			loader__stage(a->loader, (uint32_t)i)->state = WIRE_STAGE_OFF;
		s->state = ATTACH_NONE;
		s->trial_since_ns = 0;
		if (all) {
			n = links_move(&s->entries, all, n);
			n = links_move(&s->exits, all, n);
		} else {
			link_list_free(&s->entries);
			link_list_free(&s->exits);
		}
	}
	if (all) {
		n = links_move(&a->hooks, all, n);
		n = links_move(&a->catches, all, n);
		uprobe_link_free_all(all, n);
	} else {
		link_list_free(&a->hooks);
		link_list_free(&a->catches);
	}
	free(all);
	a->probes_n = 0;
}
