/* SPDX-License-Identifier: GPL-2.0-only */
/* special_probes.c - probes that no stage asks for. */
#include <stdint.h>
#include <stdio.h>

#include "kernel/loader.h"
#include "log/log.h"
#include "target/plan.h"
#include "target/probe_spec.h"
#include "watch/attachment_parts.h"
#include "watch/bindings.h"

/* A probe at one function of the target's own libraries that no stage asked for. */
static void attach_special(struct attachment *a, const char *probe, enum loader_prog prog,
			   struct link_list *list)
{
	struct probe_queue p = {};
	struct match *matches = NULL;
	struct probe_spec spec;
	size_t n = 0;
	char why[128];
	int err;

	if (list->n || probe_spec_parse(probe, &spec, why, sizeof(why)) ||
	    probe_spec_match(&spec, a->objects, a->proc, 4, &matches, &n, why, sizeof(why)))
		return;
	for (size_t i = 0; i < n; i++) {
		const struct plan_opts opts = {.entry_only = true, .avoid = a->bindings->avoid};
		struct func_plan plan = {};

		err = plan_function(a->proc, a->objects, &matches[i], &opts, &plan);
		err = err ?: plan_site_verify(a->proc, a->objects, &plan.entry);
		err = err
			      ?: probe_queue_add(&p, &plan.entry, false,
						 (uint64_t)(int64_t)plan.entry.sp_delta);
		if (err)
			log_debug("'%s' is not probed: %s", probe, err_str(err));
		func_plan_free(&plan);
	}
	err = attachment_attach(a, prog, &p, false, list);
	if (err)
		log_info("'%s' is not probed: %s", probe, err_str(err));
	probe_queue_free(&p);
	match_list_free(matches, n);
}

void attachment_python_unwind(struct attachment *a, const char *object)
{
	char probe[PROBE_TEXT_MAX];

	if (snprintf(probe, sizeof(probe), "%s:PyTraceBack_Here", object) < (int)sizeof(probe))
		attach_special(a, probe, LOADER_PYTHON_UNWIND, &a->unwinds);
}

void attachment_extend_special(struct attachment *a)
{
	if (!a->hooks_backoff.due_ns)
		attach_special(a, "ld*.so*:_dl_debug_state", LOADER_OBJECTS, &a->hooks);
	if (!a->bindings->functions_n || a->catches_backoff.due_ns)
		return;
	attach_special(a, "libstdc++.so*:__cxa_begin_catch", LOADER_CATCH, &a->catches);
	attach_special(a, "libc++abi.so*:__cxa_begin_catch", LOADER_CATCH, &a->catches);
}

/* Whether it works now is seen by its cost. */
static void take_off(struct link_list *list, struct backoff *backoff, uint64_t retry_ns,
		     uint64_t now_ns)
{
	link_list_free(list);
	backoff_failed(backoff, retry_ns, now_ns);
}

void attachment_shed_catches(struct attachment *a, uint64_t now_ns)
{
	take_off(&a->catches, &a->catches_backoff, a->retry_ns, now_ns);
}

void attachment_shed_hooks(struct attachment *a, uint64_t now_ns)
{
	take_off(&a->hooks, &a->hooks_backoff, a->retry_ns, now_ns);
}

size_t attachment_retry_special(struct attachment *a, uint64_t now_ns)
{
	bool catches = backoff_take(&a->catches_backoff, now_ns);
	bool hooks = backoff_take(&a->hooks_backoff, now_ns);

	if (catches)
		backoff_works(&a->catches_backoff, now_ns);
	if (hooks)
		backoff_works(&a->hooks_backoff, now_ns);
	if (catches || hooks)
		attachment_extend_special(a);
	return (size_t)catches + hooks;
}
