/* SPDX-License-Identifier: GPL-2.0-only */
/* read.c - what a metric is now, and all of them for the summary. */
#include <math.h>

#include "metrics/state.h"

#define NS_PER_S 1000000000ULL
/* /proc has not been read for so long: what it would say is not known. */
#define STALE_NS (5 * NS_PER_S)
#define ID_MAX	 224

static const char *stage_unknown(const struct stage_state *stage)
{
	switch (stage->state) {
	case METRICS_STAGE_ARMED:
		return NULL;
	case METRICS_STAGE_REFUSED:
		return "the stage was refused";
	case METRICS_STAGE_SHED:
		return "the stage was shed";
	case METRICS_STAGE_UNRESOLVED:
		return "the stage was not found in the target";
	}
	return "the stage is in no known state";
}

const char *turns_unknown(const struct metrics *m)
{
	for (size_t i = 0; i < m->stages_n; i++)
		if (m->stage[i].config->turn && m->stage[i].config->kind != STAGE_FRAME &&
		    stage_unknown(&m->stage[i]))
			return "a stage of the turn is not watched";
	return NULL;
}

/* Why a series of the target cannot be known just now; NULL: it can. */
static const char *target_unknown(const struct metrics *m, const struct series *series,
				  uint64_t now_ns)
{
	const struct series *t = m->target;

	if (series == &t[TARGET_UP])
		return NULL;
	if (connections_own(m, series))
		return connections_unknown(m, series);
	if (series == &t[TARGET_USERS_ACTIVE] || series == &t[TARGET_USERS_CONNECTIONS])
		return users_unknown(m);
	if (series < &t[TARGET_SERIES] && series >= &t[TARGET_TURNS_OPEN])
		return turns_unknown(m);
	if (series == &t[TARGET_MEMORY_LEAKS])
		return leaks_unknown(m);
	if (series < &t[0] || series >= &t[TARGET_SERIES])
		return turns_unknown(m); /* gaps */
	if (statements_are(m, series))
		return statements_unknown(m, series);
	if (io_unknown(m, series))
		return io_unknown(m, series);
	/* Of one that is gone, all is known that there will ever be. */
	if (m->gone || series == &t[TARGET_RESPONSIVE])
		return NULL;
	if (m->process_valid && now_ns > m->process.ts_ns + STALE_NS)
		return "the target could not be read";
	return NULL;
}

/* The same of one of its measures: its files need no probe. */
static const char *measure_unknown(const struct stage_state *stage, const struct series *series)
{
	if (series == &stage->series[STAGE_MODEL_SIZE] || series == &stage->series[STAGE_MODEL_MAX])
		return NULL;
	return stage_unknown(stage);
}

/* Calls of the stage went by uncounted. */
static bool missed(const struct metrics *m, int stage)
{
	return stage >= 0 && (m->stage[stage].state == METRICS_STAGE_SHED ||
			      m->stage[stage].state == METRICS_STAGE_REFUSED);
}

static const char sampled_text[] =
	"sampled: short calls are missed, and calls in a row may count as one";

/* Does it come from spans, of that stage or of turns, that were looked at now and then? */
static bool is_sampled(const struct metrics *m, const struct series *series, int stage)
{
	const struct series *t = m->target;

	if (stage >= 0)
		return m->stage[stage].sampled &&
		       series != &m->stage[stage].series[STAGE_MODEL_SIZE] &&
		       series != &m->stage[stage].series[STAGE_MODEL_MAX];
	if (series >= &t[0] && series < &t[TARGET_TURNS_OPEN])
		return false;
	if (connections_own(m, series) || connections_id(m, series))
		return false;
	for (size_t i = 0; i < m->stages_n; i++)
		if (m->stage[i].sampled && m->stage[i].config->turn)
			return true;
	return false;
}

static void mark_sampled(const struct metrics *m, const struct series *series, int stage,
			 struct sample *sample)
{
	if (sample->quality == QUALITY_UNKNOWN || !is_sampled(m, series, stage))
		return;
	if (sample->quality == QUALITY_EXACT)
		sample->quality = QUALITY_SAMPLED;
	if (!sample->reason)
		sample->reason = sampled_text;
}

static struct sample read_one(struct metrics *m, struct series *series, struct view *view,
			      enum statistic stat, int stage, uint64_t now_ns)
{
	uint64_t elapsed_ns = now_ns > m->start_ns ? now_ns - m->start_ns : 0;
	struct sample sample = series_read(series, view, stat, now_ns, elapsed_ns);
	const char *reason = stage >= 0 ? measure_unknown(&m->stage[stage], series)
					: target_unknown(m, series, now_ns);

	/* Over the session, what was seen so far is still true where nothing was missed: not of a
	   stage that was taken off while it ran. */
	if (!reason || (!view && !missed(m, stage) && !sample.idle && sample.n)) {
		if (!sample.reason)
			sample.reason =
				io_remark(m, series, &sample, view ? view->window_ns : 0, now_ns);
		mark_sampled(m, series, stage, &sample);
		return sample;
	}
	sample.value = sample.low = sample.high = NAN;
	sample.quality = QUALITY_UNKNOWN;
	sample.idle = false;
	sample.reason = reason;
	return sample;
}

/* Gaps have one definition for all and an id each. */
static const char *series_id(const struct metrics *m, const struct series *series)
{
	for (size_t i = 0; i < m->gaps_n; i++)
		if (series == &m->gaps[i]->series)
			return m->gaps[i]->id;
	return connections_id(m, series) ?: series->def->id;
}

struct sample metrics__read(struct metrics *m, int handle, uint64_t now_ns)
{
	struct sample none = {.value = NAN,
			      .low = NAN,
			      .high = NAN,
			      .quality = QUALITY_UNKNOWN,
			      .reason = "no such metric"};
	const struct handle *h;

	if (handle < 0 || (size_t)handle >= m->handles_n)
		return none;
	h = &m->handles[handle];
	return read_one(m, h->series, h->view, h->stat, h->stage, now_ns);
}

void metrics__name(const struct metrics *m, int handle, char *out, size_t size)
{
	const struct handle *h = &m->handles[handle];
	const struct series_def *def = h->series->def;
	const char *stage = h->stage >= 0 ? m->stage[h->stage].config->name : NULL;
	char id[ID_MAX];

	for (const struct defs_alias *alias = defs_aliases; alias->id; alias++) {
		if (h->series == &m->target[alias->series] && alias->stat == h->stat) {
			ids_join(out, size, alias->id, NULL, NULL);
			return;
		}
	}
	if (stage)
		ids_join(id, sizeof(id), stage, def->id, NULL);
	else
		ids_join(id, sizeof(id), series_id(m, h->series), NULL, NULL);
	if (def->kind == WINDOW_HIST || h->stat != def->stat)
		ids_join(out, size, id, stat_name(h->stat), NULL);
	else
		ids_join(out, size, id, NULL, NULL);
}

size_t metrics__slowest(struct metrics *m, int handle, uint64_t now_ns,
			struct evidence_item out[EVIDENCE_KEPT])
{
	const struct view *view;

	if (handle < 0 || (size_t)handle >= m->handles_n)
		return 0;
	view = m->handles[handle].view;
	return view && view->evidence ? evidence__slowest(view->evidence, now_ns, out) : 0;
}

/* One walk over everything. */
struct each {
	struct metrics *m;
	uint64_t now_ns;
	metrics_each_fn fn;
	void *ctx;
};

static void each_one(struct each *e, const char *id, struct series *series, enum statistic stat,
		     int stage)
{
	struct sample sample;

	stat = series_stat(series, stat);
	sample = read_one(e->m, series, NULL, stat, stage, e->now_ns);
	e->fn(e->ctx, id, &sample);
}

static void each_hist(struct each *e, const char *id, struct series *series, int stage)
{
	static const struct {
		const char *name;
		enum statistic stat;
	} stats[] = {{"p50", STAT_P50},
		     {"p95", STAT_P95},
		     {"p99", STAT_P99},
		     {"max", STAT_MAX},
		     {"mean", STAT_MEAN}};
	char name[ID_MAX];

	for (size_t i = 0; i < sizeof(stats) / sizeof(stats[0]); i++) {
		ids_join(name, sizeof(name), id, stats[i].name, NULL);
		each_one(e, name, series, stats[i].stat, stage);
	}
}

static void each_series(struct each *e, const char *id, struct series *series, int stage)
{
	if (series->def->kind == WINDOW_HIST)
		each_hist(e, id, series, stage);
	else
		each_one(e, id, series, STAT_INVALID, stage);
}

static void each_target(struct each *e, enum target_series which)
{
	bool aliased = false;

	for (const struct defs_alias *alias = defs_aliases; alias->id; alias++)
		if (alias->series == which) {
			each_one(e, alias->id, &e->m->target[which], alias->stat, -1);
			aliased = true;
		}
	if (!aliased)
		each_series(e, target_defs[which].id, &e->m->target[which], -1);
}

static void each_stage(struct each *e, size_t index)
{
	struct stage_state *stage = &e->m->stage[index];
	char id[ID_MAX];

	for (int i = 0; i < STAGE_SERIES; i++) {
		if (!stage->series[i].def || (i == STAGE_ACTIVE_CPU && !stage->wants_active) ||
		    (i == STAGE_MEMORY && !stage->wants_memory))
			continue;
		ids_join(id, sizeof(id), stage->config->name, stage->series[i].def->id, NULL);
		each_series(e, id, &stage->series[i], (int)index);
	}
}

void metrics__each(struct metrics *m, uint64_t now_ns, metrics_each_fn fn, void *ctx)
{
	struct each e = {.m = m, .now_ns = now_ns, .fn = fn, .ctx = ctx};

	for (size_t i = 0; i < m->stages_n; i++)
		each_stage(&e, i);
	for (int i = 0; i < TARGET_SERIES; i++) {
		bool turn = i >= TARGET_TURNS_OPEN;
		bool ends = i >= TARGET_TURN_OUTCOME && i <= TARGET_TURN_LATENCY;
		bool users = i == TARGET_USERS_ACTIVE || i == TARGET_USERS_CONNECTIONS;

		/* No stages: no turns to speak of. */
		if (statements_are(m, &m->target[i]) && !m->statements)
			continue;
		if (users ? !users_known(m, i)
			  : (turn && !m->stages_n) || (ends && !turns__has_end(m->turns)))
			continue;
		each_target(&e, i);
	}
	for (size_t i = 0; i < m->kinds_n; i++)
		if (m->kinds[i].seen)
			each_series(&e, m->kinds[i].id, &m->kinds[i].series, -1);
	for (size_t i = 0; i < m->gaps_n; i++)
		each_series(&e, m->gaps[i]->id, &m->gaps[i]->series, -1);
}
