/* SPDX-License-Identifier: GPL-2.0-only */
#include "rules/cause.h"

#include <stdio.h>
#include <string.h>

#include "config/metric_names.h"

/* Parts of turns that are told apart: stages, and gaps between them. */
#define PARTS_MAX (EVIDENCE_KEPT * EVIDENCE_PARTS_MAX * 2)

struct part {
	uint16_t from, stage; /* equal: the stage itself, else the gap before it */
	uint64_t ns;
};

void cause_of_stage(const char *stage, char out[CAUSE_MAX])
{
	snprintf(out, CAUSE_MAX, "stage:%s", stage);
}

void cause_of_metric(const char *metric, char out[CAUSE_MAX])
{
	struct metric_ref ref;
	enum statistic stat;
	const char *word = metric;
	size_t len;

	if (!metric_find_stat(metric, &ref, &len, &stat) && ref.stage[0]) {
		if (ref.stage2[0])
			snprintf(out, CAUSE_MAX, "gap:%s-%s", ref.stage, ref.stage2);
		else if (metric_cache_name(ref.stage))
			snprintf(out, CAUSE_MAX, "cache:%s", metric_cache_name(ref.stage));
		else
			cause_of_stage(ref.stage, out);
		return;
	}
	/* Disk and network have nothing to do with each other. */
	if (!strncmp(metric, "io.", 3))
		word = metric + 3;
	snprintf(out, CAUSE_MAX, "%.*s", (int)strcspn(word, "."), word);
}

static void add(struct part *parts, size_t *n, uint16_t from, uint16_t stage, uint64_t ns)
{
	for (size_t i = 0; i < *n; i++) {
		if (parts[i].from == from && parts[i].stage == stage) {
			parts[i].ns += ns;
			return;
		}
	}
	parts[(*n)++] = (struct part){.from = from, .stage = stage, .ns = ns};
}

static uint64_t add_turn(struct part *parts, size_t *n, const struct evidence_item *item)
{
	for (size_t i = 0; i < item->parts_n && i < EVIDENCE_PARTS_MAX; i++) {
		const struct evidence_part *part = &item->parts[i];

		add(parts, n, part->stage, part->stage, part->wall_ns);
		if (i && part->gap_ns > 0)
			add(parts, n, item->parts[i - 1].stage, part->stage,
			    (uint64_t)part->gap_ns);
	}
	return item->wall_ns;
}

bool cause_of_turns(const struct config *config, const struct evidence_item *items, size_t n,
		    char out[CAUSE_MAX])
{
	struct part parts[PARTS_MAX];
	const struct part *most = parts;
	uint64_t all_ns = 0;
	size_t parts_n = 0;

	for (size_t i = 0; i < n && i < EVIDENCE_KEPT; i++)
		if (items[i].kind == EVIDENCE_TURN)
			all_ns += add_turn(parts, &parts_n, &items[i]);
	for (size_t i = 1; i < parts_n; i++)
		if (parts[i].ns > most->ns)
			most = &parts[i];
	if (!parts_n || most->ns <= all_ns / 2 || most->stage >= config->stages_n ||
	    most->from >= config->stages_n)
		return false;
	if (most->from == most->stage)
		cause_of_stage(config->stages[most->stage].name, out);
	else
		snprintf(out, CAUSE_MAX, "gap:%s-%s", config->stages[most->from].name,
			 config->stages[most->stage].name);
	return true;
}
