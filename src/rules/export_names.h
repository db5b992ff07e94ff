/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * export_names.h - what cheshire's metrics are called in Prometheus.
 *
 * <prefix>_<id>[_<statistic>][_<unit>], dots as underscores.  Measures of stages are
 * <prefix>_stage_<measure>... with the label stage="stt", those of caches are
 * <prefix>_cache_<measure>... with cache="tts"; gaps carry from="stt", to="intent";
 * <prefix>_db_kind_connections has kind="redis".
 * Statistics over a window carry it as a label: window="5m".  Three kinds of value:
 *
 *	the newest sample	alice_cpu_usage_percent			(no statistic, no window)
 *	over a window		alice_stage_latency_p95_seconds{stage="stt",window="5m"}
 *	a running total		alice_stage_count_total{stage="stt"}	(a counter)
 *
 * And two names of the requirement: alice_memory_usage_mb, alice_voice_latency_p95_ms.
 */
#ifndef CHESHIRE_RULES_EXPORT_NAMES_H
#define CHESHIRE_RULES_EXPORT_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"

#define EXPORT_NAME_MAX 160

struct metric_def;

enum export_form {
	EXPORT_NOW = 1,	   /* gauge, the newest sample */
	EXPORT_WINDOW = 2, /* gauge, a statistic over a window */
	EXPORT_TOTAL = 3,  /* counter, since watching began */
};

/* Whose metric it is, and so which labels tell the series apart. */
enum export_subject {
	EXPORT_TARGET = 1,
	EXPORT_STAGE = 2,    /* label stage */
	EXPORT_GAP = 3,	     /* labels from and to */
	EXPORT_CACHE = 4,    /* label cache */
	EXPORT_DATABASE = 5, /* label kind */
};

/* One exported name. */
struct export_name {
	const struct metric_def *def;
	enum statistic stat;
	enum export_form form;
	enum export_subject subject;
	double scale;	   /* exported value = value in base units * scale */
	bool fixed_window; /* five minutes, and no label that says so */
	char name[EXPORT_NAME_MAX];
};

/*
 * The i-th name, for i = 0, 1, ... until false.  The same order every time; no name occurs twice.
 */
bool export_name_at(const char *prefix, size_t i, struct export_name *out);
/* The same by name; false: no metric is exported under it. */
bool export_name_find(const char *prefix, const char *name, struct export_name *out);
/* The exported name most like it, for messages; false: none is like it. */
bool export_name_near(const char *prefix, const char *name, char near[EXPORT_NAME_MAX]);
/* "gauge" or "counter". */
const char *export_name_type(const struct export_name *name);
/* The name of a budget's series; false when its metric is not exported. */
bool export_name_of_budget(const char *prefix, const struct budget_config *budget,
			   struct export_name *out);

/* "5m", "90s", "1h30m": as Prometheus writes durations.  `size` >= 32. */
void export_window_text(uint64_t window_ns, char *out, size_t size);

#endif /* CHESHIRE_RULES_EXPORT_NAMES_H */
