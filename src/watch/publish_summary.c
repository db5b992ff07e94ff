/* SPDX-License-Identifier: GPL-2.0-only */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "rulefile/rule_notices.h"
#include "sinks/format.h"
#include "keeper/keeper.h"
#include "kernel/python.h"
#include "watch/publish.h"
#include "watch/publish_head.h"
#include "watch/publish_statements.h"

#define DROPS_MAX	(WIRE_CTR_CNT + WIRE_STAGES_MAX * 8 + 16)
#define DROP_NAME_MAX	96
#define NOTICES_MAX	32
#define NOTICE_MAX	160
#define METRIC_NAME_MAX 160

/* Everything a summary points to. */
struct gathering {
	struct sink_metric *metrics;
	size_t metrics_n, metrics_cap;
	struct sink_drop drops[DROPS_MAX];
	char names[DROPS_MAX][DROP_NAME_MAX];
	size_t drops_n;
	char notices[NOTICES_MAX][NOTICE_MAX];
	const char *notice_list[NOTICES_MAX];
	size_t notices_n;
	struct sink_firing *firing;
	char (*firing_metrics)[METRIC_NAME_MAX];
	size_t firing_n;
	struct sink_statement statements[PUBLISH_STATEMENTS_MAX];
};

static void on_metric(void *ctx, const char *id, const struct sample *sample)
{
	struct gathering *g = ctx;

	if (g->metrics_n == g->metrics_cap) {
		size_t cap = g->metrics_cap ? g->metrics_cap * 2 : 256;
		struct sink_metric *metrics = realloc(g->metrics, cap * sizeof(*metrics));

		if (!metrics)
			return;
		g->metrics = metrics;
		g->metrics_cap = cap;
	}
	g->metrics[g->metrics_n].id = strdup(id);
	if (!g->metrics[g->metrics_n].id)
		return;
	g->metrics[g->metrics_n].value = sample->value;
	g->metrics[g->metrics_n].unit = sample->unit;
	g->metrics[g->metrics_n].quality = (enum sink_quality)sample->quality;
	g->metrics[g->metrics_n].n = sample->n;
	g->metrics_n++;
}

static void add_drop(struct gathering *g, const char *reason, const char *stage, uint64_t count)
{
	if (!count || g->drops_n == DROPS_MAX)
		return;
	snprintf(g->names[g->drops_n], DROP_NAME_MAX, "%s%s%s", reason, stage ? "." : "",
		 stage ? stage : "");
	g->drops[g->drops_n].reason = g->names[g->drops_n];
	g->drops[g->drops_n].count = count;
	g->drops_n++;
}

static void gather_stage_drops(struct gathering *g, const struct watching *w, uint32_t i)
{
	const struct wire_stage_stats *s = loader__stats(w->loader, i);
	const char *name = w->config->stages[i].name;

	add_drop(g, "records_limited", name, s->records_limited);
	add_drop(g, "frames_overflow", name, s->frames_overflow);
	add_drop(g, "unknown_class", name, s->unknown_class);
	add_drop(g, "read_failures", name, s->read_failures);
	add_drop(g, "return_site_learnt", name, s->learning);
	add_drop(g, "unmatched_exit", name, s->unmatched);
	add_drop(g, "on_trial", name, s->trial_hits);
}

static void gather_rule_drops(struct gathering *g, const struct rule_watch *rules)
{
	struct rule_watch_losses losses;

	rule_watch__losses(rules, &losses);
	add_drop(g, "rule_samples_evicted", NULL, losses.samples_evicted);
	add_drop(g, "rule_evaluations_missed", NULL, losses.evaluations_missed);
	add_drop(g, "rule_alerts_untold", NULL, losses.alerts_untold);
}

static void gather_python_drops(struct gathering *g, struct loader *loader)
{
	struct wire_python_stats stats;

	if (!python_stats(loader, &stats))
		add_drop(g, "generators_full", NULL, stats.generators_lost);
}

static void gather_drops(struct gathering *g, const struct publisher *p)
{
	static const char *const names[] = {
#define X(name, id, text) id,
		WIRE_COUNTERS(X)
#undef X
	};
	const struct watching *w = p->watching;
	uint64_t counters[WIRE_CTR_CNT];
	struct metrics_losses losses;

	if (!loader__counters(w->loader, counters))
		for (size_t i = 0; i < WIRE_CTR_CNT; i++)
			add_drop(g, names[i], NULL, counters[i]);
	for (size_t i = 0; i < w->config->stages_n; i++)
		gather_stage_drops(g, w, (uint32_t)i);
	gather_python_drops(g, w->loader);
	metrics__losses(w->metrics, &losses);
	add_drop(g, "reorder_full", NULL, losses.reorder_full);
	add_drop(g, "user_streams_full", NULL, losses.streams_full);
	add_drop(g, "turns_full", NULL, losses.turns_full);
	add_drop(g, "turns_overlapped", NULL, losses.turns_overlapped);
	add_drop(g, "gaps_full", NULL, losses.gaps_full);
	add_drop(g, "memory", NULL, losses.memory);
	add_drop(g, "bad_records", NULL, w->losses.bad_records);
	add_drop(g, "unknown_records", NULL, w->losses.unknown_records);
	add_drop(g, "output_dropped", NULL, p->output_dropped);
	if (p->rules)
		gather_rule_drops(g, p->rules);
}

/* Budgets over their target that no alert tells of. */
static void gather_notices(struct gathering *g, const struct watching *w)
{
	for (size_t i = 0; i < rules__count(w->rules) && g->notices_n < NOTICES_MAX; i++) {
		char value[48], target[48];
		struct rules_status status;

		rules__status(w->rules, i, &status);
		if (!status.notice)
			continue;
		unit_format(value, sizeof(value), status.sample.value, status.budget->unit);
		unit_format(target, sizeof(target), status.budget->target, status.budget->unit);
		snprintf(g->notices[g->notices_n], NOTICE_MAX, "%s is %s, its target is %s",
			 status.budget->alert, value, target);
		g->notice_list[g->notices_n] = g->notices[g->notices_n];
		g->notices_n++;
	}
}

/* The alerts that fire, as they stand. */
static void gather_firing(struct gathering *g, const struct watching *w, size_t of_rules)
{
	size_t n = rules__count(w->rules);

	g->firing = calloc(n + of_rules + 1, sizeof(*g->firing));
	g->firing_metrics = calloc(n + 1, sizeof(*g->firing_metrics));
	if (!g->firing || !g->firing_metrics)
		return;
	for (size_t i = 0; i < n; i++) {
		struct sink_firing *out = &g->firing[g->firing_n];
		struct rules_status status;
		double value;

		rules__status(w->rules, i, &status);
		if (status.alert->severity == SEVERITY_NONE)
			continue;
		value = status.sample.value;
		metrics__name(w->metrics, status.handle, g->firing_metrics[g->firing_n],
			      METRIC_NAME_MAX);
		*out = (struct sink_firing){
			.alert = status.budget->alert,
			.metric = g->firing_metrics[g->firing_n],
			.severity = (enum sink_severity)status.alert->severity,
			.priority = isnan(value) ? -1
						 : alert_priority(status.budget, value,
								  status.alert->severity),
			.since_ts_ns = publish_realtime_ns(status.alert->fired_since_ns),
		};
		g->firing_n++;
	}
}

/* At most `n` of them: the room that there is. */
static void gather_rule_firing(struct gathering *g, const struct rule_watch *rules, size_t n)
{
	const struct rule_notice *notice;
	size_t at = 0;

	if (!g->firing || !g->firing_metrics)
		return;
	while (n-- && (notice = rule_watch__next_firing(rules, &at)))
		g->firing[g->firing_n++] = (struct sink_firing){
			.alert = notice->alert,
			.metric = notice->expr,
			.severity = (enum sink_severity)notice->severity,
			.priority = notice->priority,
			.since_ts_ns = notice->fired_at_ms > 0
					       ? (uint64_t)notice->fired_at_ms * 1000000ULL
					       : 0,
		};
}

static uint64_t own_rss_bytes(void)
{
	unsigned long long size = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f) {
		if (fscanf(f, "%20llu %20llu", &size, &resident) != 2)
			resident = 0;
		fclose(f);
	}
	return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void fill_overhead(const struct watching *w, uint64_t now_ns, struct sink_overhead *out)
{
	uint64_t keeper_cpu_ns, keeper_bytes;
	struct timespec cpu;
	struct loader_cpu lc;

	loader__cpu(w->loader, now_ns, &lc);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	out->elapsed_ns = now_ns - w->started_ns;
	out->tracepoint_ns = lc.tracepoint_ns;
	out->probe_ns = w->breaker.total_ns > (double)lc.tracepoint_ns
				? (uint64_t)w->breaker.total_ns - lc.tracepoint_ns
				: 0;
	keeper__cost(w->keeper, &keeper_cpu_ns, &keeper_bytes);
	out->own_cpu_ns =
		(uint64_t)cpu.tv_sec * 1000000000ULL + (uint64_t)cpu.tv_nsec + keeper_cpu_ns;
	out->own_rss_bytes = own_rss_bytes() + keeper_bytes;
	out->percent_of_one_cpu = w->breaker.percent;
}

static void add_rule_alerts(const struct publisher *p, struct sink_summary *summary)
{
	if (!p->rules)
		return;
	summary->alerts_firing += (uint32_t)rule_watch__firing(p->rules);
	summary->alerts_fired += rule_watch__fired(p->rules);
	summary->alerts_held += rule_watch__held(p->rules);
}

void publish_summary(struct publisher *p, enum sink_summary_reason reason, uint64_t now_ns)
{
	const struct watching *w = p->watching;
	struct gathering *g = calloc(1, sizeof(*g));
	struct sink_summary summary = {.head = publish_head(w), .reason = reason};
	struct sink_stats stats;
	size_t of_rules;

	if (!g)
		return;
	sink_set__stats(p->sinks, &stats);
	p->output_dropped = stats.dropped;
	metrics__each(w->metrics, now_ns, on_metric, g);
	gather_drops(g, p);
	gather_notices(g, w);
	of_rules = p->rules ? rule_watch__firing(p->rules) : 0;
	gather_firing(g, w, of_rules);
	gather_rule_firing(g, p->rules, of_rules);
	fill_overhead(w, now_ns, &summary.overhead);
	summary.overhead.loop_max_ns = p->loop_max_ns;
	summary.metrics = g->metrics;
	summary.metrics_n = g->metrics_n;
	summary.drops = g->drops;
	summary.drops_n = g->drops_n;
	summary.notices = g->notice_list;
	summary.notices_n = g->notices_n;
	summary.alerts_firing = (uint32_t)rules__firing(w->rules);
	summary.alerts_fired = p->fired_before + rules__fired(w->rules);
	summary.alerts_held = p->held_before + rules__held(w->rules);
	add_rule_alerts(p, &summary);
	summary.firing = g->firing;
	summary.firing_n = g->firing_n;
	summary.tier = rules__tier(w->rules) ? rules__tier(w->rules)->name : NULL;
	summary.statements = g->statements;
	summary.statements_n = publish_statements(w, g->statements);
	sink_set__summary(p->sinks, &summary);
	for (size_t i = 0; i < g->metrics_n; i++)
		free((char *)g->metrics[i].id);
	free(g->metrics);
	free(g->firing);
	free(g->firing_metrics);
	free(g);
}

void publish_note(struct publisher *p, const char *event, enum sink_severity severity,
		  const char *stage, const char *text)
{
	const struct sink_note note = {
		.head = publish_head(p->watching),
		.event = event,
		.severity = severity,
		.stage = stage,
		.text = text,
	};

	sink_set__note(p->sinks, &note);
}

void publish_bye(struct publisher *p, struct sink_bye *bye)
{
	struct sink_stats stats;

	bye->head = publish_head(p->watching);
	bye->alerts_fired = p->fired_before;
	/* There are none where a reload failed. */
	if (p->watching->rules)
		bye->alerts_fired += rules__fired(p->watching->rules);
	if (p->rules)
		bye->alerts_fired += rule_watch__fired(p->rules);
	sink_set__stats(p->sinks, &stats);
	bye->output_dropped = stats.dropped;
	sink_set__bye(p->sinks, bye);
}
