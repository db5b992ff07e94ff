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

/* How long calls in flight are waited for before a stage's exits are taken off. */
#define SHED_WAIT_MS 20

void attachment_init(struct attachment *a, struct keeper *keeper, struct loader *loader,
		     struct bindings *bindings, const struct process *proc,
		     struct object_table *objects)
{
	memset(a, 0, sizeof(*a));
	a->keeper = keeper;
	a->loader = loader;
	a->bindings = bindings;
	a->proc = proc;
	a->objects = objects;
	for (size_t i = 0; i < WIRE_STAGES_MAX; i++) {
		a->stages[i].rate_per_s = NAN;
		a->stages[i].projected_percent = NAN;
	}
}

void attachment_explain(struct attached_stage *stage, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(stage->reason, sizeof(stage->reason), fmt, args);
	va_end(args);
}

int attachment_attach(struct attachment *a, enum loader_prog prog, struct probe_queue *q,
		      bool uretprobe, struct link_list *list)
{
	return probe_queue_attach(q, a->keeper, prog, uretprobe, a->objects, list);
}

/* A place in the probes map, found from the last one on. */
static int free_slot(struct attachment *a)
{
	for (uint32_t i = 0; i < WIRE_PROBES_MAX; i++) {
		uint32_t slot = (a->probes_at + i) % WIRE_PROBES_MAX;

		if (a->probe_owner[slot])
			continue;
		a->probes_at = slot + 1;
		return (int)slot;
	}
	return -ENOSPC;
}

/* After the links: no program runs with these any more. */
static void free_slots(struct attachment *a, size_t stage)
{
	for (uint32_t i = 0; i < WIRE_PROBES_MAX; i++)
		if (a->probe_owner[i] == stage + 1)
			a->probe_owner[i] = 0;
}

int attachment_queue_site(struct attachment *a, struct probe_queue *q, const struct plan_site *site,
			  uint16_t bind, enum wire_site kind, bool uretprobe)
{
	bool emulated = insn_class_emulated(site->cls) && !uretprobe;
	struct wire_probe probe = {.bind = bind, .site = kind, .sp_delta = site->sp_delta};
	size_t stage = a->bindings->functions[bind].stage;
	int slot = free_slot(a), err;

	if (slot < 0)
		return slot;
	if (!uretprobe && (a->bindings->avoid & SITE_KIND_BIT(site->kind)))
		return -EOPNOTSUPP;
	if (!uretprobe) {
		err = plan_site_verify(a->proc, a->objects, site);
		if (err)
			return err;
	}
	/* At a return site, and at a uretprobe, the return address has been taken off already. */
	probe.no_ra_check = kind == WIRE_SITE_EXIT && site->sp_delta < 0;
	probe.shared = kind == WIRE_SITE_EXIT && site->tail;
	if (site->conditional)
		probe.unless = (uint8_t)(site->condition + 1);
	probe.cost_ns = a->calibration.trap[emulated ? TRAP_EMULATED : TRAP_STEPPED].hot_ns;
	if (!emulated)
		a->stages[stage].stepped = true;
	err = loader__set_probe(a->loader, (uint32_t)slot, &probe);
	err = err ?: probe_queue_add(q, site, uretprobe, (uint64_t)slot);
	if (!err)
		a->probe_owner[slot] = (uint8_t)(stage + 1);
	return err;
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

		/*
		 * Behind an endbr64 it shares the entry's trap, which is emulated: 2 us, not 16.
		 * Where the return address is in a register, it may be signed already behind the
		 * first instruction, and the kernel's in its place would not be.
		 */
		if (site.sp_delta || !plan_return_delta())
			site.offset = f->plan.offset;
		site.sp_delta = plan_return_delta();
		return attachment_queue_site(a, rets, &site, (uint16_t)i, WIRE_SITE_EXIT, true);
	}
	for (size_t n = 0; n < f->plan.n_exits && !err; n++)
		err = attachment_queue_site(a, p, &f->plan.exits[n], (uint16_t)i, WIRE_SITE_EXIT,
					    false);
	return err;
}

int attachment_describe(struct attachment *a, size_t i)
{
	struct wire_bind bind;

	bindings_wire(a->bindings, i, &bind);
	return loader__set_bind(a->loader, (uint32_t)i, &bind);
}

enum loader_prog attachment_program(const struct attachment *a, size_t stage, enum loader_prog prog)
{
	const struct stage_config *conf = a->bindings->stages[stage].conf;

	if (!conf || conf->kind != STAGE_STATEMENT)
		return prog;
	return prog == LOADER_ENTER ? LOADER_STATEMENT_ENTER : LOADER_STATEMENT_EXIT;
}

int attachment_exits(struct attachment *a, size_t stage, struct link_list *list)
{
	struct probe_queue p = {}, rets = {};
	int err = 0;

	for (size_t i = 0; i < a->bindings->functions_n && !err; i++) {
		const struct bound_function *f = &a->bindings->functions[i];

		if (f->stage != stage || f->gone || f->exits_attached)
			continue;
		err = attachment_describe(a, i);
		err = err ?: queue_exits(a, &p, &rets, i);
	}
	if (!err && !loader__multi(a->loader) && p.n > ATTACH_PERF_EXITS_MAX)
		err = -E2BIG;
	err = err
		      ?: attachment_attach(a, attachment_program(a, stage, LOADER_EXIT), &p, false,
					   list);
	err = err
		      ?: attachment_attach(a, attachment_program(a, stage, LOADER_EXIT), &rets,
					   true, list);
	for (size_t i = 0; i < a->bindings->functions_n && !err; i++)
		if (a->bindings->functions[i].stage == stage)
			a->bindings->functions[i].exits_attached = true;
	probe_queue_free(&p);
	probe_queue_free(&rets);
	return err;
}

int attachment_entries(struct attachment *a, size_t stage, struct link_list *list)
{
	struct probe_queue p = {};
	int err = 0;

	for (size_t i = 0; i < a->bindings->functions_n && !err; i++) {
		const struct bound_function *f = &a->bindings->functions[i];

		if (f->stage != stage || f->attached || f->gone)
			continue;
		err = attachment_describe(a, i);
		err = err
			      ?: attachment_queue_site(a, &p, &f->plan.entry, (uint16_t)i,
						       WIRE_SITE_ENTRY, false);
	}
	err = err
		      ?: attachment_attach(a, attachment_program(a, stage, LOADER_ENTER), &p, false,
					   list);
	for (size_t i = 0; i < a->bindings->functions_n && !err; i++)
		if (a->bindings->functions[i].stage == stage)
			a->bindings->functions[i].attached = true;
	probe_queue_free(&p);
	return err;
}

const char *attachment_failure(int err)
{
	switch (err) {
	case -ESTALE:
		return "the code in memory is not that of the file (patched, or a breakpoint of "
		       "another tool)";
	case -ENOSPC:
		return "more probes than fit";
	case -EOPNOTSUPP:
		return "the kind of place fails the self-test on this kernel";
	case -E2BIG:
		return "more than 8 exits, and this kernel has no uprobe_multi: detaching would "
		       "take about 0.1 s a probe";
	}
	return err_str(err);
}

void attachment_refuse(struct attachment *a, size_t stage)
{
	struct attached_stage *s = &a->stages[stage];

	s->state = ATTACH_REFUSED;
	loader__stage(a->loader, (uint32_t)stage)->state = WIRE_STAGE_OFF;
	link_list_free(&s->entries);
	link_list_free(&s->join_entries);
	link_list_free(&s->exits);
	link_list_free(&s->join_exits);
	s->joining = false;
	free_slots(a, stage);
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

void attachment_shed(struct attachment *a, size_t stage, const char *reason, uint64_t now_ns)
{
	struct attached_stage *s = &a->stages[stage];

	loader__stage(a->loader, (uint32_t)stage)->state = WIRE_STAGE_LANDING;
	link_list_free(&s->entries);
	link_list_free(&s->join_entries);
	wait_for_flights(a, stage);
	attachment_refuse(a, stage);
	s->state = ATTACH_SHED;
	attachment_explain(s, "%s", reason);
	backoff_failed(&s->backoff, a->retry_ns, now_ns);
}

void attachment_expire(struct attachment *a, uint64_t stages)
{
	/* The new program may have another loader and other libraries. */
	link_list_free(&a->hooks);
	link_list_free(&a->catches);
	link_list_free(&a->unwinds);
	a->catches_backoff = a->hooks_backoff = (struct backoff){};
	a->sites_n = a->settled_n = 0;
	for (size_t i = 0; i < a->bindings->stages_n; i++) {
		struct attached_stage *s = &a->stages[i];

		if (!(stages >> i & 1))
			continue;
		attachment_refuse(a, i);
		s->state = s->before = ATTACH_NONE;
		s->backoff = (struct backoff){};
		s->left_out_n = 0;
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
	size_t n = a->hooks.n + a->catches.n + a->unwinds.n;

	for (size_t i = 0; i < WIRE_STAGES_MAX; i++)
		n += a->stages[i].entries.n + a->stages[i].join_entries.n + a->stages[i].exits.n +
		     a->stages[i].join_exits.n;
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
			n = links_move(&s->join_entries, all, n);
			n = links_move(&s->exits, all, n);
			n = links_move(&s->join_exits, all, n);
		} else {
			link_list_free(&s->entries);
			link_list_free(&s->join_entries);
			link_list_free(&s->exits);
			link_list_free(&s->join_exits);
		}
	}
	if (all) {
		n = links_move(&a->hooks, all, n);
		n = links_move(&a->catches, all, n);
		n = links_move(&a->unwinds, all, n);
		uprobe_link_free_all(all, n);
	} else {
		link_list_free(&a->hooks);
		link_list_free(&a->catches);
		link_list_free(&a->unwinds);
	}
	free(all);
	memset(a->probe_owner, 0, sizeof(a->probe_owner));
}
