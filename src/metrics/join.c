/* SPDX-License-Identifier: GPL-2.0-only */
/* join.c - span records in, streams and turns out, into their series. */
#include "metrics/state.h"

#include <stdlib.h>
#include <string.h>

static void item_of(struct evidence_item *item, const struct wire_span *span)
{
	memset(item, 0, sizeof(*item));
	item->kind = EVIDENCE_SPAN;
	item->stage = span->stage;
	item->flags = span->flags;
	item->start_ns = span->start_ns;
	item->wall_ns = span->end_ns - span->start_ns;
	item->key = span->key;
	item->tid = span->hdr.tid;
	item->cpu_known = span->flags & WIRE_SPAN_CPU;
	item->cpu_ns = span->cpu_ns;
	item->process_cpu_ns = span->process_cpu_ns;
	memcpy(item->wait_ns, span->wait_ns, sizeof(item->wait_ns));
}

static void add_duration(struct metrics *m, struct series *series, uint64_t value_ns)
{
	m->losses.memory += series_add_duration(series, value_ns, m->now_ns);
}

static void add_item(struct metrics *m, struct series *series, const struct evidence_item *item)
{
	m->losses.memory += series_add_evidence(series, item, m->now_ns);
}

/* A duration of a stream, with the span as its evidence. */
static void stream_duration(struct metrics *m, struct series *series, const struct wire_span *span,
			    uint64_t end_ns)
{
	struct evidence_item item;

	item_of(&item, span);
	item.wall_ns = end_ns - span->start_ns;
	item.first_ns = span->first_ns ? span->first_ns - span->start_ns : 0;
	add_duration(m, series, item.wall_ns);
	add_item(m, series, &item);
}

static double seconds(uint64_t ns)
{
	return (double)ns / 1e9;
}

static void stream_mean(struct metrics *m, struct series *series, enum stage_series mean,
			enum stage_series sum, uint64_t ns)
{
	series_add_ratio(&series[mean], seconds(ns), 1.0, 1, m->now_ns);
	series_add_ratio(&series[sum], seconds(ns), 0.0, 1, m->now_ns);
}

/* The sample rate that the target itself stated. */
static void join_rate(struct metrics *m, struct stage_state *stage, const struct wire_span *span)
{
	struct series *series = &stage->series[STAGE_SAMPLE_RATE];

	if (series->def && span->flags & WIRE_SPAN_RATE && span->per_second > 0)
		series_add_gauge(series, (double)span->per_second, true, m->now_ns);
}

/* Good or bad, in time or not. */
static void stream_judged(struct metrics *m, struct stage_state *stage,
			  const struct wire_span *span, bool failed)
{
	uint64_t timeout_ns = stage->config->timeout_ns;
	bool late = timeout_ns && span->end_ns - span->start_ns > timeout_ns;
	struct series *s = stage->series;

	series_add_ratio(&s[STAGE_ERROR_RATE], failed ? 1.0 : 0.0, 1.0, 1, m->now_ns);
	series_add_ratio(&s[STAGE_TIMEOUT_RATE], late ? 1.0 : 0.0, 1.0, 1, m->now_ns);
}

/* The kernel does not know when a stream is over: what it counts for calls is counted here. */
static void stream_closed(struct metrics *m, struct stage_state *stage,
			  const struct wire_span *span)
{
	struct series *s = stage->series;
	uint64_t wall_ns = span->end_ns - span->start_ns;

	stage->closed_cnt++;
	series_add_ratio(&s[STAGE_COUNT], 1.0, 0.0, 1, m->now_ns);
	stream_judged(m, stage, span, span->flags & WIRE_SPAN_ERROR);
	join_rate(m, stage, span);
	if (span->flags & WIRE_SPAN_WORK && span->per_second > 0 && span->work > 0)
		series_add_ratio(&s[STAGE_RTF], seconds(wall_ns),
				 (double)span->work / (double)span->per_second, 1, m->now_ns);
	if (!(span->flags & WIRE_SPAN_CPU))
		return;
	stream_mean(m, s, STAGE_CPU, STAGE_CPU_SUM, span->cpu_ns);
	stream_mean(m, s, STAGE_PROCESS_CPU, STAGE_PROCESS_CPU_SUM, span->process_cpu_ns);
	for (int i = 0; i < WIRE_WAITS; i++)
		stream_mean(m, s, STAGE_WAIT + i, STAGE_WAIT_SUM + i, span->wait_ns[i]);
}

void join_stream(void *ctx, enum stream_step step, const struct wire_span *span)
{
	struct metrics *m = ctx;
	struct stage_state *stage = &m->stage[span->stage];
	struct series *s = stage->series;
	bool first = stage->config->latency_is_first;

	switch (step) {
	case STREAM_BEGIN:
		stage->gave_up = false;
		turns__begin(m->turns, span);
		break;
	case STREAM_FIRST:
		stream_duration(m, &s[STAGE_FIRST], span, span->first_ns);
		if (first)
			stream_duration(m, &s[STAGE_LATENCY], span, span->first_ns);
		turns__first(m->turns, span);
		break;
	case STREAM_END:
		stream_duration(m, &s[STAGE_TOTAL], span, span->end_ns);
		if (!first)
			stream_duration(m, &s[STAGE_LATENCY], span, span->end_ns);
		stream_closed(m, stage, span);
		turns__end(m->turns, span);
		break;
	case STREAM_EMPTY:
		stage->gave_up = stage->config->hang_ns &&
				 m->now_ns > span->start_ns + stage->config->hang_ns;
		/* Nothing came of it: to the user that is a failure, like a call that threw. */
		series_add_ratio(&s[STAGE_ABNORMAL], 1.0, 0.0, 1, m->now_ns);
		stream_judged(m, stage, span, true);
		break;
	}
}

struct gap_series *join_gap(struct metrics *m, uint16_t a, uint16_t b)
{
	struct gap_series *gap;

	for (size_t i = 0; i < m->gaps_n; i++)
		if (m->gaps[i]->a == a && m->gaps[i]->b == b)
			return m->gaps[i];
	if (m->gaps_n == METRICS_GAPS_MAX) {
		m->losses.gaps_full++;
		return NULL;
	}
	gap = calloc(1, sizeof(*gap));
	if (!gap) {
		m->losses.memory++;
		return NULL;
	}
	gap->a = a;
	gap->b = b;
	ids_join(gap->id, sizeof(gap->id), "turn.gap", m->config->stages[a].name,
		 m->config->stages[b].name);
	series_init(&gap->series, &gap_def);
	m->gaps[m->gaps_n++] = gap;
	return gap;
}

static void mark_turns(struct metrics *m, enum quality quality, const char *reason)
{
	series_mark(&m->target[TARGET_TURN_LATENCY], quality, reason, m->now_ns);
	series_mark(&m->target[TARGET_TURN_SPEECH], quality, reason, m->now_ns);
	if (!m->config->users.port)
		series_mark(&m->target[TARGET_USERS_ACTIVE], quality, reason, m->now_ns);
	for (int i = 0; i < TURN_OUTCOMES; i++)
		if (i != TURN_UNKNOWN)
			series_mark(&m->target[TARGET_TURN_OUTCOME + i], quality, reason,
				    m->now_ns);
	for (size_t i = 0; i < m->gaps_n; i++)
		series_mark(&m->gaps[i]->series, quality, reason, m->now_ns);
}

void join_turn(void *ctx, const struct turn_event *event)
{
	struct metrics *m = ctx;
	struct gap_series *gap;

	switch (event->what) {
	case TURN_EVENT_STARTED:
		series_add_ratio(&m->target[TARGET_TURN_COUNT], 1.0, 0.0, 1, m->now_ns);
		break;
	case TURN_EVENT_GAP:
		gap = join_gap(m, event->a, event->b);
		if (gap)
			add_duration(m, &gap->series, event->value_ns);
		break;
	case TURN_EVENT_SPEECH:
		add_duration(m, &m->target[TARGET_TURN_SPEECH], event->value_ns);
		break;
	case TURN_EVENT_LATENCY:
		add_duration(m, &m->target[TARGET_TURN_LATENCY], event->value_ns);
		add_item(m, &m->target[TARGET_TURN_LATENCY], event->item);
		break;
	case TURN_EVENT_OUTCOME:
		/* Without a stage that gives audio no turn can be complete, nor fail to be. */
		if (!turns__has_end(m->turns))
			break;
		series_add_ratio(&m->target[TARGET_TURN_OUTCOME + event->outcome], 1.0, 0.0, 1,
				 m->now_ns);
		if (event->outcome == TURN_UNKNOWN)
			mark_turns(m, QUALITY_UNKNOWN, "turns overlap and have no key");
		break;
	}
}

/* A span whose turn it is now, in the order of time. */
static void join_span(struct metrics *m, const struct wire_span *span)
{
	const struct stage_config *stage = m->stage[span->stage].config;
	const char *wake = m->config->turn.wake ? m->config->turn.wake : "wake_word";

	if (stage->kind == STAGE_FRAME) {
		if (span->flags & WIRE_SPAN_HIT && strcmp(stage->name, wake) == 0)
			turns__wake(m->turns, span);
		return;
	}
	if (stage->turn)
		streams__next_stage(m->streams, span);
	if (stage->kind == STAGE_STREAM) {
		streams__feed(m->streams, span);
		return;
	}
	turns__begin(m->turns, span);
	turns__end(m->turns, span);
}

void join_until(struct metrics *m, uint64_t time_ns)
{
	struct wire_span span;

	while (reorder__pop(m->reorder, time_ns, &span))
		join_span(m, &span);
}

void join_lost(struct metrics *m, uint64_t now_ns)
{
	m->now_ns = now_ns;
	mark_turns(m, QUALITY_PARTIAL, NULL);
	series_mark(&m->target[TARGET_TURN_COUNT], QUALITY_PARTIAL, NULL, now_ns);
}

/* The span explains every latency that it counts in. */
static void call_items(struct metrics *m, struct series *s, const struct wire_span *span,
		       const struct evidence_item *item)
{
	bool cached = span->flags & WIRE_SPAN_CACHED;

	add_item(m, &s[STAGE_LATENCY], item);
	add_item(m, &s[STAGE_TOTAL], item);
	add_item(m, &s[cached ? STAGE_CACHED : STAGE_UNCACHED], item);
}

void metrics__feed_span(struct metrics *m, const struct wire_span *span, uint64_t now_ns)
{
	const struct stage_config *stage;
	struct evidence_item item;
	struct wire_span early;

	if (span->stage >= m->stages_n)
		return;
	m->now_ns = now_ns;
	stage = m->stage[span->stage].config;
	item_of(&item, span);
	if (stage->kind == STAGE_CALL && !(span->flags & WIRE_SPAN_ABNORMAL))
		call_items(m, m->stage[span->stage].series, span, &item);
	if (stage->kind != STAGE_STREAM)
		join_rate(m, &m->stage[span->stage], span);
	if (stage->kind == STAGE_FRAME) {
		add_item(m, &m->stage[span->stage].series[STAGE_FRAME_ALL], &item);
		if (span->flags & WIRE_SPAN_HIT)
			add_item(m, &m->stage[span->stage].series[STAGE_LATENCY], &item);
	}
	/* Nothing to join: neither a turn nor a stream asks in which order it came. */
	if (stage->kind == STAGE_CALL && !stage->turn)
		return;
	while (!reorder__push(m->reorder, span)) {
		m->losses.reorder_full++;
		if (!reorder__pop(m->reorder, UINT64_MAX, &early))
			return;
		join_span(m, &early);
	}
}
