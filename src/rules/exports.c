/* SPDX-License-Identifier: GPL-2.0-only */
#include "rules/exports.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/metric_names.h"
#include "metrics/metrics.h"
#include "promql/store.h"
#include "rules/export_names.h"

#define SERIES_LABELS_MAX 4
#define NOW_WINDOW_NS	  2000000000ULL /* of the newest of samples that come once a second */
#define WINDOW_MAX	  32
#define ID_MAX		  (3 * METRIC_STAGE_MAX)

struct export
{
	struct store_series *series;
	int handle;
	double scale;
	bool counter; /* nothing happened: 0, not idle */
	bool present; /* its newest sample is a value */
	bool unknown; /* the store was told so */
};

struct exports {
	struct export *left; /* of those before: maybe nobody asks for them any more */
	size_t left_n;
	const struct config *config;
	struct metrics *metrics;
	struct store *store;
	struct export *item;
	size_t n;
};

/* What one selector asks for, of one name. */
struct wish {
	struct exports *exports;
	const struct promql_node *selector;
	const struct export_name *name;
};

struct exports *exports__new(const struct config *config, struct metrics *metrics,
			     struct store *store)
{
	struct exports *exports = calloc(1, sizeof(*exports));

	if (!exports)
		return NULL;
	exports->config = config;
	exports->metrics = metrics;
	exports->store = store;
	return exports;
}

void exports__free(struct exports *exports)
{
	if (!exports)
		return;
	free(exports->item);
	free(exports->left);
	free(exports);
}

void exports__detach(struct exports *exports)
{
	exports->metrics = NULL;
}

void exports__take_over(struct exports *exports, struct exports *old)
{
	if (!old)
		return;
	exports->left = old->item;
	exports->left_n = old->n;
	old->item = NULL;
	old->n = 0;
}

size_t exports__count(const struct exports *exports)
{
	return exports->n;
}

static const char *label_of(const struct label *labels, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(labels[i].name, name))
			return labels[i].value;
	return NULL;
}

static bool selected(const struct promql_node *selector, const struct label *labels, size_t n)
{
	for (size_t i = 0; i < selector->matchers_n; i++) {
		const struct promql_matcher *matcher = &selector->matchers[i];

		if (!promql_matches(matcher, label_of(labels, n, matcher->name)))
			return false;
	}
	return true;
}

static bool name_selected(const struct promql_node *selector, const char *name)
{
	for (size_t i = 0; i < selector->matchers_n; i++) {
		const struct promql_matcher *matcher = &selector->matchers[i];

		if (!strcmp(matcher->name, PROMQL_METRIC_LABEL) && !promql_matches(matcher, name))
			return false;
	}
	return true;
}

static bool exported(const struct exports *exports, const struct store_series *series)
{
	for (size_t i = 0; i < exports->n; i++)
		if (exports->item[i].series == series)
			return true;
	return false;
}

/* A new series at the end of the list; doubled when it is full. */
static int add_export(struct exports *exports, const struct export *item)
{
	struct export *items = exports->item;

	if (exports->n == EXPORTS_MAX)
		return -E2BIG;
	if (!(exports->n & (exports->n - 1))) {
		items = realloc(items, (exports->n ? exports->n * 2 : 1) * sizeof(*items));
		if (!items)
			return -ENOMEM;
		exports->item = items;
	}
	items[exports->n++] = *item;
	return 0;
}

/* A series of those before goes on as if nothing had been. */
static void adopt(struct exports *exports, struct export *item)
{
	for (size_t i = 0; i < exports->left_n; i++) {
		struct export *left = &exports->left[i];

		if (left->series != item->series)
			continue;
		item->present = left->present;
		item->unknown = left->unknown;
		left->series = NULL;
	}
}

/* One metric over one window, with the labels that it has but for its name. */
static int want_series(const struct wish *wish, const char *id, const struct label *labels,
		       size_t n, uint64_t window_ns)
{
	struct exports *exports = wish->exports;
	struct export item = {.scale = wish->name->scale,
			      .counter = wish->name->form == EXPORT_TOTAL};
	const struct labels *set;

	if (!selected(wish->selector, labels, n))
		return 0;
	item.handle = metrics__demand(exports->metrics, id, wish->name->stat, window_ns);
	/* Not every stage has every measure. */
	if (item.handle == -ENOENT || item.handle == -EINVAL)
		return 0;
	if (item.handle < 0)
		return item.handle;
	set = labels_make(store__labels(exports->store), labels, n);
	item.series = set ? store__series(exports->store, set) : NULL;
	if (!item.series)
		return -errno;
	if (exported(exports, item.series))
		return 0;
	adopt(exports, &item);
	return add_export(exports, &item);
}

/* The windows that are meant: five minutes, those of budgets, those that the selector names. */
static int want_windows(const struct wish *wish, const char *id, struct label *labels, size_t n)
{
	const struct config *config = wish->exports->config;
	char text[WINDOW_MAX];
	int64_t ms;
	int err;

	labels[n] = (struct label){"window", text};
	export_window_text(EXPORT_WINDOW_NS, text, sizeof(text));
	err = want_series(wish, id, labels, n + 1, EXPORT_WINDOW_NS);
	for (size_t i = 0; i < config->budgets_n && !err; i++) {
		const struct budget_config *budget = &config->budgets[i];

		if (strcmp(budget->metric, id) || budget->stat != wish->name->stat)
			continue;
		export_window_text(budget->window_ns, text, sizeof(text));
		err = want_series(wish, id, labels, n + 1, budget->window_ns);
	}
	for (size_t i = 0; i < wish->selector->matchers_n && !err; i++) {
		const struct promql_matcher *m = &wish->selector->matchers[i];

		if (strcmp(m->name, "window") || m->op != PROMQL_MATCH_EQ ||
		    promql_duration(m->value, strlen(m->value), &ms) || ms < 1000)
			continue;
		labels[n].value = m->value;
		err = want_series(wish, id, labels, n + 1, (uint64_t)ms * 1000000);
	}
	labels[n] = (struct label){0};
	return err;
}

static int want_form(const struct wish *wish, const char *id, struct label *labels, size_t n)
{
	if (wish->name->form == EXPORT_TOTAL)
		return want_series(wish, id, labels, n, METRICS_SESSION);
	if (wish->name->form == EXPORT_NOW)
		return want_series(wish, id, labels, n, NOW_WINDOW_NS);
	if (wish->name->fixed_window)
		return want_series(wish, id, labels, n, EXPORT_WINDOW_NS);
	return want_windows(wish, id, labels, n);
}

/* Of every stage but caches, or of caches only. */
static int want_stages(const struct wish *wish, bool caches, struct label *labels, size_t n)
{
	const struct config *config = wish->exports->config;
	char id[ID_MAX];
	int err = 0;

	for (size_t i = 0; i < config->stages_n && !err; i++) {
		const char *stage = config->stages[i].name, *cache = metric_cache_name(stage);

		if (caches != (cache != NULL))
			continue;
		labels[n] = caches ? (struct label){"cache", cache}
				   : (struct label){"stage", stage};
		snprintf(id, sizeof(id), "%s.%s", stage, wish->name->def->name);
		err = want_form(wish, id, labels, n + 1);
	}
	return err;
}

static int want_gaps(const struct wish *wish, struct label *labels, size_t n)
{
	const struct config *config = wish->exports->config;
	char id[ID_MAX];
	int err = 0;

	for (size_t a = 0; a < config->stages_n; a++)
		for (size_t b = 0; b < config->stages_n && !err; b++) {
			if (a == b || !config->stages[a].turn || !config->stages[b].turn)
				continue;
			labels[n] = (struct label){"from", config->stages[a].name};
			labels[n + 1] = (struct label){"to", config->stages[b].name};
			snprintf(id, sizeof(id), "turn.gap.%s.%s", config->stages[a].name,
				 config->stages[b].name);
			err = want_form(wish, id, labels, n + 2);
		}
	return err;
}

static int want_databases(const struct wish *wish, struct label *labels, size_t n)
{
	const struct config *config = wish->exports->config;
	char id[ID_MAX];
	int err = 0;

	for (size_t i = 0; i < config->databases_n && !err; i++) {
		labels[n] = (struct label){"kind", config->databases[i].kind};
		snprintf(id, sizeof(id), "db.%s.%s", config->databases[i].kind,
			 wish->name->def->name);
		err = want_form(wish, id, labels, n + 1);
	}
	return err;
}

static int want_name(const struct wish *wish)
{
	struct label labels[SERIES_LABELS_MAX] = {{PROMQL_METRIC_LABEL, wish->name->name}};

	switch (wish->name->subject) {
	case EXPORT_STAGE:
		return want_stages(wish, false, labels, 1);
	case EXPORT_CACHE:
		return want_stages(wish, true, labels, 1);
	case EXPORT_GAP:
		return want_gaps(wish, labels, 1);
	case EXPORT_DATABASE:
		return want_databases(wish, labels, 1);
	case EXPORT_TARGET:
		break;
	}
	return want_form(wish, wish->name->def->name, labels, 1);
}

int exports__want(struct exports *exports, const struct promql_expr *expr)
{
	struct export_name name;
	int err = 0;

	for (size_t s = 0; s < expr->selectors_n; s++) {
		struct wish wish = {exports, expr->selectors[s], &name};

		for (size_t i = 0; !err && export_name_at(exports->config->target_name, i, &name);
		     i++)
			if (name_selected(wish.selector, name.name))
				err = want_name(&wish);
	}
	return err;
}

/* What cannot be stored (time went back) is told as unknown until it can. */
static void feed(struct store *store, struct export *item, const struct sample *sample,
		 int64_t ts_ms)
{
	bool known = sample->quality != QUALITY_UNKNOWN;
	bool present = known && (item->counter || (!sample->idle && !isnan(sample->value)));
	double value = isnan(sample->value) ? 0.0 : sample->value * item->scale;
	const char *why = known ? NULL : sample->reason ?: "it cannot be known";

	if (known && (present || item->present) &&
	    store__append(store, item->series, ts_ms, present ? value : store_stale_value()))
		why = "its sample could not be kept";
	if (!why)
		item->present = present;
	if (why || item->unknown)
		store_series_unknown(item->series, why);
	item->unknown = why != NULL;
}

static void end_left(struct exports *exports, int64_t ts_ms)
{
	for (size_t i = 0; i < exports->left_n; i++) {
		struct export *left = &exports->left[i];

		if (left->series && left->present)
			(void)store__append(exports->store, left->series, ts_ms,
					    store_stale_value());
		if (left->series && left->unknown)
			store_series_unknown(left->series, NULL);
	}
	free(exports->left);
	exports->left = NULL;
	exports->left_n = 0;
}

void exports__feed(struct exports *exports, uint64_t now_ns, int64_t ts_ms)
{
	if (!exports->metrics)
		return;
	end_left(exports, ts_ms);
	for (size_t i = 0; i < exports->n; i++) {
		struct export *item = &exports->item[i];
		struct sample sample = metrics__read(exports->metrics, item->handle, now_ns);

		feed(exports->store, item, &sample, ts_ms);
	}
}
