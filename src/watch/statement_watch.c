/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/statement_watch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "kernel/statements.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "watch/watching.h"

bool statement_watch_wanted(const struct config *config)
{
	for (size_t i = 0; i < config->stages_n; i++)
		if (config->stages[i].kind == STAGE_STATEMENT)
			return true;
	return false;
}

/* The lowest limit of any budget on the metric, in ns; 0: there is none. */
static uint64_t slow_ns(const struct config *config, const char *metric)
{
	double lowest_s = INFINITY;

	for (size_t i = 0; i < config->budgets_n; i++) {
		const struct budget_config *b = &config->budgets[i];

		if (strcmp(b->metric, metric) != 0)
			continue;
		lowest_s = fmin(lowest_s, fmin(b->target, fmin(b->warning, b->critical)));
	}
	return isfinite(lowest_s) && lowest_s > 0.0 ? (uint64_t)(lowest_s * 1e9) : 0;
}

void statement_watch_configure(struct watching *w)
{
	static const char *const metrics[WIRE_CLASSES] = {
		[WIRE_CLASS_SIMPLE] = "db.simple.latency",
		[WIRE_CLASS_COMPLEX] = "db.complex.latency",
		[WIRE_CLASS_FULLTEXT] = "db.fulltext.latency",
		[WIRE_CLASS_ANALYTICS] = "db.analytics.latency",
		[WIRE_CLASS_UNCLASSIFIED] = "db.unclassified.latency",
	};

	for (int cls = WIRE_CLASS_SIMPLE; cls < WIRE_CLASSES; cls++) {
		struct wire_class_stats *stats = statements_class(w->loader, (enum wire_class)cls);

		if (stats)
			stats->slow_ns = slow_ns(w->config, metrics[cls]);
	}
}

/* The kernel goes on counting while we read: what is fed must be one copy. */
void statement_watch_feed(struct watching *w, uint64_t now_ns)
{
	struct wire_class_stats *now;

	if (!statements_class(w->loader, WIRE_CLASS_SIMPLE))
		return;
	now = malloc(WIRE_CLASSES * sizeof(*now));
	if (!now)
		return;
	for (int cls = 0; cls < WIRE_CLASSES; cls++)
		now[cls] = *statements_class(w->loader, (enum wire_class)cls);
	metrics__feed_classes(w->metrics, now, now_ns);
	free(now);
}

void statement_watch_record(struct watching *w, const struct wire_statement *record,
			    const char *text, uint64_t now_ns)
{
	enum wire_class cls = metrics__feed_statement(w->metrics, record, text, now_ns);
	int err = cls ? statements_set_class(w->loader, record->hash, cls) : 0;

	if (err)
		log_info("the class of a statement cannot be stored: %s", err_str(err));
}
