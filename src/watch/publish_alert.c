/* SPDX-License-Identifier: GPL-2.0-only */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "target/thread_name.h"
#include "watch/leak_hunt.h"
#include "watch/publish.h"
#include "watch/publish_connections.h"
#include "watch/publish_head.h"
#include "watch/publish_leaks.h"
#include "watch/publish_python.h"

/* The evidence of one alert in the sinks' form, and what its pointers point to. */
struct evidence_text {
	struct sink_evidence items[EVIDENCE_KEPT + PYTHON_NOTES_MAX];
	struct sink_evidence spans[EVIDENCE_KEPT][EVIDENCE_PARTS_MAX];
	struct sink_gap gaps[EVIDENCE_KEPT][EVIDENCE_PARTS_MAX];
	char threads[EVIDENCE_KEPT][THREAD_NAME_MAX];
	struct connection_texts connections;
	struct leak_texts leaks;
	struct python_texts python;
	char span_threads[EVIDENCE_KEPT][EVIDENCE_PARTS_MAX][THREAD_NAME_MAX];
};

static const char *stage_name(const struct watching *w, uint16_t stage)
{
	return stage < w->config->stages_n ? w->config->stages[stage].name : "?";
}

static const char *span_outcome(uint32_t flags)
{
	if (flags & WIRE_SPAN_EXCEPTION)
		return "exception";
	if (flags & WIRE_SPAN_THREAD_END)
		return "thread_end";
	if (flags & WIRE_SPAN_ABNORMAL)
		return "unwound";
	return flags & WIRE_SPAN_ERROR ? "error" : NULL;
}

static void fill_span(const struct watching *w, const struct evidence_item *in,
		      struct sink_evidence *out, char *comm)
{
	out->kind = SINK_EVIDENCE_SPAN;
	out->stage = stage_name(w, in->stage);
	out->statement = metrics__statement(w->metrics, in->statement);
	out->outcome = span_outcome(in->flags);
	out->breakdown = in->cpu_known;
	out->cpu_s = (double)in->cpu_ns / 1e9;
	out->process_cpu_s = in->cpu_known ? (double)in->process_cpu_ns / 1e9 : NAN;
	for (int i = 0; i < WIRE_WAITS; i++)
		out->wait_s[i] = (double)in->wait_ns[i] / 1e9;
	out->tid = (pid_t)in->tid;
	thread_name(w->proc, in->tid, comm, THREAD_NAME_MAX);
	out->thread = comm[0] ? comm : NULL;
}

/* One stage of a turn: as a span of its own would be. */
static void fill_part(const struct watching *w, const struct evidence_part *part,
		      struct sink_evidence *out, char *comm)
{
	struct evidence_item item = {
		.stage = part->stage,
		.flags = part->flags,
		.tid = part->tid,
		.cpu_known = part->cpu_known,
		.cpu_ns = part->cpu_ns,
		.process_cpu_ns = part->process_cpu_ns,
	};

	memcpy(item.wait_ns, part->wait_ns, sizeof(item.wait_ns));
	*out = (struct sink_evidence){
		.start_ts_ns = publish_realtime_ns(part->start_ns),
		.wall_s = (double)part->wall_ns / 1e9,
		.first_s = part->first_ns ? (double)part->first_ns / 1e9 : NAN,
	};
	fill_span(w, &item, out, comm);
}

/* A turn has a latency only when its audio came. */
static void fill_turn(const struct watching *w, const struct evidence_item *in,
		      struct sink_evidence *out, size_t at, struct evidence_text *text)
{
	struct sink_gap *gaps = text->gaps[at];

	out->kind = SINK_EVIDENCE_TURN;
	out->outcome = "complete";
	out->spans = text->spans[at];
	out->spans_n = in->parts_n;
	out->gaps = gaps;
	for (size_t i = 0; i < in->parts_n && i < EVIDENCE_PARTS_MAX; i++) {
		const struct evidence_part *part = &in->parts[i];

		fill_part(w, part, &text->spans[at][i], text->span_threads[at][i]);
		if (i && part->gap_ns >= 0)
			gaps[out->gaps_n++] = (struct sink_gap){
				.from = stage_name(w, in->parts[i - 1].stage),
				.to = stage_name(w, part->stage),
				.s = (double)part->gap_ns / 1e9,
			};
	}
}

static size_t fill_evidence(const struct watching *w, int handle, uint64_t now_ns,
			    struct evidence_text *text)
{
	struct evidence_item items[EVIDENCE_KEPT];
	size_t n = handle < 0 ? 0 : metrics__slowest(w->metrics, handle, now_ns, items);

	memset(text, 0, sizeof(*text));
	for (size_t i = 0; i < n; i++) {
		struct sink_evidence *out = &text->items[i];

		out->start_ts_ns = publish_realtime_ns(items[i].start_ns);
		out->wall_s = (double)items[i].wall_ns / 1e9;
		out->first_s = items[i].first_ns
				       ? (double)(items[i].first_ns - items[i].start_ns) / 1e9
				       : NAN;
		out->process_cpu_s = NAN;
		if (items[i].kind == EVIDENCE_TURN)
			fill_turn(w, &items[i], out, i, text);
		else
			fill_span(w, &items[i], out, text->threads[i]);
	}
	return n;
}

/* Of what has no spans. */
static size_t fill_causes(const struct watching *w, const struct alert_event *event,
			  struct evidence_text *text)
{
	const char *metric = event->budget->metric;
	size_t n = publish_connections(w, metric, text->items, &text->connections);

	if (!n)
		n = publish_growth_compared(event, text->items, &text->leaks);
	return n
		       ?: publish_leak_evidence(leak_hunt__report(w->leaks), metric, text->items,
						&text->leaks);
}

static size_t fill_all(const struct watching *w, const struct alert_event *event, int handle,
		       struct evidence_text *text)
{
	size_t n = fill_evidence(w, handle, event->ts_ns, text) ?: fill_causes(w, event, text);

	return n + publish_python(w, event, text->items + n, &text->python);
}

/* How the target ended, as far as its exit record has come. */
static const char *end_of(const struct watching *w, char *buf, size_t size)
{
	int status = (int)w->exit_status;
	const char *name;

	if (!w->exit_seen)
		return NULL;
	if (!WIFSIGNALED(status)) {
		snprintf(buf, size, "exited with status %d", WEXITSTATUS(status));
		return buf;
	}
	name = sigabbrev_np(WTERMSIG(status));
	if (name)
		snprintf(buf, size, "killed by SIG%s", name);
	else
		snprintf(buf, size, "killed by signal %d", WTERMSIG(status));
	if (WCOREDUMP(status))
		strncat(buf, ", core dumped", size - strlen(buf) - 1);
	return buf;
}

/* Why target.responsive is 0; only the metrics know it. */
static const char *hang_of(const struct watching *w, char *buf, size_t size)
{
	size_t stage;
	const char *why = metrics__unresponsive(w->metrics, &stage);

	if (!why || stage == METRICS_NO_STAGE)
		return why;
	snprintf(buf, size, "stage %s: %s", stage_name(w, (uint16_t)stage), why);
	return buf;
}

static const char *reason_of(const struct watching *w, const struct alert_event *event, char *buf,
			     size_t size)
{
	if (event->sample.reason || event->state != ALERT_FIRING)
		return event->sample.reason;
	if (!strcmp(event->budget->metric, "target.up"))
		return end_of(w, buf, size);
	if (!strcmp(event->budget->metric, "target.responsive"))
		return hang_of(w, buf, size);
	return NULL;
}

static const char *response_of(const struct watching *w, const struct alert_event *event)
{
	const char *response;

	if (event->priority < 0)
		return NULL;
	response = w->config->priorities[event->priority].response;
	return response && response[0] ? response : NULL;
}

static const char *tier_of_budget(const struct watching *w, const struct budget_config *budget)
{
	return budget->tier ? w->config->users.tiers[budget->tier - 1].name : NULL;
}

void publish_alert(struct publisher *p, const struct alert_event *event, int handle)
{
	const struct watching *w = p->watching;
	const struct budget_config *budget = event->budget;
	struct evidence_text evidence;
	char metric[160], reason[480];
	struct sink_alert alert;

	if (event->state == ALERT_PENDING || event->state == ALERT_INACTIVE ||
	    (event->state == ALERT_UNKNOWN && p->target_gone))
		return;
	if (handle >= 0)
		metrics__name(w->metrics, handle, metric, sizeof(metric));
	else
		snprintf(metric, sizeof(metric), "%s", budget->metric);
	alert = (struct sink_alert){
		.head = publish_head(w),
		.state = (enum sink_alert_state)event->state,
		.alert = budget->alert,
		.severity = (enum sink_severity)event->severity,
		.priority = event->priority,
		.metric = metric,
		.stat = budget->stat == STAT_INVALID ? NULL : stat_name(budget->stat),
		.value = event->sample.value,
		.unit = budget->unit,
		.limit = event->limit,
		.target = budget->target,
		.over_percent = event->over_percent,
		.worst = event->worst,
		.improvement_percent = alert_improvement_percent(event),
		.below = budget->below,
		.window_s = budget->window_ns ? (double)budget->window_ns / 1e9 : NAN,
		.for_s = (double)budget->for_ns / 1e9,
		.respond_within_s = event->priority < 0 ? NAN : (double)event->respond_within_s,
		.quality = (enum sink_quality)event->sample.quality,
		.n = event->sample.n,
		.reason = reason_of(w, event, reason, sizeof(reason)),
		.action = budget->action,
		.impact = budget->impact,
		.response = response_of(w, event),
		.tier = tier_of_budget(w, budget),
		.cause = event->cause,
		.group = event->group ? p->groups_before + event->group : 0,
		.also = event->also,
		.reminder = event->reminder,
		.since_ts_ns = publish_realtime_ns(event->fired_ns),
		.evidence = evidence.items,
		.evidence_n = fill_all(w, event, handle, &evidence),
	};
	sink_set__alert(p->sinks, &alert);
}

void publish_storm(struct publisher *p, const struct notify_storm *storm)
{
	char text[192];

	if (storm->began)
		snprintf(text, sizeof(text),
			 "%" PRIu64 " changes of alerts in the last minute, more than the rate of "
			 "%" PRIu32
			 " a minute: what is not P0 is told as it stands when there is room",
			 storm->per_min, p->watching->config->alerts.rate_per_min);
	else
		snprintf(text, sizeof(text),
			 "the storm of alerts is over: %" PRIu64
			 " changes were not told one by one",
			 storm->held);
	publish_note(p, storm->began ? "alert_storm" : "alert_storm_over",
		     storm->began ? SINK_SEVERITY_WARNING : SINK_SEVERITY_NONE, NULL, text);
}
