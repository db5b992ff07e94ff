/* SPDX-License-Identifier: GPL-2.0-only */
#include "rules/export_names.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "config/metric_names.h"
#include "config/near.h"

/* The requirement's own names beside ours. */
static const struct {
	const char *name; /* without the prefix */
	const char *id;
	enum statistic stat;
	enum export_form form;
	double scale;
} pinned[] = {
	{"memory_usage_mb", "memory.rss", STAT_NOW, EXPORT_NOW, 1.0 / (1 << 20)},
	{"voice_latency_p95_ms", "turn.latency", STAT_P95, EXPORT_WINDOW, 1e3},
};

#define PINNED (sizeof(pinned) / sizeof(pinned[0]))

/* One name being made. */
struct name {
	char *text;
	size_t at;
};

static void add_word(struct name *name, const char *word)
{
	if (!*word)
		return;
	if (name->at && name->at + 1 < EXPORT_NAME_MAX)
		name->text[name->at++] = '_';
	for (; *word && name->at + 1 < EXPORT_NAME_MAX; word++)
		name->text[name->at++] = *word == '.' ? '_' : *word;
	name->text[name->at] = '\0';
}

static const char *unit_word(enum unit unit)
{
	switch (unit) {
	case UNIT_S:
		return "seconds";
	case UNIT_BYTES:
		return "bytes";
	case UNIT_BYTES_PER_H:
		return "bytes_per_hour";
	case UNIT_PERCENT:
		return "percent";
	case UNIT_RATIO:
		return "ratio";
	case UNIT_PER_S:
		return "per_second";
	case UNIT_BIT_PER_S:
		return "bits_per_second";
	case UNIT_PER_H:
		return "per_hour";
	case UNIT_NONE:
	case UNIT_COUNT:
		break;
	}
	return "";
}

static bool only_stat(const struct metric_def *def)
{
	return (def->stats & (def->stats - 1)) == 0;
}

/* Slopes have one statistic, their value now, which is one of a window all the same. */
static bool is_slope(const struct metric_def *def)
{
	return def->stats == 1u << STAT_NOW && def->unit != UNIT_COUNT;
}

static enum export_form form_of(const struct metric_def *def, enum statistic stat)
{
	return stat == STAT_NOW && !is_slope(def) ? EXPORT_NOW : EXPORT_WINDOW;
}

static void make(const char *prefix, struct export_name *out)
{
	struct name name = {.text = out->name};

	out->scale = 1.0;
	add_word(&name, prefix);
	if (out->subject == EXPORT_STAGE)
		add_word(&name, "stage");
	if (out->subject == EXPORT_CACHE)
		add_word(&name, "cache");
	if (out->subject == EXPORT_DATABASE)
		add_word(&name, "db_kind");
	add_word(&name, out->def->name);
	if (out->form == EXPORT_WINDOW && !only_stat(out->def))
		add_word(&name, stat_name(out->stat));
	/* "hit_ratio" has said it. */
	if (out->subject != EXPORT_CACHE || out->def->unit != UNIT_RATIO)
		add_word(&name, unit_word(out->def->unit));
	if (out->form == EXPORT_TOTAL)
		add_word(&name, "total");
}

/* The i-th of one metric's names; those that there are are counted off *i. */
static bool name_of(const struct metric_def *def, enum export_subject subject, const char *prefix,
		    size_t *i, struct export_name *out)
{
	for (enum statistic stat = STAT_NOW; stat <= STAT_MIN; stat++) {
		size_t forms = stat == STAT_COUNT ? 2 : 1;

		if (!(def->stats >> stat & 1))
			continue;
		if (*i >= forms) {
			*i -= forms;
			continue;
		}
		out->def = def;
		out->subject = subject;
		out->stat = stat;
		out->form = *i ? EXPORT_TOTAL : form_of(def, stat);
		make(prefix, out);
		return true;
	}
	return false;
}

static bool pinned_at(const char *prefix, size_t i, struct export_name *out)
{
	struct name name = {.text = out->name};
	struct metric_ref ref;

	if (i >= PINNED || metric_find(pinned[i].id, &ref))
		return false;
	out->def = ref.def;
	out->subject = EXPORT_TARGET;
	out->stat = pinned[i].stat;
	out->form = pinned[i].form;
	out->scale = pinned[i].scale;
	out->fixed_window = true;
	add_word(&name, prefix);
	add_word(&name, pinned[i].name);
	return true;
}

bool export_name_at(const char *prefix, size_t i, struct export_name *out)
{
	size_t globals_n, measures_n, caches_n;
	const struct metric_def *globals = metric_globals(&globals_n);
	const struct metric_def *measures = metric_measures(&measures_n);
	const struct metric_def *caches = metric_cache_measures(&caches_n);

	memset(out, 0, sizeof(*out));
	if (i < PINNED)
		return pinned_at(prefix, i, out);
	i -= PINNED;
	for (size_t d = 0; d < globals_n; d++)
		if (name_of(&globals[d], EXPORT_TARGET, prefix, &i, out))
			return true;
	for (size_t d = 0; d < measures_n; d++)
		if (name_of(&measures[d], EXPORT_STAGE, prefix, &i, out))
			return true;
	for (size_t d = 0; d < caches_n; d++)
		if (name_of(&caches[d], EXPORT_CACHE, prefix, &i, out))
			return true;
	if (name_of(metric_database(), EXPORT_DATABASE, prefix, &i, out))
		return true;
	return name_of(metric_gap(), EXPORT_GAP, prefix, &i, out);
}

bool export_name_find(const char *prefix, const char *name, struct export_name *out)
{
	for (size_t i = 0; export_name_at(prefix, i, out); i++)
		if (!strcmp(out->name, name))
			return true;
	return false;
}

bool export_name_near(const char *prefix, const char *name, char near[EXPORT_NAME_MAX])
{
	size_t distance = SIZE_MAX;
	struct export_name it;
	struct near nearest;

	near_init(&nearest, name);
	for (size_t i = 0; export_name_at(prefix, i, &it); i++) {
		near_add(&nearest, it.name);
		if (nearest.best_distance >= distance)
			continue;
		distance = nearest.best_distance;
		memcpy(near, it.name, EXPORT_NAME_MAX);
		nearest.best = near;
	}
	return near_best(&nearest) != NULL;
}

const char *export_name_type(const struct export_name *name)
{
	return name->form == EXPORT_TOTAL ? "counter" : "gauge";
}

bool export_name_of_budget(const char *prefix, const struct budget_config *budget,
			   struct export_name *out)
{
	struct metric_ref ref;

	memset(out, 0, sizeof(*out));
	if (metric_find(budget->metric, &ref) || !(ref.def->stats >> budget->stat & 1))
		return false;
	out->def = ref.def;
	out->stat = budget->stat;
	out->form = form_of(ref.def, budget->stat);
	if (ref.database[0])
		out->subject = EXPORT_DATABASE;
	else if (metric_cache_name(ref.stage))
		out->subject = EXPORT_CACHE;
	else
		out->subject = ref.stage2[0]  ? EXPORT_GAP
			       : ref.stage[0] ? EXPORT_STAGE
					      : EXPORT_TARGET;
	make(prefix, out);
	return true;
}

void export_window_text(uint64_t window_ns, char *out, size_t size)
{
	static const struct {
		uint64_t ns;
		const char *unit;
	} units[] = {{86400000000000ULL, "d"},
		     {3600000000000ULL, "h"},
		     {60000000000ULL, "m"},
		     {1000000000ULL, "s"},
		     {1000000ULL, "ms"}};
	size_t at = 0;

	out[0] = '\0';
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]) && at < size; i++) {
		uint64_t n = window_ns / units[i].ns;

		if (!n)
			continue;
		at += (size_t)snprintf(out + at, size - at, "%" PRIu64 "%s", n, units[i].unit);
		window_ns %= units[i].ns;
	}
}
