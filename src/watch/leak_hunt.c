/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/leak_hunt.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "log/log.h"
#include "metrics/slope.h"
#include "watch/clock.h"
#include "watch/leak_report.h"
#include "watch/leak_search.h"
#include "watch/watching.h"
#include "watch/worker.h"

/* Of the ceiling, windows and watchpoints may take so much. */
#define SHARE_OF_CEILING 0.5
/* Points of memory that say anything about growth: seconds. */
#define POINTS_FEW  10
#define POINTS_MAX  SLOPE_POINTS_MAX
#define GROWTHS_MAX 8

struct leak_hunt {
	struct worker_job job; /* first: a job is its hunt */
	struct watching *w;
	struct leak_search *search; /* NULL: none was begun */
	struct escalation escalation;
	/* Of memory.growth: since the start, and in the windows of the budgets on it. */
	int growth[GROWTHS_MAX];
	size_t growths_n;
	/* Memory since the hunt began, for growth of that time; every `step`th second is a point.
	 */
	double t_s[POINTS_MAX], bytes[POINTS_MAX];
	size_t points_n, step, skipped;
	uint64_t origin_ns;
	uint64_t hunt_ns; /* that these points belong to: its beginning */
	bool under_way;
	volatile bool stop;
	bool forget;
	/* The worker's during a round. */
	struct escalation_round round;
	struct leak_growth slope;
	struct leak_report *made;
	int err;
	struct leak_report *report; /* the loop's; NULL: none yet */
	uint64_t cost_ns;
	bool watching, python;
	size_t told_n; /* confirmed places that were told of */
	bool said_error;
};

static void look_at_growth_of(struct leak_hunt *h, uint64_t window_ns)
{
	int handle = metrics__demand(h->w->metrics, "memory.growth", STAT_NOW, window_ns);

	if (handle >= 0 && h->growths_n < GROWTHS_MAX)
		h->growth[h->growths_n++] = handle;
}

struct leak_hunt *leak_hunt__new(struct watching *w)
{
	const struct leaks_config *c = &w->config->leaks;
	const struct escalation_options options = {
		.interval_ns = c->interval_ns,
		.settle_ns = c->settle_ns,
		.watch_ns = c->watch_ns,
		.share = w->config->overhead_percent / 100 * SHARE_OF_CEILING,
		.at_once = c->hunt == LEAKS_HUNT_NOW,
	};
	struct leak_hunt *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->w = w;
	h->step = 1;
	escalation_init(&h->escalation, &options);
	look_at_growth_of(h, METRICS_SESSION);
	for (size_t i = 0; i < w->config->budgets_n; i++)
		if (!strcmp(w->config->budgets[i].metric, "memory.growth"))
			look_at_growth_of(h, w->config->budgets[i].window_ns);
	/* Nothing is known to leak before anything was looked at. */
	metrics__feed_leaks(w->metrics, 0, NULL, clock_ns(CLOCK_MONOTONIC));
	return h;
}

void leak_hunt__free(struct leak_hunt *h)
{
	if (!h)
		return;
	leak_search__free(h->search);
	free(h->made);
	free(h->report);
	free(h);
}

static void halve(struct leak_hunt *h)
{
	for (size_t i = 0; i < POINTS_MAX / 2; i++) {
		h->t_s[i] = h->t_s[2 * i];
		h->bytes[i] = h->bytes[2 * i];
	}
	h->points_n = POINTS_MAX / 2;
	h->step *= 2;
}

/* What memory did hours before says nothing of the sites that are looked at now. */
static void forget_points(struct leak_hunt *h)
{
	h->points_n = h->skipped = 0;
	h->origin_ns = 0;
	h->step = 1;
}

static void add_point(struct leak_hunt *h, uint64_t now_ns)
{
	const struct process_sample *s = &h->w->sampling.last;

	if (!h->w->sampling.fed || !s->memory_known || ++h->skipped < h->step)
		return;
	h->skipped = 0;
	if (!h->origin_ns)
		h->origin_ns = now_ns;
	if (h->points_n == POINTS_MAX)
		halve(h);
	h->t_s[h->points_n] = (double)(now_ns - h->origin_ns) / 1e9;
	h->bytes[h->points_n++] = (double)(s->anon_bytes + s->swap_bytes);
}

/*
 * What memory as a whole does.  Since the hunt began, so that a warm-up before it does not count;
 * what the session says of itself (metrics: low is what is sure) begins the hunt.
 */
static void look_at_growth(struct leak_hunt *h)
{
	struct slope slope;

	h->slope = (struct leak_growth){};
	if (h->points_n < POINTS_FEW)
		return;
	slope = slope_estimate(h->t_s, h->bytes, h->points_n);
	h->slope = (struct leak_growth){.known = isfinite(slope.value) && isfinite(slope.low),
					.rate = slope.value,
					.low = slope.low,
					.high = slope.high};
}

static bool grows(struct leak_hunt *h, uint64_t now_ns)
{
	for (size_t i = 0; i < h->growths_n; i++) {
		struct sample s = metrics__read(h->w->metrics, h->growth[i], now_ns);

		if (s.quality <= QUALITY_SAMPLED && isfinite(s.low) &&
		    s.low > h->w->config->leaks.above_bytes_per_h)
			return true;
	}
	return false;
}

/* The thread's part. */
static void run(struct worker_job *job)
{
	struct leak_hunt *h = (struct leak_hunt *)job;

	h->err = leak_search__round(h->search, &h->round, &h->slope, h->made);
	h->watching = leak_search__watching(h->search);
	h->python = leak_search__python(h->search);
}

static void take_report(struct leak_hunt *h)
{
	struct leak_report *old = h->report;

	h->report = h->made;
	h->made = old;
}

static void done(struct worker_job *job)
{
	struct leak_hunt *h = (struct leak_hunt *)job;
	uint64_t cost_ns = leak_search__cost_ns(h->search);

	h->under_way = false;
	h->cost_ns += cost_ns;
	if (h->round.window)
		escalation_paid(&h->escalation, cost_ns);
	take_report(h);
	if (h->err && !h->said_error)
		log_warn("leaks cannot be looked for: %s", h->report->why);
	h->said_error |= h->err != 0;
}

static int open_search(struct leak_hunt *h)
{
	const struct leak_search_opts opts = {
		.config = &h->w->config->leaks,
		.proc = h->w->proc,
		.keeper = h->w->keeper,
		.fetched = h->w->fetched,
		.objects = &h->w->objects,
		.calibration = h->w->attachment.calibration,
		.share = h->escalation.options.share,
		.avoid = h->w->bindings.avoid,
		.stop = &h->stop,
	};

	if (!h->made)
		h->made = calloc(1, sizeof(*h->made));
	if (h->made && !h->search)
		h->search = leak_search__new(&opts);
	return h->made && h->search ? 0 : -ENOMEM;
}

static void begin_round(struct leak_hunt *h)
{
	int err = open_search(h);

	if (err) {
		log_warn("leaks cannot be looked for: %s", err_str(err));
		return;
	}
	h->job = (struct worker_job){run, done};
	/* A reload that changed nothing had stopped the last one only. */
	h->stop = false;
	h->under_way = true;
	if (!worker__start(h->w->worker, &h->job))
		return;
	h->under_way = false; /* no thread to be had: the loop must not wait for this */
}

static bool idle(const struct escalation_round *round, bool search)
{
	return !round->window && !round->census && !round->unwatch && !search;
}

static void feed(struct leak_hunt *h, uint64_t now_ns)
{
	if (h->err || (h->report && h->report->failing)) {
		metrics__feed_leaks(h->w->metrics, 0, "its allocator cannot be searched", now_ns);
		return;
	}
	/* While memory does not grow, nothing leaks that is worth a hunt. */
	metrics__feed_leaks(h->w->metrics,
			    h->escalation.hunting ? leak_report_places(h->report) : 0, NULL,
			    now_ns);
}

static void start_anew(struct leak_hunt *h)
{
	struct escalation_options options = h->escalation.options;

	leak_search__free(h->search);
	h->search = NULL;
	escalation_init(&h->escalation, &options);
	free(h->report);
	h->report = NULL;
	forget_points(h);
	h->err = 0;
	h->watching = h->forget = h->said_error = false;
}

void leak_hunt__tick(struct leak_hunt *h, uint64_t now_ns)
{
	struct leak_site sites[LEAK_REPORT_SITES];
	struct escalation_facts facts = {.now_ns = now_ns, .sites = sites};

	if (!h)
		return;
	add_point(h, now_ns);
	if (h->under_way || !h->w->worker || worker__busy(h->w->worker)) {
		feed(h, now_ns);
		return;
	}
	if (h->forget)
		start_anew(h);
	feed(h, now_ns);
	if (h->err)
		return;
	look_at_growth(h);
	facts.grows = grows(h, now_ns);
	facts.ceiling_near = h->w->breaker.long_percent > h->w->config->overhead_percent;
	facts.watching = h->watching;
	facts.python = h->python;
	for (size_t i = 0; h->report && i < h->report->sites_n; i++)
		sites[facts.sites_n++] = h->report->sites[i].site;
	escalation_next(&h->escalation, &facts, &h->round);
	if (h->escalation.hunting && h->hunt_ns != h->escalation.since_ns) {
		h->hunt_ns = h->escalation.since_ns;
		forget_points(h);
	}
	if (!idle(&h->round, h->escalation.hunting && h->search)) {
		begin_round(h);
	} else if (h->search) {
		leak_search__between(h->search);
		h->cost_ns += leak_search__cost_ns(h->search);
	}
}

bool leak_hunt__busy(const struct leak_hunt *h)
{
	return h && h->under_way;
}

void leak_hunt__stop(struct leak_hunt *h)
{
	if (h)
		h->stop = true;
}

void leak_hunt__forget(struct leak_hunt *h)
{
	if (h)
		h->forget = true;
}

const struct leak_report *leak_hunt__report(const struct leak_hunt *h)
{
	return h ? h->report : NULL;
}

bool leak_hunt__news(struct leak_hunt *h)
{
	size_t n;
	bool news;

	if (!h)
		return false;
	n = leak_report_places(h->report);
	news = n > h->told_n;
	h->told_n = n;
	return news;
}

uint64_t leak_hunt__since_ns(const struct leak_hunt *h)
{
	return h && h->escalation.hunting ? h->escalation.since_ns : 0;
}

const char *leak_hunt__step(const struct leak_hunt *h)
{
	return escalation_step_name(h ? h->escalation.step : ESCALATION_REST);
}

uint64_t leak_hunt__cost_ns(const struct leak_hunt *h)
{
	return h ? h->cost_ns : 0;
}
