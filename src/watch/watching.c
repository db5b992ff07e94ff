/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/watching.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "keeper/keeper.h"
#include "log/log.h"
#include "metrics/decode.h"
#include "watch/clock.h"
#include "watch/connection_watch.h"
#include "watch/leak_hunt.h"
#include "watch/lock_watch.h"
#include "watch/proof.h"
#include "watch/python_exact.h"
#include "watch/python_sampling.h"
#include "watch/python_stacks.h"
#include "watch/recognise.h"
#include "watch/stages.h"
#include "watch/statement_watch.h"
#include "watch/target_open.h"
#include "watch/worker.h"

/* The maps are read when something says that they changed; in any case as often as this. */
#define SCAN_NS	      10000000000ULL
#define SCAN_RETRY_NS 1000000000ULL /* after a failure */

/* Probes of rarely hit special functions cost about this; exceptions are rare and dear anyway. */
static uint64_t extra_cost_ns(const struct watching *w)
{
	return w->attachment.calibration.trap[TRAP_STEPPED].rare_ns;
}

bool watching_lent(const struct watching *w)
{
	return w->worker && worker__busy(w->worker);
}

/* The worker uses the table of objects, and asks the keeper about them. */
static bool objects_lent(const struct watching *w)
{
	return w->scan.under_way || leak_hunt__busy(w->leaks);
}

static enum metrics_stage_state metrics_state(enum attach_state state)
{
	switch (state) {
	case ATTACH_TRIAL:
	case ATTACH_ARMED:
		return METRICS_STAGE_ARMED;
	case ATTACH_REFUSED:
		return METRICS_STAGE_REFUSED;
	case ATTACH_SHED:
		return METRICS_STAGE_SHED;
	case ATTACH_NONE:
		break;
	}
	return METRICS_STAGE_UNRESOLVED;
}

/* Tells the metrics what can be known of each stage. */
static void feed_states(struct watching *w)
{
	for (size_t i = 0; i < w->config->stages_n; i++) {
		const struct attached_stage *s = &w->attachment.stages[i];
		/* While it is tried again it is what it was. */
		bool again = s->state == ATTACH_TRIAL && s->before != ATTACH_NONE;

		metrics__stage_state(w->metrics, i, metrics_state(again ? s->before : s->state));
	}
}

/* Files are needed while planning and attaching only. */
static void close_objects(struct watching *w)
{
	for (size_t i = 0; i < w->objects.n_objects; i++)
		object_close(w->objects.objects[i]);
}

void watching_states(struct watching *w)
{
	feed_states(w);
}

void watching_attached(struct watching *w)
{
	if (w->python_exact)
		python_exact__update(w->python_exact);
	if (w->python_sampling)
		python_sampling__update(w->python_sampling, clock_ns(CLOCK_MONOTONIC));
	feed_states(w);
	close_objects(w);
	connection_watch__stages(w->connections, w);
}

static int resolve(struct watching *w, uint64_t now_ns)
{
	int err = bindings_resolve(&w->bindings, w->proc, &w->objects);

	/* The PID may have been recycled while files were read. */
	err = err ?: process_check(w->proc);
	if (!err)
		attachment_extend(&w->attachment, now_ns);
	if (!err)
		python_target_look(&w->python, w->proc, &w->objects, false);
	if (w->python_sampling) {
		python_target_publish(&w->python, w->loader);
		if (w->python_exact)
			python_exact__update(w->python_exact);
		python_sampling__update(w->python_sampling, now_ns);
	}
	close_objects(w);
	return err;
}

static int start_kernel(struct watching *w, char *why, size_t why_size)
{
	struct calibration calibration;
	struct loader_opts lo = {.tgid = (uint32_t)w->proc->pid,
				 .stages_n = w->config->stages_n,
				 .cached_n = stages_cached(w->config),
				 .statements = statement_watch_wanted(w->config),
				 .python = python_target_wanted(w->config),
				 .datagrams = w->config->datagrams};
	int err = keeper__load(w->keeper, &lo, &w->loader, &calibration, why, why_size);

	if (err)
		return err;
	attachment_init(&w->attachment, w->keeper, w->loader, &w->bindings, w->proc, &w->objects);
	w->attachment.ceiling_percent = w->config->overhead_percent;
	w->attachment.retry_ns = w->config->retry_ns;
	w->attachment.calibration = calibration;
	err = sockets__open(w->loader, &w->sockets);
	if (err)
		log_info("sockets cannot be watched: %s", err_str(err));
	w->connections = connection_watch__new(w->loader, w->config);
	if (!w->connections)
		log_info("connections to databases cannot be watched: %s", err_str(errno));
	w->locks = lock_watch__new(w->loader, w->proc);
	if (!w->locks)
		log_warn("deadlocks are not looked for: %s", err_str(errno));
	return 0;
}

int watching_start(struct watching *w, struct config *config, struct process *proc,
		   struct keeper *keeper, const struct proof *proof, char *why, size_t why_size)
{
	uint64_t now_ns;
	int err;

	memset(w, 0, sizeof(*w));
	w->config = config;
	w->proc = proc;
	w->keeper = keeper;
	err = target_objects(&w->objects, proc, why, why_size);
	if (err)
		return err;
	snprintf(why, why_size, "out of memory");
	err = recognise_engines(config, &w->objects, &w->engines, why, why_size);
	if (err)
		return err;
	bindings_init(&w->bindings, config);
	proof_apply(proof, proc, &w->bindings);
	breaker_init(&w->breaker, config->overhead_percent);
	err = start_kernel(w, why, why_size);
	if (err)
		return err;
	now_ns = clock_ns(CLOCK_MONOTONIC);
	w->started_ns = w->last_breaker_ns = w->last_scan_ns = now_ns;
	w->metrics = metrics__new(config, now_ns);
	w->rules = w->metrics ? rules__new(config, w->metrics) : NULL;
	if (!w->rules)
		return -ENOMEM;
	if (python_target_init(&w->python, config, proc))
		return -ENOMEM;
	w->python_sampling = w->python.probes_n ? python_sampling__new(w) : NULL;
	w->python_exact = w->python_sampling ? python_exact__new(w) : NULL;
	w->python_stacks = w->python_exact ? python_stacks__new(w) : NULL;
	if (w->python.probes_n && !w->python_stacks)
		return -ENOMEM;
	stages_configure(w);
	statement_watch_configure(w);
	stages_feed(w, now_ns);
	statement_watch_feed(w, now_ns);
	/* What is counted since the process began is counted from here. */
	(void)sampling_feed(w, now_ns);
	models_look(&w->models, config, proc);
	if (config_hunts_leaks(config)) {
		w->leaks = leak_hunt__new(w);
		if (!w->leaks)
			return -ENOMEM;
	}
	err = resolve(w, now_ns);
	feed_states(w);
	if (err)
		snprintf(why, why_size, "process %d cannot be read: %s", proc->pid, err_str(err));
	return err;
}

void watching_stop(struct watching *w)
{
	if (w->loader)
		attachment_clear(&w->attachment);
}

void watching_free(struct watching *w)
{
	watching_stop(w);
	leak_hunt__free(w->leaks);
	python_stacks__free(w->python_stacks);
	python_exact__free(w->python_exact);
	python_sampling__free(w->python_sampling);
	python_target_free(&w->python);
	rules__free(w->rules);
	metrics__free(w->metrics);
	sockets__free(w->sockets);
	lock_watch__free(w->locks);
	connection_watch__free(w->connections);
	loader__free(w->loader);
	bindings_free(&w->bindings);
	object_table_free(&w->objects);
	free(w->engines);
	config_free(w->config);
	memset(w, 0, sizeof(*w));
}

static void on_life(struct watching *w, const struct wire_life *life)
{
	switch (life->event) {
	case WIRE_LIFE_EXIT:
		w->exit_seen = true;
		w->exit_status = life->status;
		break;
	case WIRE_LIFE_EXEC:
		w->exec_seen = true;
		w->exec_pending = true;
		break;
	case WIRE_LIFE_OBJECTS:
		w->objects_changed = true;
		break;
	}
}

struct drain {
	struct watching *w;
	uint64_t now_ns;
};

static void on_record(void *ctx, const void *data, size_t len_bytes)
{
	struct drain *drain = ctx;
	struct watching *w = drain->w;
	union record record;

	switch (decode_record(data, len_bytes, w->config->stages_n, &record)) {
	case 0:
		break;
	case -ENOMSG:
		w->losses.unknown_records++;
		return;
	default:
		w->losses.bad_records++;
		return;
	}
	if (record.hdr.kind == WIRE_KIND_SPAN)
		metrics__feed_span(w->metrics, &record.span, drain->now_ns);
	else if (record.hdr.kind == WIRE_KIND_LIFE)
		on_life(w, &record.life);
	else if (record.hdr.kind == WIRE_KIND_LEARN && !objects_lent(w))
		attachment_learn(&w->attachment, &record.learn, drain->now_ns);
	else if (record.hdr.kind == WIRE_KIND_PYTHON_SAMPLE && w->python_sampling)
		python_sampling__sample(w->python_sampling, &record.python_sample);
	else if (record.hdr.kind == WIRE_KIND_PYTHON_CODE && w->python_sampling)
		python_sampling__question(w->python_sampling, &record.python_question);
	else if (record.hdr.kind == WIRE_KIND_PYTHON_GENERATOR && w->python_sampling)
		python_sampling__generator(w->python_sampling, &record.python_generator);
	else if (record.hdr.kind == WIRE_KIND_STATEMENT)
		statement_watch_record(w, &record.statement,
				       (const char *)data + sizeof(record.statement),
				       drain->now_ns);
}

static int stream_lookup(void *ctx, const struct wire_stream_key *key, struct wire_stream *out)
{
	struct watching *w = ctx;

	return loader__stream_lookup(w->loader, key, out) ? -ENOENT : 0;
}

static void stream_forget(void *ctx, const struct wire_stream_key *key)
{
	struct watching *w = ctx;

	loader__stream_forget(w->loader, key, clock_ns(CLOCK_MONOTONIC));
}

bool watching_in_trial(const struct watching *w)
{
	return attachment_in_trial(&w->attachment) || python_exact__in_trial(w->python_exact);
}

static void decide_python(struct watching *w, uint64_t now_ns, uint64_t *told)
{
	uint64_t news = python_exact__drained(w->python_exact, now_ns);

	*told |= news;
	if (news)
		feed_states(w);
}

void watching_drain(struct watching *w, uint64_t now_ns, uint64_t *told)
{
	const struct metrics_streams_ops ops = {stream_lookup, stream_forget};
	struct drain drain = {w, now_ns};

	loader__drain(w->loader, on_record, &drain);
	if (w->python_sampling)
		python_sampling__drained(w->python_sampling, now_ns);
	if (w->python_stacks)
		python_stacks__drained(w->python_stacks, now_ns);
	if (!objects_lent(w))
		attachment_learn_flush(&w->attachment);
	metrics__poll_streams(w->metrics, &ops, w, now_ns);
	stages_sample_memory(w, now_ns);
	*told = 0;
	if (!objects_lent(w) && attachment_decide(&w->attachment, now_ns, told))
		watching_attached(w);
	if (w->python_exact && !w->scan.under_way)
		decide_python(w, now_ns, told);
}

static bool stage_has_budget(const struct watching *w, size_t stage)
{
	const char *name = w->config->stages[stage].name;
	size_t len = strlen(name);

	for (size_t i = 0; i < w->config->budgets_n; i++)
		if (!strncmp(w->config->budgets[i].metric, name, len) &&
		    w->config->budgets[i].metric[len] == '.')
			return true;
	return false;
}

static int feed_breaker(struct watching *w, uint64_t now_ns, double *share)
{
	struct breaker_stage stages[WIRE_STAGES_MAX];
	struct breaker_input in = {.stages = stages,
				   .stages_n = w->config->stages_n,
				   .elapsed_ns = now_ns - w->last_breaker_ns};
	double seconds = (double)in.elapsed_ns / 1e9;
	struct loader_cpu cpu;

	loader__cpu(w->loader, now_ns, &cpu);
	for (size_t i = 0; i < in.stages_n; i++) {
		const volatile struct wire_stage_stats *s = loader__stats(w->loader, (uint32_t)i);
		uint64_t hits = s->entry_hits + s->exit_hits;

		stages[i].armed = w->attachment.stages[i].state == ATTACH_ARMED;
		stages[i].has_budget = stage_has_budget(w, i);
		stages[i].rare_factor = attachment_rare_factor(
			&w->attachment, i, (double)(hits - w->breaker.hits[i]) / seconds);
		stages[i].hits = hits;
		stages[i].trap_ns = s->cost_ns;
	}
	in.probe_runs = cpu.probe_runs;
	in.probe_ns = cpu.probe_ns;
	in.other_ns = cpu.tracepoint_ns + leak_hunt__cost_ns(w->leaks);
	in.extra_ns[BREAKER_EXTRA_CATCHES] = cpu.catch_hits * extra_cost_ns(w);
	in.extra_ns[BREAKER_EXTRA_PYTHON] = python_sampling__cost_ns(w->python_sampling);
	in.extra_ns[BREAKER_EXTRA_COPIES] = python_exact__copies_ns(w->python_exact);
	in.extra_ns[BREAKER_EXTRA_HOOKS] = cpu.loader_hits * extra_cost_ns(w);
	return breaker_feed(&w->breaker, &in, share);
}

int watching_break(struct watching *w, uint64_t now_ns)
{
	double share = 0;
	char reason[160];
	int stage;

	/* Timers are late by a little: that is no reason to wait for the next one. */
	if (now_ns - w->last_breaker_ns < BREAKER_PERIOD_NS / 10 * 9)
		return BREAKER_NOTHING;
	stage = feed_breaker(w, now_ns, &share);
	w->last_breaker_ns = now_ns;
	if (stage == BREAKER_CATCHES)
		attachment_shed_catches(&w->attachment, now_ns);
	if (stage == BREAKER_PYTHON && w->python_sampling)
		python_sampling__shed(w->python_sampling, share, now_ns);
	if (stage == BREAKER_HOOKS)
		attachment_shed_hooks(&w->attachment, now_ns);
	if (stage == BREAKER_COPIES && w->python_exact) {
		python_exact__shed_copies(w->python_exact, share);
		feed_states(w);
	}
	if (stage < 0)
		return stage;
	snprintf(reason, sizeof(reason),
		 "taken off: all probes together cost more than the ceiling of %g %% of one CPU, "
		 "this "
		 "stage %.1f %%",
		 w->config->overhead_percent, share);
	if (python_exact__has(w->python_exact, (size_t)stage))
		python_exact__shed(w->python_exact, (size_t)stage, reason);
	else
		attachment_shed(&w->attachment, (size_t)stage, reason, now_ns);
	feed_states(w);
	return stage;
}

void watching_retry(struct watching *w, uint64_t now_ns)
{
	if (!objects_lent(w) && attachment_retry(&w->attachment, now_ns))
		watching_attached(w);
}

static void feed_kernel(struct watching *w, uint64_t now_ns)
{
	uint64_t counters[WIRE_CTR_CNT];

	stages_feed(w, now_ns);
	for (size_t i = 0; i < w->config->stages_n; i++)
		if (w->attachment.stages[i].left_out_n)
			metrics__stage_missed(w->metrics, i, now_ns);
	statement_watch_feed(w, now_ns);
	if (!loader__counters(w->loader, counters))
		metrics__feed_counters(w->metrics, counters, now_ns);
}

bool watching_scan_due(const struct watching *w, uint64_t now_ns)
{
	uint64_t age_ns = now_ns - w->last_scan_ns;

	if (objects_lent(w))
		return false;
	return w->exec_seen || w->objects_changed || age_ns >= SCAN_NS ||
	       (w->exec_pending && age_ns >= SCAN_RETRY_NS);
}

void watching_rescan(struct watching *w, uint64_t now_ns)
{
	scan_start(w, now_ns);
}

int watching_tick(struct watching *w, uint64_t now_ns, rules_event_fn fn, void *ctx)
{
	int err;

	feed_kernel(w, now_ns);
	err = sampling_feed(w, now_ns);
	if (err == -ESRCH)
		return err;
	models_feed(&w->models, w->config, w->metrics, now_ns);
	connection_watch__look(w->connections, w, now_ns);
	lock_watch__look(w->locks, w->metrics, now_ns);
	if (!attachment_in_trial(&w->attachment))
		leak_hunt__tick(w->leaks, now_ns);
	metrics__tick(w->metrics, now_ns);
	rules__tick(w->rules, now_ns, fn, ctx);
	return 0;
}

bool watching_look_due(const struct watching *w, uint64_t now_ns)
{
	return now_ns > metrics__due_ns(w->metrics) || lock_watch__due(w->locks, now_ns);
}

void watching_look(struct watching *w, uint64_t now_ns, rules_event_fn fn, void *ctx)
{
	feed_kernel(w, now_ns);
	lock_watch__look(w->locks, w->metrics, now_ns);
	metrics__tick(w->metrics, now_ns);
	rules__tick(w->rules, now_ns, fn, ctx);
}

void watching_flush(struct watching *w, uint64_t now_ns)
{
	uint64_t told;

	watching_drain(w, now_ns, &told);
	feed_kernel(w, now_ns);
	sampling_feed(w, now_ns);
	metrics__flush(w->metrics, now_ns);
}

void watching_gone(struct watching *w, uint64_t now_ns, rules_event_fn fn, void *ctx)
{
	sampling_last(w, now_ns);
	metrics__target_gone(w->metrics, now_ns);
	metrics__tick(w->metrics, now_ns);
	rules__tick(w->rules, now_ns, fn, ctx);
}
