/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * metric_names.h - every metric there is: its id, unit and statistics, in one place.
 *
 * An id is `cpu.usage`, `stt.latency` (a measure of a stage), `turn.gap.stt.intent`.  The
 * statistic is apart from it and may follow as a last word: `stt.latency.p95`.
 */
#ifndef CHESHIRE_CONFIG_METRIC_NAMES_H
#define CHESHIRE_CONFIG_METRIC_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

#define METRIC_STAGE_MAX 64 /* bytes of a stage's name, with its NUL */

struct metric_def {
	const char *name; /* "cpu.usage"; for stages the measure alone: "latency" */
	enum unit unit;
	enum statistic stat; /* the usual one */
	uint32_t stats;	     /* possible ones: bits 1 << enum statistic */
	bool below;	     /* small values are the bad ones */
	const char *help;    /* one line */
	uint32_t kinds;	     /* of stages of these kinds: bits 1 << enum stage_kind; 0: of all
				but caches, which have measures of their own */
};

/* What an id names.  Plain data. */
struct metric_ref {
	const struct metric_def *def;
	char stage[METRIC_STAGE_MAX];  /* "" unless it is a measure of a stage, or a gap; of a cache
					  "cache.tts" */
	char stage2[METRIC_STAGE_MAX]; /* the second stage of a gap, else "" */
	char database[METRIC_STAGE_MAX]; /* the kind in db.<kind>.connections, else "" */
};

/* What the name of the stage that is a cache begins with. */
#define METRIC_CACHE_PREFIX "cache."

/* Metrics of the process and of turns; measures of a stage, and of a cache. */
const struct metric_def *metric_globals(size_t *n);
const struct metric_def *metric_measures(size_t *n);
const struct metric_def *metric_cache_measures(size_t *n);
/* The name of a cache without the prefix; NULL: the stage is none. */
const char *metric_cache_name(const char *stage);

/* Finds what an id without statistic names; -ENOENT when nothing. */
int metric_find(const char *id, struct metric_ref *ref);
/*
 * The same for an id that may end in a statistic; *id_len is the length of the id without it,
 * *stat the statistic or STAT_INVALID.
 */
int metric_find_stat(const char *id, struct metric_ref *ref, size_t *id_len, enum statistic *stat);
/* The statistic by its name ("average" is mean, "peak" is max), or STAT_INVALID. */
enum statistic stat_parse(const char *name);
/* The window of a budget that does not say one. */
uint64_t metric_window_ns(const struct metric_def *def);
/* True for names that a stage cannot have: they begin ids of other metrics. */
bool metric_name_reserved(const char *stage);
/* The stages and caches that the built-in budgets speak of. */
bool metric_stage_usual(const char *stage);
const char *const *metric_stages_usual(size_t *n);
/* The definition of `turn.gap.<stage>.<stage>`. */
const struct metric_def *metric_gap(void);

/* The definition of `db.<kind>.connections`. */
const struct metric_def *metric_database(void);

#endif /* CHESHIRE_CONFIG_METRIC_NAMES_H */
