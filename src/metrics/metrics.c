/* SPDX-License-Identifier: GPL-2.0-only */
/* metrics.c - the life of the engine and its tick. */
#include "metrics/metrics.h"

#include <errno.h>
#include <stdlib.h>

#include "metrics/state.h"

/* Records of several CPUs are a little out of order: they are joined when they are this old. */
#define HORIZON_NS (100ULL * 1000000ULL)
/* First outputs of streams are seen at the poll after them, and joined after the horizon. */
#define USERS_LAG_NS (300ULL * 1000000ULL)
/* A tick later than this: we were stopped, and so is what was looked at once a second. */
#define TICK_LATE_NS (5ULL * 1000000000ULL)

static int init_stage(struct metrics *m, size_t index)
{
	struct stage_state *stage = &m->stage[index];

	stage->config = &m->config->stages[index];
	stage->state = METRICS_STAGE_ARMED;
	stage->last = calloc(1, sizeof(*stage->last));
	if (!stage->last)
		return -ENOMEM;
	if (defs_stage(stage->config, STAGE_CACHED)) {
		stage->last->cached = calloc(1, sizeof(*stage->last->cached));
		if (!stage->last->cached)
			return -ENOMEM;
	}
	for (int i = 0; i < STAGE_SERIES; i++) {
		const struct series_def *def = defs_stage(stage->config, i);
		int err = def ? series_init(&stage->series[i], def) : 0;

		if (err)
			return err;
	}
	stage->wants_active = stage->config->active_cpu;
	stage->wants_memory = stage->config->memory;
	return stage->wants_memory ? series_keep_streams(&stage->series[STAGE_MEMORY]) : 0;
}

static int init(struct metrics *m)
{
	int err = 0;

	m->stage = calloc(m->stages_n ? m->stages_n : 1, sizeof(*m->stage));
	m->reorder = reorder__new();
	m->streams = streams__new(m->config, join_stream, m);
	m->turns = turns__new(m->config, join_turn, m);
	if (!m->stage || !m->reorder || !m->streams || !m->turns)
		return -ENOMEM;
	for (size_t i = 0; i < m->stages_n && !err; i++)
		err = init_stage(m, i);
	err = err ?: statements_init(m);
	for (int i = 0; i < TARGET_SERIES && !err; i++)
		err = series_init(&m->target[i], &target_defs[i]);
	return err ?: connections_init(m);
}

struct metrics *metrics__new(const struct config *config, uint64_t now_ns)
{
	struct metrics *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->config = config;
	m->start_ns = now_ns;
	m->now_ns = now_ns;
	m->due_ns = UINT64_MAX;
	m->stages_n = config->stages_n;
	if (m->stages_n > WIRE_STAGES_MAX)
		m->stages_n = WIRE_STAGES_MAX;
	if (init(m)) {
		metrics__free(m);
		errno = ENOMEM;
		return NULL;
	}
	return m;
}

void metrics__free(struct metrics *m)
{
	if (!m)
		return;
	for (size_t i = 0; m->stage && i < m->stages_n; i++) {
		for (int j = 0; j < STAGE_SERIES; j++)
			series_release(&m->stage[i].series[j]);
		if (m->stage[i].last)
			free(m->stage[i].last->cached);
		free(m->stage[i].last);
	}
	for (int i = 0; i < TARGET_SERIES; i++)
		series_release(&m->target[i]);
	for (size_t i = 0; i < m->gaps_n; i++) {
		series_release(&m->gaps[i]->series);
		free(m->gaps[i]);
	}
	connections_release(m);
	statements__free(m->statements);
	free(m->classes);
	free(m->stage);
	free(m->handles);
	reorder__free(m->reorder);
	streams__free(m->streams);
	turns__free(m->turns);
	free(m);
}

void metrics__stage_missed(struct metrics *m, size_t stage, uint64_t now_ns)
{
	if (stage >= m->stages_n)
		return;
	for (int i = 0; i < STAGE_SERIES; i++)
		series_mark(&m->stage[stage].series[i], QUALITY_PARTIAL, NULL, now_ns);
	if (m->stage[stage].config->turn && m->stage[stage].config->kind != STAGE_FRAME)
		join_lost(m, now_ns);
}

void metrics__stage_sampled(struct metrics *m, size_t stage, bool sampled)
{
	if (stage < m->stages_n)
		m->stage[stage].sampled = sampled;
}

void metrics__stage_state(struct metrics *m, size_t stage, enum metrics_stage_state state)
{
	enum metrics_stage_state before;

	if (stage >= m->stages_n)
		return;
	before = m->stage[stage].state;
	if (before == state)
		return;
	/* What was in a cache that was not watched for a while is not known. */
	m->stage[stage].cache.based = false;
	m->stage[stage].state = state;
	/* What was called in between is not known. */
	if (state == METRICS_STAGE_ARMED &&
	    (before == METRICS_STAGE_SHED || before == METRICS_STAGE_REFUSED))
		metrics__stage_missed(m, stage, m->now_ns);
	/* Frames that are not looked at have not stopped. */
	m->stage[stage].flowing_since_ns = 0;
	m->stage[stage].gave_up = false;
}

void metrics__poll_streams(struct metrics *m, const struct metrics_streams_ops *ops, void *ctx,
			   uint64_t now_ns)
{
	struct wire_stream_key key;
	struct wire_stream state;

	m->now_ns = now_ns;
	streams__lookup_by(m->streams, ops->lookup, ctx);
	for (size_t i = 0; i < STREAMS_MAX; i++) {
		int err;

		if (!streams__wanted(m->streams, i, &key))
			continue;
		err = ops->lookup(ctx, &key, &state);
		if (streams__state(m->streams, i, err ? NULL : &state) && ops->forget)
			ops->forget(ctx, &key);
	}
	if (now_ns > HORIZON_NS)
		join_until(m, now_ns - HORIZON_NS);
}

void metrics__target_gone(struct metrics *m, uint64_t now_ns)
{
	m->gone = true;
	m->now_ns = now_ns;
	streams__end_all(m->streams);
	series_add_gauge(&m->target[TARGET_UP], 0.0, true, now_ns);
}

/* What is looked at once a second was not looked at. */
static void mark_late(struct metrics *m, uint64_t now_ns)
{
	for (int i = 0; i < TARGET_UP; i++)
		if (target_defs[i].kind == WINDOW_GAUGE)
			series_mark(&m->target[i], QUALITY_PARTIAL, NULL, now_ns);
}

static void join(struct metrics *m, uint64_t until_ns)
{
	join_until(m, until_ns);
	streams__tick(m->streams, until_ns);
	turns__tick(m->turns, until_ns, responsive_turn_in_flight(m));
}

void metrics__tick(struct metrics *m, uint64_t now_ns)
{
	m->now_ns = now_ns;
	if (m->tick_ns && now_ns > m->tick_ns + TICK_LATE_NS)
		mark_late(m, now_ns);
	m->tick_ns = now_ns;
	if (now_ns > HORIZON_NS)
		join(m, now_ns - HORIZON_NS);
	series_add_gauge(&m->target[TARGET_TURNS_OPEN], (double)turns__open(m->turns), false,
			 now_ns);
	users_tick(m, now_ns > USERS_LAG_NS ? now_ns - USERS_LAG_NS : 0, now_ns);
	series_add_gauge(&m->target[TARGET_UP], m->gone ? 0.0 : 1.0, true, now_ns);
	responsive_check(m, now_ns);
}

void metrics__flush(struct metrics *m, uint64_t now_ns)
{
	m->now_ns = now_ns;
	join_until(m, UINT64_MAX);
	streams__tick(m->streams, now_ns);
	users_tick(m, now_ns, now_ns);
}

void metrics__losses(const struct metrics *m, struct metrics_losses *out)
{
	struct turns_losses turns;

	turns__losses(m->turns, &turns);
	*out = m->losses;
	out->streams_full = streams__full(m->streams);
	out->streams_empty = streams__empty(m->streams);
	out->turns_full = turns.full;
	out->turns_overlapped = turns.overlapped;
	out->spans_unjoined = turns.unjoined;
}
