/* SPDX-License-Identifier: GPL-2.0-only */
#include "metrics/series.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

int series_init(struct series *s, const struct series_def *def)
{
	*s = (struct series){.def = def};
	/* The growth over the session is kept from the start, that of a window when asked for. */
	if (def->flags & SERIES_GROWTH) {
		s->growth = growth__new(0);
		if (!s->growth)
			return -ENOMEM;
	}
	return 0;
}

void series_release(struct series *s)
{
	while (s->views) {
		struct view *view = s->views;

		s->views = view->next;
		window__free(view->window);
		growth__free(view->growth);
		evidence__free(view->evidence);
		free(view);
	}
	free(s->hist);
	growth__free(s->growth);
	stream_memory__free(s->streams);
	*s = (struct series){0};
}

int series_keep_streams(struct series *s)
{
	if (!s->streams)
		s->streams = stream_memory__new();
	return s->streams ? 0 : -ENOMEM;
}

static bool fill_view(struct series *s, struct view *view)
{
	/* The samples are the series'; a view only looks at some of them. */
	if (s->def->flags & SERIES_STREAMS)
		return true;
	if (s->def->flags & SERIES_GROWTH)
		view->growth = growth__new(view->window_ns);
	else
		view->window = window__new(s->def->kind, view->window_ns);
	if (s->def->flags & SERIES_EVIDENCE)
		view->evidence = evidence__new(view->window_ns);
	return (view->window || view->growth) &&
	       (view->evidence || !(s->def->flags & SERIES_EVIDENCE));
}

struct view *series_view(struct series *s, uint64_t window_ns)
{
	struct view *view;

	for (view = s->views; view; view = view->next)
		if (view->window_ns == window_ns)
			return view;
	view = calloc(1, sizeof(*view));
	if (!view)
		return NULL;
	view->window_ns = window_ns;
	if (!fill_view(s, view)) {
		window__free(view->window);
		growth__free(view->growth);
		free(view);
		return NULL;
	}
	view->next = s->views;
	s->views = view;
	return view;
}

/* A histogram is 5 KB: none for what never happens. */
static bool have_hist(struct series *s)
{
	if (!s->hist)
		s->hist = calloc(1, sizeof(*s->hist));
	s->partial |= !s->hist;
	return s->hist;
}

unsigned int series_add_hist(struct series *s, const struct hist *delta, uint64_t now_ns)
{
	unsigned int failed = 0;

	if (!s->def || !delta->count)
		return 0;
	if (have_hist(s))
		hist_merge(s->hist, delta);
	else
		failed++;
	for (struct view *view = s->views; view; view = view->next)
		failed += window__add_hist(view->window, delta, now_ns) != 0;
	return failed;
}

unsigned int series_add_duration(struct series *s, uint64_t value_ns, uint64_t now_ns)
{
	unsigned int failed = 0;

	if (!s->def)
		return 0;
	if (have_hist(s))
		hist_add(s->hist, value_ns, 1);
	else
		failed++;
	for (struct view *view = s->views; view; view = view->next)
		failed += window__add_duration(view->window, value_ns, now_ns) != 0;
	return failed;
}

void series_add_gauge(struct series *s, double value, bool exact, uint64_t now_ns)
{
	bool highest = !s->total.values || value >= s->total.max;

	exact |= (s->def->flags & SERIES_EXACT) != 0;
	acc_add(&s->total, value, 1.0, 1);
	if (highest)
		s->total.max_exact = exact;
	if (s->def->flags & SERIES_MEDIAN && value >= 0.0 && have_hist(s))
		hist_add(s->hist, (uint64_t)value, 1);
	if (s->growth)
		growth__add(s->growth, value, now_ns);
	for (struct view *view = s->views; view; view = view->next) {
		if (view->growth)
			growth__add(view->growth, value, now_ns);
		else
			window__add_gauge(view->window, value, exact, now_ns);
	}
}

void series_add_ratio(struct series *s, double num, double den, uint64_t n, uint64_t now_ns)
{
	if (!s->def)
		return;
	acc_add(&s->total, num, den, n);
	for (struct view *view = s->views; view; view = view->next)
		window__add_ratio(view->window, num, den, n, now_ns);
}

unsigned int series_add_evidence(struct series *s, const struct evidence_item *item,
				 uint64_t now_ns)
{
	unsigned int failed = 0;

	for (struct view *view = s->views; view; view = view->next)
		if (view->evidence)
			failed += evidence__add(view->evidence, item, now_ns) != 0;
	return failed;
}

void series_mark(struct series *s, enum quality quality, const char *reason, uint64_t now_ns)
{
	if (!s->def)
		return;
	/* Over the session, what was unknown for a while is missing from the rest. */
	s->partial = true;
	for (struct view *view = s->views; view; view = view->next)
		if (view->window)
			window__mark(view->window, quality, reason, now_ns);
}

enum statistic series_stat(const struct series *s, enum statistic asked)
{
	if (s->def->flags & SERIES_MEDIAN)
		return STAT_MEDIAN;
	if (s->def->flags & SERIES_PEAK)
		return STAT_MAX;
	if (s->def->flags & (SERIES_GROWTH | SERIES_STREAMS) || asked == STAT_INVALID)
		return s->def->stat;
	/* A rate is a mean already. */
	if (asked == STAT_RATE && s->def->kind == WINDOW_RATIO)
		return STAT_MEAN;
	return asked;
}

bool series_has_stat(const struct series *s, enum statistic stat)
{
	if (s->def->flags & (SERIES_GROWTH | SERIES_STREAMS))
		return true;
	return window_has_stat(s->def->kind, stat);
}

static struct sample read_session(struct series *s, enum statistic stat, uint64_t elapsed_ns)
{
	struct sample sample = {.value = NAN, .low = NAN, .high = NAN};
	static const struct hist empty;

	if (s->def->kind == WINDOW_HIST)
		sample.value = hist_stat(s->hist ? s->hist : &empty, stat, elapsed_ns, &sample.n);
	else
		sample.value = acc_stat(&s->total, s->def->kind, stat, &sample.n);
	if (s->def->flags & SERIES_MEDIAN)
		sample.value = s->hist ? hist_percentile_ns(s->hist, 50.0) : NAN;
	if (s->def->kind == WINDOW_GAUGE && !(stat == STAT_MAX && s->total.max_exact))
		sample.quality = QUALITY_SAMPLED;
	if (s->partial)
		sample.quality = QUALITY_PARTIAL;
	sample.idle = isnan(sample.value);
	return sample;
}

struct sample series_read(struct series *s, struct view *view, enum statistic stat, uint64_t now_ns,
			  uint64_t elapsed_ns)
{
	struct sample sample;

	if (s->def->flags & SERIES_GROWTH)
		sample = growth__read(view ? view->growth : s->growth, now_ns);
	else if (s->def->flags & SERIES_STREAMS)
		sample = stream_memory__read(s->streams, view ? view->window_ns : 0, now_ns);
	else if (view)
		sample = window__read(view->window, stat, now_ns);
	else
		sample = read_session(s, stat, elapsed_ns);
	if (s->def->flags & SERIES_EXACT && sample.quality == QUALITY_SAMPLED)
		sample.quality = QUALITY_EXACT;
	sample.unit = s->def->unit;
	if (s->def->kind == WINDOW_HIST && stat == STAT_COUNT)
		sample.unit = UNIT_COUNT;
	if (s->def->kind != WINDOW_RATIO && stat == STAT_RATE)
		sample.unit = UNIT_PER_S;
	return sample;
}
