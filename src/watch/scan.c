/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/scan.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "log/log.h"
#include "watch/clock.h"
#include "watch/leak_hunt.h"
#include "watch/watching.h"

/* The thread's part. */
static void run(struct worker_job *job)
{
	struct scan *s = (struct scan *)job;
	struct watching *w = s->watching;
	struct object_diff diff = {};

	s->err = object_table_refresh(&w->objects, w->proc, &diff);
	/* The kernel puts uprobes into every new mapping of their file, also after an exec. */
	s->looked = !s->err && s->exec;
	if (s->looked)
		s->expired = bindings_expire(&w->bindings, &w->objects);
	if (!s->err && (diff.n_added || s->exec)) {
		s->err = bindings_resolve(&w->bindings, w->proc, &w->objects);
		s->resolved = !s->err;
	}
	if (!s->err && (diff.n_added || s->exec))
		python_target_look(&w->python, w->proc, &w->objects, s->exec);
	object_diff_free(&diff);
	models_look(&s->models, w->config, w->proc);
}

static void say_error(struct scan *s)
{
	if (s->err && s->err != -ESRCH && !s->said_error)
		log_warn("the target's objects cannot be read again: %s", err_str(s->err));
	s->said_error = s->err != 0;
}

static void done(struct worker_job *job)
{
	struct scan *s = (struct scan *)job;
	struct watching *w = s->watching;

	s->under_way = false;
	w->models = s->models;
	if (s->exec && s->err)
		w->exec_pending = true;
	if (s->looked) {
		leak_hunt__forget(w->leaks);
		if (process_refresh_names(w->proc))
			log_info("the new program's name cannot be read");
		attachment_expire(&w->attachment, s->expired);
	}
	/* The PID may have been recycled while files were read. */
	if (s->resolved)
		s->err = process_check(w->proc);
	if (s->resolved && !s->err)
		attachment_extend(&w->attachment, clock_ns(CLOCK_MONOTONIC));
	if (s->resolved && w->python_sampling)
		python_target_publish(&w->python, w->loader);
	watching_attached(w);
	say_error(s);
}

void scan_start(struct watching *w, uint64_t now_ns)
{
	struct scan *s = &w->scan;
	bool exec = w->exec_pending;

	if (s->under_way || (w->worker && worker__busy(w->worker)))
		return;
	w->exec_seen = w->exec_pending = w->objects_changed = false;
	w->last_scan_ns = now_ns;
	*s = (struct scan){.job = {run, done},
			   .watching = w,
			   .under_way = true,
			   .said_error = s->said_error,
			   .since_ns = now_ns,
			   .exec = exec,
			   .models = w->models};
	if (w->worker && !worker__start(w->worker, &s->job))
		return;
	/* No thread to be had. */
	run(&s->job);
	done(&s->job);
}

void scan_check(struct watching *w, uint64_t now_ns)
{
	struct scan *s = &w->scan;

	if (!s->under_way || s->said_slow || now_ns - s->since_ns < SCAN_SLOW_NS)
		return;
	s->said_slow = true;
	log_warn(
		"looking at what the target maps takes longer than %llu s: until that ends nothing "
		"new is attached",
		SCAN_SLOW_NS / 1000000000ULL);
}
