/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * learn.c - functions whose exits are not known (an indirect jump at the end): the addresses that
 * they return to are probed instead, as calls from there are seen.
 *
 * The target decides how many such addresses there are, so each is looked at once, and only so
 * many of a function and a second.  The kernel is told of those that are not probed too, so that
 * it counts the calls from there and does not ask again.
 */
#include <errno.h>

#include "kernel/loader.h"
#include "log/log.h"
#include "target/maps.h"
#include "target/plan.h"
#include "watch/attachment_parts.h"
#include "watch/bindings.h"

/* Looked at before?  Also counts the sites of the same function. */
static bool is_known(const struct attachment *a, const struct wire_learn *learn, size_t *of_bind)
{
	*of_bind = 0;
	for (size_t i = 0; i < a->sites_n; i++) {
		if (a->sites[i].bind != learn->bind)
			continue;
		if (a->sites[i].return_address == learn->return_address)
			return true;
		++*of_bind;
	}
	return false;
}

static bool too_fast(struct attachment *a, uint64_t now_ns)
{
	uint64_t second = now_ns / 1000000000ULL;

	if (second != a->learn_second) {
		a->learn_second = second;
		a->learn_n = 0;
	}
	return a->learn_n++ >= LEARN_PER_SECOND_MAX;
}

static int queue_site(struct attachment *a, const struct wire_learn *learn, size_t stage)
{
	size_t exits_n = a->stages[stage].exits.probes_n + a->learn_queue.n;
	struct plan_site site;
	char why[PLAN_REASON_MAX];
	int err;

	if (!loader__multi(a->loader) && exits_n >= ATTACH_PERF_EXITS_MAX)
		return -E2BIG;
	err = plan_return_site(a->proc, a->objects, learn->return_address, &site, why, sizeof(why));
	return err
		       ?: attachment_queue_site(a, &a->learn_queue, &site, learn->bind,
						WIRE_SITE_EXIT, false);
}

void attachment_learn(struct attachment *a, const struct wire_learn *learn, uint64_t now_ns)
{
	const char *name;
	size_t stage, of_bind;
	int err;

	if (learn->bind >= a->bindings->functions_n)
		return;
	stage = a->bindings->functions[learn->bind].stage;
	name = a->bindings->stages[stage].conf->name;
	if (a->stages[stage].state != ATTACH_ARMED || is_known(a, learn, &of_bind) ||
	    a->sites_n == LEARN_SITES_MAX || of_bind > LEARN_PER_BIND_MAX || too_fast(a, now_ns))
		return;
	if (a->learn_stage != stage)
		attachment_learn_flush(a);
	a->learn_stage = stage;
	err = of_bind == LEARN_PER_BIND_MAX ? -E2BIG : queue_site(a, learn, stage);
	a->sites[a->sites_n++] =
		(struct learnt_site){learn->return_address, learn->bind, .planned = !err};
	if (of_bind == LEARN_PER_BIND_MAX)
		log_warn("stage '%s': called from more than %d places: calls from others are not "
			 "counted",
			 name, LEARN_PER_BIND_MAX);
	else if (err)
		log_info("stage '%s': return site 0x%llx is not probed: %s", name,
			 (unsigned long long)learn->return_address, err_str(err));
}

void attachment_forget_sites(struct attachment *a, size_t stage)
{
	size_t kept = 0;

	/* Those that are not settled yet are of the queue. */
	attachment_learn_flush(a);
	for (size_t i = 0; i < a->sites_n; i++) {
		const struct learnt_site *site = &a->sites[i];

		if (a->bindings->functions[site->bind].stage == stage)
			(void)loader__forget_return_site(a->loader, site->bind,
							 site->return_address);
		else
			a->sites[kept++] = *site;
	}
	a->sites_n = a->settled_n = kept;
}

void attachment_learn_flush(struct attachment *a)
{
	struct probe_queue *q = &a->learn_queue;
	int err = attachment_attach(a, attachment_program(a, a->learn_stage, LOADER_EXIT), q, false,
				    &a->stages[a->learn_stage].exits);

	for (size_t i = 0; i < q->n; i++)
		object_close(a->objects->objects[q->items[i].object]);
	probe_queue_free(q);
	for (; a->settled_n < a->sites_n; a->settled_n++) {
		const struct learnt_site *site = &a->sites[a->settled_n];
		int stored = loader__set_return_site(a->loader, site->bind, site->return_address,
						     !err && site->planned);

		if (stored)
			log_info("a return site cannot be stored: %s", err_str(stored));
	}
}
