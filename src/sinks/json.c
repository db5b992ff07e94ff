/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * json.c - one JSON object a line.  docs/output.md describes every key and is kept equal to this
 * file by tests/unit/test_json.c; keys are added, never renamed or removed (JSON_INTERFACE).
 */
#include <errno.h>
#include <stdlib.h>

#include "sinks/format.h"
#include "sinks/json_leaks.h"
#include "sinks/json_writer.h"
#include "sinks/outq.h"
#include "sinks/sink.h"

/* Raised when an existing key changes its meaning. */
#define JSON_INTERFACE 1

struct sink_json {
	struct sink base;
	struct outq *out;
};

static struct outq *outq_of(const struct sink *sink)
{
	return ((const struct sink_json *)sink)->out;
}

static void begin_object(struct json_writer *w, const char *type, const struct sink_head *head)
{
	char ts[FORMAT_MAX];

	json_begin(w, NULL, '{');
	json_name(w, "type", type);
	json_name(w, "ts", timestamp_format(ts, sizeof(ts), head->ts_ns));
	json_uint(w, "target_id", head->target_id);
	json_name(w, "target_name", head->target_name);
	json_int(w, "pid", head->pid);
	json_name(w, "process", head->process);
}

/* Ends the line and sends it. */
static void send_object(struct sink *sink, struct json_writer *w, bool important)
{
	json_end(w, '}');
	strbuf_puts(w->out, "\n");
	if (w->out->failed)
		outq__lost(outq_of(sink));
	else
		outq__put(outq_of(sink), w->out->data, w->out->len, important);
	strbuf_free(w->out);
}

static void names_array(struct json_writer *w, const char *key, const char *const *names, size_t n)
{
	size_t i;

	json_begin(w, key, '[');
	for (i = 0; i < n; i++)
		json_sentence(w, NULL, names[i]);
	json_end(w, ']');
}

static void function_object(struct json_writer *w, const struct sink_function *f)
{
	json_begin(w, NULL, '{');
	json_name(w, "object", f->object);
	json_name(w, "symbol", f->symbol);
	json_uint(w, "offset", f->offset);
	json_name(w, "demangled", f->demangled);
	json_name(w, "place", f->emulated ? "emulated" : "stepped");
	json_name(w, "exits", f->exits);
	json_end(w, '}');
}

static void stage_object(struct json_writer *w, const struct sink_stage *stage)
{
	size_t i;

	json_begin(w, NULL, '{');
	json_name(w, "name", stage->name);
	json_name(w, "kind", sink_stage_kind_name(stage->kind));
	json_name(w, "engine", stage->engine);
	json_name(w, "state", sink_stage_state_name(stage->state));
	json_name(w, "way", stage->way);
	json_sentence(w, "reason", stage->reason);
	json_begin(w, "probes", '{');
	json_uint(w, "entry", stage->probes_entry);
	json_uint(w, "exit", stage->probes_exit);
	json_end(w, '}');
	json_number(w, "rate_per_s", stage->rate_per_s);
	json_number(w, "projected_cost_percent", stage->projected_cost_percent);
	json_begin(w, "functions", '[');
	for (i = 0; i < stage->functions_n; i++)
		function_object(w, &stage->functions[i]);
	json_end(w, ']');
	json_end(w, '}');
}

static void json_hello(struct sink *sink, const struct sink_hello *hello)
{
	struct strbuf buf = {0};
	struct json_writer w = {.out = &buf};
	size_t i;

	begin_object(&w, "hello", &hello->head);
	json_int(&w, "interface", JSON_INTERFACE);
	json_name(&w, "version", hello->version);
	json_name(&w, "kernel", hello->kernel);
	json_sentence(&w, "exe", hello->exe);
	json_name(&w, "attach", hello->attach);
	json_begin(&w, "probe_cost_ns", '{');
	json_number(&w, "emulated", hello->cost_emulated_ns);
	json_number(&w, "stepped", hello->cost_stepped_ns);
	json_end(&w, '}');
	json_number(&w, "projected_cost_percent", hello->projected_cost_percent);
	json_number(&w, "ceiling_percent", hello->ceiling_percent);
	json_number(&w, "cpus", hello->cpus);
	names_array(&w, "engines", hello->engines, hello->engines_n);
	names_array(&w, "unrecognised", hello->unrecognised, hello->unrecognised_n);
	json_uint(&w, "budgets", hello->budgets_n);
	json_uint(&w, "rules", hello->rules_n);
	json_begin(&w, "stages", '[');
	for (i = 0; i < hello->stages_n; i++)
		stage_object(&w, &hello->stages[i]);
	json_end(&w, ']');
	send_object(sink, &w, true);
}

static void span_fields(struct json_writer *w, const struct sink_evidence *e)
{
	unsigned int i;

	json_name(w, "stage", e->stage);
	json_number(w, "first_s", e->first_s);
	json_int(w, "tid", e->tid);
	json_name(w, "thread", e->thread);
	if (e->statement)
		json_sentence(w, "statement", e->statement);
	json_number(w, "process_cpu_s", e->process_cpu_s);
	if (!e->breakdown) {
		json_name(w, "cpu_s", NULL);
		json_name(w, "wait_s", NULL);
		return;
	}
	json_number(w, "cpu_s", e->cpu_s);
	json_begin(w, "wait_s", '{');
	for (i = 0; i < WIRE_WAITS; i++)
		json_number(w, sink_wait_name((enum wire_wait)i), e->wait_s[i]);
	json_end(w, '}');
}

/* `depth` 1: inside a turn, where there are spans only. */
static void evidence_object(struct json_writer *w, const struct sink_evidence *e, int depth)
{
	static const char *const kinds[] = {"invalid", "span", "turn", "note", "comparison"};
	char ts[FORMAT_MAX];
	size_t i;

	json_begin(w, NULL, '{');
	json_name(w, "kind", kinds[e->kind <= SINK_EVIDENCE_COMPARISON ? e->kind : 0]);
	if (e->kind >= SINK_EVIDENCE_NOTE) {
		json_sentence(w, "text", e->text);
		json_end(w, '}');
		return;
	}
	json_name(w, "start",
		  e->start_ts_ns ? timestamp_format(ts, sizeof(ts), e->start_ts_ns) : NULL);
	json_number(w, "wall_s", e->wall_s);
	json_name(w, "outcome", e->outcome);
	json_name(w, "quality", sink_quality_name(e->quality));
	if (e->kind == SINK_EVIDENCE_SPAN) {
		span_fields(w, e);
	} else if (!depth) {
		json_begin(w, "spans", '[');
		for (i = 0; i < e->spans_n; i++)
			evidence_object(w, &e->spans[i], 1);
		json_end(w, ']');
		json_begin(w, "gaps", '[');
		for (i = 0; i < e->gaps_n; i++) {
			json_begin(w, NULL, '{');
			json_name(w, "from", e->gaps[i].from);
			json_name(w, "to", e->gaps[i].to);
			json_number(w, "s", e->gaps[i].s);
			json_end(w, '}');
		}
		json_end(w, ']');
	}
	json_end(w, '}');
}

static void urgency_keys(struct json_writer *w, enum sink_severity severity, int priority)
{
	static const char *const priorities[] = {"P0", "P1", "P2", "P3"};
	bool ranked = priority >= 0 && priority <= 3;

	json_name(w, "severity",
		  severity == SINK_SEVERITY_NONE ? NULL : sink_severity_name(severity));
	json_name(w, "priority", ranked ? priorities[priority] : NULL);
}

static void pairs_object(struct json_writer *w, const char *key, const struct sink_pair *pair,
			 size_t n)
{
	json_begin(w, key, '{');
	for (size_t i = 0; i < n; i++)
		json_sentence(w, pair[i].name, pair[i].value);
	json_end(w, '}');
}

/* What only alerts of rule files have. */
static void rule_keys(struct json_writer *w, const struct sink_alert *alert)
{
	if (!alert->rule)
		return;
	json_sentence(w, "rule", alert->rule);
	pairs_object(w, "labels", alert->labels, alert->labels_n);
	pairs_object(w, "annotations", alert->annotations, alert->annotations_n);
}

static void json_alert(struct sink *sink, const struct sink_alert *alert)
{
	struct strbuf buf = {0};
	struct json_writer w = {.out = &buf};
	char since[FORMAT_MAX];
	size_t i;

	begin_object(&w, "alert", &alert->head);
	json_name(&w, "state", sink_alert_state_name(alert->state));
	json_name(&w, "alert", alert->alert);
	urgency_keys(&w, alert->severity, alert->priority);
	json_name(&w, "metric", alert->metric);
	json_name(&w, "stat", alert->stat);
	json_number(&w, "value", alert->value);
	json_name(&w, "unit", unit_name(alert->unit));
	json_number(&w, "limit", alert->limit);
	json_number(&w, "target", alert->target);
	json_number(&w, "over_percent", alert->over_percent);
	json_number(&w, "worst", alert->worst);
	json_number(&w, "improvement_percent", alert->improvement_percent);
	json_bool(&w, "below", alert->below);
	json_number(&w, "window_s", alert->window_s);
	json_number(&w, "for_s", alert->for_s);
	json_number(&w, "respond_within_s", alert->respond_within_s);
	json_name(&w, "quality", sink_quality_name(alert->quality));
	json_uint(&w, "n", alert->n);
	json_sentence(&w, "reason", alert->reason);
	json_sentence(&w, "action", alert->action);
	json_sentence(&w, "impact", alert->impact);
	json_sentence(&w, "response", alert->response);
	json_sentence(&w, "tier", alert->tier);
	json_name(&w, "cause", alert->cause);
	if (alert->group)
		json_uint(&w, "group", alert->group);
	else
		json_name(&w, "group", NULL);
	json_bool(&w, "reminder", alert->reminder);
	json_name(&w, "since",
		  alert->since_ts_ns ? timestamp_format(since, sizeof(since), alert->since_ts_ns)
				     : NULL);
	rule_keys(&w, alert);
	json_begin(&w, "evidence", '[');
	for (i = 0; i < alert->evidence_n; i++)
		evidence_object(&w, &alert->evidence[i], 0);
	json_end(&w, ']');
	send_object(sink, &w, true);
}

static void summary_maps(struct json_writer *w, const struct sink_summary *summary)
{
	const struct sink_metric *m;
	size_t i;

	json_begin(w, "metrics", '{');
	for (i = 0; i < summary->metrics_n; i++) {
		m = &summary->metrics[i];
		json_begin(w, m->id, '{');
		json_number(w, "value", m->value);
		json_name(w, "unit", unit_name(m->unit));
		json_name(w, "quality", sink_quality_name(m->quality));
		json_uint(w, "n", m->n);
		json_end(w, '}');
	}
	json_end(w, '}');
	json_begin(w, "drops", '{');
	for (i = 0; i < summary->drops_n; i++)
		json_uint(w, summary->drops[i].reason, summary->drops[i].count);
	json_end(w, '}');
}

static void firing_array(struct json_writer *w, const struct sink_summary *summary)
{
	char since[FORMAT_MAX];
	size_t i;

	json_begin(w, "firing", '[');
	for (i = 0; i < summary->firing_n; i++) {
		const struct sink_firing *f = &summary->firing[i];

		json_begin(w, NULL, '{');
		json_name(w, "alert", f->alert);
		json_name(w, "metric", f->metric);
		urgency_keys(w, f->severity, f->priority);
		json_name(w, "since", timestamp_format(since, sizeof(since), f->since_ts_ns));
		json_end(w, '}');
	}
	json_end(w, ']');
}

static void statements_array(struct json_writer *w, const struct sink_summary *summary)
{
	json_begin(w, "statements", '[');
	for (size_t i = 0; i < summary->statements_n; i++) {
		const struct sink_statement *s = &summary->statements[i];

		json_begin(w, NULL, '{');
		json_sentence(w, "statement", s->text);
		json_uint(w, "count", s->count);
		json_uint(w, "errors", s->errors);
		json_number(w, "sum_s", s->sum_s);
		json_number(w, "p95_s", s->p95_s);
		json_number(w, "max_s", s->max_s);
		json_end(w, '}');
	}
	json_end(w, ']');
}

static void json_summary(struct sink *sink, const struct sink_summary *summary)
{
	static const char *const reasons[] = {"interval", "signal", "exit"};
	const struct sink_overhead *overhead = &summary->overhead;
	struct strbuf buf = {0};
	struct json_writer w = {.out = &buf};
	struct sink_stats stats;

	outq__stats(outq_of(sink), &stats);
	begin_object(&w, "summary", &summary->head);
	json_name(&w, "reason", reasons[summary->reason]);
	summary_maps(&w, summary);
	json_begin(&w, "overhead", '{');
	json_uint(&w, "elapsed_ns", overhead->elapsed_ns);
	json_uint(&w, "probe_ns", overhead->probe_ns);
	json_uint(&w, "tracepoint_ns", overhead->tracepoint_ns);
	json_uint(&w, "own_cpu_ns", overhead->own_cpu_ns);
	json_uint(&w, "own_rss_bytes", overhead->own_rss_bytes);
	json_number(&w, "percent_of_one_cpu", overhead->percent_of_one_cpu);
	json_uint(&w, "loop_max_ns", overhead->loop_max_ns);
	json_end(&w, '}');
	names_array(&w, "notices", summary->notices, summary->notices_n);
	json_uint(&w, "alerts_firing", summary->alerts_firing);
	json_uint(&w, "alerts_fired", summary->alerts_fired);
	json_uint(&w, "alerts_held", summary->alerts_held);
	firing_array(&w, summary);
	if (summary->statements_n)
		statements_array(&w, summary);
	json_sentence(&w, "tier", summary->tier);
	json_uint(&w, "output_dropped", stats.dropped);
	/* The last one is what a test or a pipeline waits for. */
	send_object(sink, &w, summary->reason == SINK_SUMMARY_EXIT);
}

static void json_note(struct sink *sink, const struct sink_note *note)
{
	struct strbuf buf = {0};
	struct json_writer w = {.out = &buf};

	begin_object(&w, "note", &note->head);
	json_name(&w, "event", note->event);
	json_name(&w, "severity",
		  note->severity == SINK_SEVERITY_NONE ? "info"
						       : sink_severity_name(note->severity));
	json_name(&w, "stage", note->stage);
	json_sentence(&w, "text", note->text);
	send_object(sink, &w, false);
}

static void json_leaks(struct sink *sink, const struct sink_leaks *leaks)
{
	struct strbuf buf = {0};
	struct json_writer w = {.out = &buf};

	begin_object(&w, "leaks", &leaks->head);
	json_leaks_keys(&w, leaks);
	send_object(sink, &w, true);
}

static void json_bye(struct sink *sink, const struct sink_bye *bye)
{
	static const char *const states[] = {"running", "exited", "killed", "unknown"};
	bool exited = bye->target_state == SINK_TARGET_EXITED;
	bool killed = bye->target_state == SINK_TARGET_KILLED;
	struct strbuf buf = {0};
	struct json_writer w = {.out = &buf};

	begin_object(&w, "bye", &bye->head);
	json_name(&w, "reason", bye->reason);
	json_int(&w, "exit_code", bye->exit_code);
	json_begin(&w, "target", '{');
	json_name(&w, "state", states[bye->target_state]);
	if (exited)
		json_int(&w, "exit_code", bye->target_exit_code);
	else
		json_name(&w, "exit_code", NULL);
	if (killed)
		json_int(&w, "signal", bye->target_signal);
	else
		json_name(&w, "signal", NULL);
	json_bool(&w, "core_dumped", killed && bye->target_core_dumped);
	json_end(&w, '}');
	json_number(&w, "detach_s", bye->detach_s);
	json_uint(&w, "alerts_fired", bye->alerts_fired);
	json_uint(&w, "output_dropped", bye->output_dropped);
	send_object(sink, &w, true);
}

static void json_flush(struct sink *sink)
{
	outq__flush(outq_of(sink));
}

static int json_wait_fd(const struct sink *sink)
{
	return outq__wait_fd(outq_of(sink));
}

static void json_stats(const struct sink *sink, struct sink_stats *stats)
{
	outq__stats(outq_of(sink), stats);
}

static void json_free(struct sink *sink)
{
	outq__free(outq_of(sink));
	free(sink);
}

static const struct sink_ops json_ops = {
	.name = "json",
	.hello = json_hello,
	.alert = json_alert,
	.summary = json_summary,
	.note = json_note,
	.leaks = json_leaks,
	.bye = json_bye,
	.flush = json_flush,
	.wait_fd = json_wait_fd,
	.stats = json_stats,
	.free = json_free,
};

struct sink *sink_json__new(int fd)
{
	struct sink_json *json = calloc(1, sizeof(*json));
	int err;

	if (!json)
		return NULL;
	json->base.ops = &json_ops;
	json->base.watched_fd = -1;
	json->out = outq__new(fd, OUTQ_DEFAULT_BYTES);
	if (!json->out) {
		err = errno;
		free(json);
		errno = err;
		return NULL;
	}
	return &json->base;
}
