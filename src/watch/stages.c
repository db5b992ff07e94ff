/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/stages.h"

#include <string.h>

#include "config/config.h"
#include "kernel/loader.h"
#include "metrics/metrics.h"
#include "target/process_stats.h"
#include "watch/watching.h"

#define WIRE_HIST_COPY_CACHED WIRE_HISTS
/* Timers are late by a little, and the ring buffer may wake us in between. */
#define MEMORY_NS 80000000ULL

static bool tells_cached(const struct stage_config *conf)
{
	for (size_t i = 0; i < conf->call.n; i++)
		if (conf->call.item[i].cached.base != WIRE_BASE_NONE)
			return true;
	return false;
}

size_t stages_cached(const struct config *config)
{
	size_t n = 0;

	for (size_t i = 0; i < config->stages_n; i++)
		n += tells_cached(&config->stages[i]);
	return n;
}

/*
 * Rules ask for their series after the stages were set up, and at a reload; what is in flight then
 * is counted in what it was counted in when it began.
 */
static void apply_wants(struct watching *w)
{
	uint32_t overlaps = 0;

	for (size_t i = 0; i < w->config->stages_n; i++)
		if (metrics__wants_active(w->metrics, i))
			overlaps = WIRE_STAGE_OVERLAPS;
	for (size_t i = 0; i < w->config->stages_n; i++) {
		uint32_t flags = w->config->stages[i].voice ? WIRE_STAGE_VOICE | overlaps : 0;

		if (metrics__wants_active(w->metrics, i))
			flags |= WIRE_STAGE_ACTIVE;
		loader__stage(w->loader, (uint32_t)i)->flags = flags;
	}
}

void stages_configure(struct watching *w)
{
	uint32_t cached_n = 0;

	for (size_t i = 0; i < w->config->stages_n; i++) {
		const struct stage_config *conf = &w->config->stages[i];
		struct wire_stage *stage = loader__stage(w->loader, (uint32_t)i);

		stage->timeout_ns = conf->timeout_ns;
		stage->records_per_s = w->config->records_per_s;
		stage->cached = tells_cached(conf) ? ++cached_n : 0;
		stage->state = WIRE_STAGE_OFF;
	}
	apply_wants(w);
}

/*
 * The kernel goes on counting while we read: what is compared with the last reading and what is
 * kept as this one must be the same copy, or the counts in between are lost.
 */
static void feed_stage(struct watching *w, size_t i, uint64_t now_ns)
{
	const struct wire_stage *stage = loader__stage(w->loader, (uint32_t)i);
	struct wire_stage_stats stats = *loader__stats(w->loader, (uint32_t)i);
	struct stage_reading r = {.stats = &stats};

	if (w->config->stages[i].kind != STAGE_CACHE) {
		w->hists[WIRE_HIST_LATENCY] =
			*loader__hist(w->loader, (uint32_t)i, WIRE_HIST_LATENCY);
		r.latency = &w->hists[WIRE_HIST_LATENCY];
	}
	if (w->config->stages[i].kind == STAGE_FRAME) {
		w->hists[WIRE_HIST_FRAME] = *loader__hist(w->loader, (uint32_t)i, WIRE_HIST_FRAME);
		r.frame = &w->hists[WIRE_HIST_FRAME];
	}
	if (stage->cached) {
		w->hists[WIRE_HIST_COPY_CACHED] = *loader__cached(w->loader, stage->cached - 1);
		r.cached = &w->hists[WIRE_HIST_COPY_CACHED];
	}
	if (stage->flags & WIRE_STAGE_ACTIVE)
		r.active_known =
			loader__active(w->loader, (uint32_t)i, &r.active_wall_ns, &r.active_cpu_ns);
	metrics__feed_stage(w->metrics, i, &r, now_ns);
}

void stages_feed(struct watching *w, uint64_t now_ns)
{
	apply_wants(w);
	for (size_t i = 0; i < w->config->stages_n; i++)
		feed_stage(w, i, now_ns);
}

static void count_open(struct watching *w, uint32_t open_spans[WIRE_STAGES_MAX])
{
	for (size_t i = 0; i < w->config->stages_n; i++)
		open_spans[i] = loader__open_spans(w->loader, (uint32_t)i);
}

void stages_sample_memory(struct watching *w, uint64_t now_ns)
{
	uint32_t before[WIRE_STAGES_MAX] = {0}, after[WIRE_STAGES_MAX] = {0};
	uint64_t bytes;

	if (now_ns - w->memory_ns < MEMORY_NS)
		return;
	w->memory_ns = now_ns;
	count_open(w, before);
	if (!metrics__wants_memory(w->metrics, before, now_ns) ||
	    process_read_anon(w->proc, &bytes))
		return;
	/* Of what began or ended meanwhile it is not known whether its memory is in it. */
	count_open(w, after);
	if (!memcmp(before, after, sizeof(before)))
		metrics__feed_memory(w->metrics, bytes, before, now_ns);
}
