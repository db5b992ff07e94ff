/* SPDX-License-Identifier: GPL-2.0-only */
/* feed_stage.c - the kernel's running totals of a stage to what happened since the last time. */
#include "metrics/state.h"

struct stage_diff {
	const struct wire_stage_stats *now, *before;
	uint64_t now_ns;
};

/* All totals are 64 bits and only grow; a smaller one (a hostile or torn read) is no progress. */
#define DIFF(d, field) rise((d)->now->field, (d)->before->field)

static uint64_t rise(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

static double seconds(uint64_t ns)
{
	return (double)ns / 1e9;
}

static uint64_t diff_abnormal(const struct stage_diff *d)
{
	return DIFF(d, abnormal_exception) + DIFF(d, abnormal_unwound) +
	       DIFF(d, abnormal_thread_end);
}

static void add_sum(struct series *series, uint64_t num, uint64_t now_ns)
{
	if (num)
		series_add_ratio(series, (double)num, 0.0, num, now_ns);
}

static void add_mean(struct series *s, enum stage_series mean, enum stage_series sum,
		     uint64_t diff_ns, uint64_t spans, uint64_t now_ns)
{
	if (!spans)
		return;
	series_add_ratio(&s[mean], seconds(diff_ns), (double)spans, spans, now_ns);
	series_add_ratio(&s[sum], seconds(diff_ns), 0.0, spans, now_ns);
}

/* Rates and means of calls and frames; streams are closed, and counted, in user space. */
static void add_spans(struct stage_state *stage, const struct stage_diff *d)
{
	struct series *s = stage->series;
	uint64_t spans = DIFF(d, spans);
	uint64_t all = spans + diff_abnormal(d);

	add_sum(&s[STAGE_COUNT], stage->config->kind == STAGE_FRAME ? DIFF(d, hits) : spans,
		d->now_ns);
	add_sum(&s[STAGE_FRAMES], spans, d->now_ns);
	if (all) {
		series_add_ratio(&s[STAGE_ERROR_RATE], (double)(DIFF(d, errors) + diff_abnormal(d)),
				 (double)all, all, d->now_ns);
		series_add_ratio(&s[STAGE_TIMEOUT_RATE], (double)DIFF(d, timeouts), (double)all,
				 all, d->now_ns);
	}
	add_mean(s, STAGE_CPU, STAGE_CPU_SUM, DIFF(d, cpu_ns), spans, d->now_ns);
	add_mean(s, STAGE_PROCESS_CPU, STAGE_PROCESS_CPU_SUM, DIFF(d, process_cpu_ns), spans,
		 d->now_ns);
	for (int i = 0; i < WIRE_WAITS; i++)
		add_mean(s, STAGE_WAIT + i, STAGE_WAIT_SUM + i, DIFF(d, wait_ns[i]), spans,
			 d->now_ns);
	if (DIFF(d, work_sum_ns))
		series_add_ratio(&s[STAGE_RTF], seconds(DIFF(d, worked_ns)),
				 seconds(DIFF(d, work_sum_ns)), spans, d->now_ns);
}

/* The kernel's sum and maximum are those of this very histogram. */
static void make_exact(struct hist *delta, const struct stage_diff *d)
{
	if (!delta->count)
		return;
	if (DIFF(d, sum_ns))
		delta->sum_ns = DIFF(d, sum_ns);
	if (d->now->max_ns > d->before->max_ns || delta->max_ns > d->now->max_ns)
		delta->max_ns = d->now->max_ns;
}

static void add_hist(struct metrics *m, struct series *series, const struct hist *delta,
		     uint64_t now_ns)
{
	if (delta->count)
		m->losses.memory += series_add_hist(series, delta, now_ns);
}

/* The kernel counts calls that were answered out of a cache apart: all is both. */
static void add_latency(struct metrics *m, struct stage_state *stage, const struct stage_diff *d,
			const struct stage_reading *r)
{
	struct series *s = stage->series;
	struct hist all = {0}, cached = {0};

	hist_add_diff(&all, r->latency, &stage->last->latency);
	if (r->cached && stage->last->cached) {
		hist_add_diff(&cached, r->cached, stage->last->cached);
		add_hist(m, &s[STAGE_UNCACHED], &all, d->now_ns);
		add_hist(m, &s[STAGE_CACHED], &cached, d->now_ns);
		hist_merge(&all, &cached);
		if (DIFF(d, spans))
			series_add_ratio(&s[STAGE_CACHED_RATIO], (double)DIFF(d, cached),
					 (double)DIFF(d, spans), DIFF(d, spans), d->now_ns);
	}
	if (stage->config->kind == STAGE_CALL || stage->config->kind == STAGE_STATEMENT)
		make_exact(&all, d);
	add_hist(m, &s[STAGE_LATENCY], &all, d->now_ns);
	add_hist(m, &s[STAGE_TOTAL], &all, d->now_ns);
}

static void add_frames(struct metrics *m, struct stage_state *stage, const struct stage_diff *d,
		       const struct wire_histogram *frame)
{
	struct hist delta = {0};

	hist_add_diff(&delta, frame, &stage->last->frame);
	make_exact(&delta, d);
	add_hist(m, &stage->series[STAGE_FRAME_ALL], &delta, d->now_ns);
}

/* Spans that the kernel knows it did not see, or could not send. */
static void note_losses(struct metrics *m, struct stage_state *stage, const struct stage_diff *d)
{
	struct series *s = stage->series;

	if (DIFF(d, records_limited) + DIFF(d, records_lost) + DIFF(d, read_failures)) {
		if (stage->config->kind == STAGE_STREAM)
			for (int i = 0; i < STAGE_SERIES; i++)
				series_mark(&s[i], QUALITY_PARTIAL, NULL, d->now_ns);
		series_mark(&s[STAGE_SAMPLE_RATE], QUALITY_PARTIAL, NULL, d->now_ns);
		if (stage->config->turn && stage->config->kind != STAGE_FRAME)
			join_lost(m, d->now_ns);
	}
	if (DIFF(d, overlaps))
		series_mark(&s[STAGE_ACTIVE_CPU], QUALITY_PARTIAL, NULL, d->now_ns);
	if (DIFF(d, frames_overflow) + DIFF(d, learning) + DIFF(d, trial_hits))
		for (int i = 0; i < STAGE_SERIES; i++)
			series_mark(&s[i], QUALITY_PARTIAL, NULL, d->now_ns);
	if (stage->config->kind == STAGE_STATEMENT && DIFF(d, frames_overflow) + DIFF(d, learning))
		statements_lost(m, d->now_ns);
}

static void diff_stage(struct metrics *m, struct stage_state *stage, const struct stage_diff *d,
		       const struct stage_reading *r)
{
	struct series *s = stage->series;
	enum stage_kind kind = stage->config->kind;
	double elapsed_s = seconds(d->now_ns - stage->last->ts_ns);
	uint64_t ended = kind == STAGE_STREAM ? stage->closed_cnt : DIFF(d, spans);

	if (kind == STAGE_CACHE) {
		cache_feed(stage, d->now, d->before, elapsed_s, d->now_ns);
		return;
	}
	if (elapsed_s > 0.0)
		series_add_ratio(&s[STAGE_RATE], (double)ended, elapsed_s, ended, d->now_ns);
	stage->closed_cnt = 0;
	add_sum(&s[STAGE_ABNORMAL], diff_abnormal(d), d->now_ns);
	if (kind != STAGE_STREAM) {
		add_spans(stage, d);
		if (r->latency)
			add_latency(m, stage, d, r);
	}
	if (kind == STAGE_FRAME) {
		if (r->frame)
			add_frames(m, stage, d, r->frame);
		responsive_frames(stage, DIFF(d, spans), DIFF(d, hits), d->now_ns);
	} else if (ended) {
		stage->ended_ns = d->now_ns;
	}
	note_losses(m, stage, d);
}

static void remember(struct stage_last *last, const struct stage_reading *r, uint64_t now_ns)
{
	last->stats = *r->stats;
	if (r->latency)
		last->latency = *r->latency;
	if (r->frame)
		last->frame = *r->frame;
	if (r->cached && last->cached)
		*last->cached = *r->cached;
	last->ts_ns = now_ns;
	last->valid = true;
}

void metrics__feed_stage(struct metrics *m, size_t stage_index, const struct stage_reading *r,
			 uint64_t now_ns)
{
	struct stage_state *stage;
	struct stage_last *last;

	if (stage_index >= m->stages_n)
		return;
	stage = &m->stage[stage_index];
	last = stage->last;
	if (last->valid && now_ns >= last->ts_ns) {
		struct stage_diff d = {.now = r->stats, .before = &last->stats, .now_ns = now_ns};

		m->now_ns = now_ns;
		diff_stage(m, stage, &d, r);
	}
	active_feed(m, stage, r, now_ns);
	remember(last, r, now_ns);
}
