/* SPDX-License-Identifier: GPL-2.0-only */
/* ids.c - from an identifier to a series, and what a demand for it gives. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/metric_names.h"
#include "metrics/state.h"

#define ID_MAX 192

void ids_join(char *out, size_t size, const char *a, const char *b, const char *c)
{
	const char *const parts[] = {a, b, c};
	size_t at = 0;

	for (size_t i = 0; i < 3 && parts[i]; i++) {
		if (i && at + 1 < size)
			out[at++] = '.';
		for (const char *p = parts[i]; *p && at + 1 < size; p++)
			out[at++] = *p;
	}
	out[at] = '\0';
}

/* Length of the stage name that `id` begins with, dot included; 0: it does not. */
static size_t stage_prefix(const struct stage_state *stage, const char *id)
{
	size_t len = strlen(stage->config->name);

	return strncmp(id, stage->config->name, len) == 0 && id[len] == '.' ? len + 1 : 0;
}

static struct series *find_stage(struct metrics *m, const char *id, int *stage)
{
	for (size_t i = 0; i < m->stages_n; i++) {
		size_t len = stage_prefix(&m->stage[i], id);

		for (size_t j = 0; len && j < STAGE_SERIES; j++) {
			const struct series_def *def = m->stage[i].series[j].def;

			if (!def || strcmp(def->id, id + len) != 0)
				continue;
			*stage = (int)i;
			return &m->stage[i].series[j];
		}
	}
	return NULL;
}

/* Between any two stages that take part in turns. */
static struct series *find_gap(struct metrics *m, const char *id)
{
	char name[sizeof(((struct gap_series *)0)->id)];
	struct gap_series *gap;

	if (strncmp(id, "turn.gap.", 9) != 0)
		return NULL;
	for (size_t a = 0; a < m->stages_n; a++)
		for (size_t b = 0; b < m->stages_n; b++) {
			ids_join(name, sizeof(name), "turn.gap", m->config->stages[a].name,
				 m->config->stages[b].name);
			if (strcmp(name, id) != 0)
				continue;
			gap = join_gap(m, (uint16_t)a, (uint16_t)b);
			return gap ? &gap->series : NULL;
		}
	return NULL;
}

static bool has_target(const struct metrics *m, enum target_series which)
{
	if (which == TARGET_USERS_ACTIVE || which == TARGET_USERS_CONNECTIONS)
		return users_known(m, which);
	if (statements_are(m, &m->target[which]))
		return m->statements;
	if (which < TARGET_TURN_OUTCOME || which > TARGET_TURN_LATENCY)
		return true;
	return turns__has_end(m->turns);
}

static struct series *find(struct metrics *m, const char *id, enum statistic *stat, int *stage)
{
	struct series *series;

	*stage = -1;
	for (const struct defs_alias *alias = defs_aliases; alias->id; alias++)
		if (*stat == STAT_INVALID && strcmp(alias->id, id) == 0) {
			*stat = alias->stat;
			return &m->target[alias->series];
		}
	for (int i = 0; i < TARGET_SERIES; i++)
		if (strcmp(target_defs[i].id, id) == 0)
			return has_target(m, i) ? &m->target[i] : NULL;
	series = connections_find(m, id);
	series = series ? series : find_gap(m, id);
	return series ? series : find_stage(m, id, stage);
}

/* The whole identifier first, then without a statistic at its end. */
static struct series *find_any(struct metrics *m, const char *id, enum statistic *stat, int *stage)
{
	struct series *series = find(m, id, stat, stage);
	const char *dot = strrchr(id, '.');
	char stem[ID_MAX];

	if (series || !dot || *stat != STAT_INVALID || (size_t)(dot - id) >= sizeof(stem))
		return series;
	memcpy(stem, id, (size_t)(dot - id));
	stem[dot - id] = '\0';
	*stat = stat_parse(dot + 1);
	return *stat == STAT_INVALID ? NULL : find(m, stem, stat, stage);
}

static int add_handle(struct metrics *m, const struct handle *handle)
{
	struct handle *handles;

	for (size_t i = 0; i < m->handles_n; i++)
		if (m->handles[i].series == handle->series && m->handles[i].view == handle->view &&
		    m->handles[i].stat == handle->stat)
			return (int)i;
	handles = realloc(m->handles, (m->handles_n + 1) * sizeof(*handles));
	if (!handles)
		return -ENOMEM;
	m->handles = handles;
	m->handles[m->handles_n] = *handle;
	return (int)m->handles_n++;
}

/* What costs something is measured for those who ask. */
static int want(struct stage_state *stage, const struct series *series)
{
	stage->wants_active |= series == &stage->series[STAGE_ACTIVE_CPU];
	if (series != &stage->series[STAGE_MEMORY])
		return 0;
	stage->wants_memory = true;
	return series_keep_streams(&stage->series[STAGE_MEMORY]);
}

int metrics__demand(struct metrics *m, const char *id, enum statistic stat, uint64_t window_ns)
{
	struct handle handle = {.stat = stat};

	handle.series = find_any(m, id, &handle.stat, &handle.stage);
	if (!handle.series)
		return -ENOENT;
	handle.stat = series_stat(handle.series, handle.stat);
	if (!series_has_stat(handle.series, handle.stat))
		return -EINVAL;
	if (window_ns != METRICS_SESSION) {
		handle.view = series_view(handle.series, window_ns);
		if (!handle.view)
			return -ENOMEM;
	}
	if (handle.stage >= 0 && want(&m->stage[handle.stage], handle.series))
		return -ENOMEM;
	return add_handle(m, &handle);
}
