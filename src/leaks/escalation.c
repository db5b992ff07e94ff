/* SPDX-License-Identifier: GPL-2.0-only */
#include "leaks/escalation.h"

/* A hunt that began because memory grew goes on for so many settling times after it stopped. */
#define AFTERMATH 6
/* Windows become rarer when so many have found nothing: growth may be of what is not allocated. */
#define PATIENCE      300
#define PATIENCE_SLOW 6
#define SECOND_NS     1e9
#define HOUR_NS	      3.6e12
/* The watchpoints are set somewhat later in the round than it was decided. */
#define WATCH_LATE_NS 1000000000ULL
/* A scan of all memory, and a census: once in so many settling times. */
#define REACH_EVERY  3
#define CENSUS_EVERY 2

void escalation_init(struct escalation *e, const struct escalation_options *options)
{
	*e = (struct escalation){.options = *options};
}

/* 0 to below 1, as if by chance: for the window of that number. */
static double chance(uint32_t window, uint32_t which)
{
	uint64_t hash = ((uint64_t)window * 2 + which + 1) * 0x9e3779b97f4a7c15ULL;

	hash = (hash ^ hash >> 30) * 0xbf58476d1ce4e5b9ULL;
	hash = (hash ^ hash >> 27) * 0x94d049bb133111ebULL;
	return (double)((hash ^ hash >> 31) >> 11) / 9007199254740992.0;
}

static void begin(struct escalation *e, uint64_t now_ns)
{
	e->hunting = true;
	e->since_ns = e->grew_ns = now_ns;
	e->next_window_ns = e->next_census_ns = now_ns;
	e->next_reach_ns = e->slot_ns = now_ns;
	e->windows_n = 0;
	e->step = ESCALATION_WINDOWS;
}

static void decide_hunt(struct escalation *e, const struct escalation_facts *f)
{
	if (f->grows)
		e->grew_ns = f->now_ns;
	if (!e->hunting && (f->grows || e->options.at_once))
		begin(e, f->now_ns);
	if (e->hunting && !e->options.at_once &&
	    f->now_ns - e->grew_ns > AFTERMATH * e->options.settle_ns) {
		e->hunting = false;
		e->step = ESCALATION_REST;
	}
}

static void reached(struct escalation *e, enum escalation_step step)
{
	if (e->step < step)
		e->step = step;
}

/* What the sites ask for. */
static void look_at_sites(struct escalation *e, const struct escalation_facts *f,
			  struct escalation_round *round)
{
	for (size_t i = 0; i < f->sites_n; i++) {
		const struct leak_site *site = &f->sites[i];

		if (site->verdict < LEAK_PROBABLE)
			continue;
		if (f->now_ns >= e->next_reach_ns && site->label == LEAK_LABEL_UNKNOWN)
			round->reach = true;
		/* A watch that was cut short proves nothing: once more. */
		if (!f->watching && site->watched_ns < e->options.watch_ns)
			round->watch = true;
		if (site->verdict == LEAK_CONFIRMED && !site->counted)
			round->count = true;
	}
}

void escalation_next(struct escalation *e, const struct escalation_facts *f,
		     struct escalation_round *round)
{
	*round = (struct escalation_round){.check = true};
	if (f->watching && f->now_ns >= e->watch_end_ns)
		round->unwatch = true;
	decide_hunt(e, f);
	if (!e->hunting)
		return;
	look_at_sites(e, f, round);
	if (f->ceiling_near) {
		/* Watchpoints and call sites are probes too; reading is not the target's time. */
		round->watch = round->count = false;
	} else if (f->now_ns >= e->next_window_ns) {
		round->window = true;
		round->delay_ns = (uint64_t)(SECOND_NS * chance(e->windows_n, 0));
		e->window_ns = f->now_ns;
	}
	if (f->python && f->now_ns >= e->next_census_ns) {
		round->census = true;
		e->next_census_ns = f->now_ns + CENSUS_EVERY * e->options.settle_ns;
	}
	if (round->reach) {
		e->next_reach_ns = f->now_ns + REACH_EVERY * e->options.settle_ns;
		reached(e, ESCALATION_REACH);
	}
	if (round->watch) {
		e->watch_end_ns = f->now_ns + e->options.watch_ns + WATCH_LATE_NS;
		reached(e, ESCALATION_WATCH);
	}
	if (round->count)
		reached(e, ESCALATION_COUNT);
}

/*
 * A program that does something every second would be seen in the same moment of it each time, or
 * never.  So each interval has one window, anywhere in it, and not on the caller's seconds either.
 */
void escalation_paid(struct escalation *e, uint64_t cost_ns)
{
	uint64_t interval_ns = e->options.interval_ns, earned_ns = (uint64_t)HOUR_NS;
	double earned = e->options.share > 0 ? (double)cost_ns / e->options.share : 0;

	e->windows_n++;
	if (e->windows_n > PATIENCE && e->step == ESCALATION_WINDOWS)
		interval_ns *= PATIENCE_SLOW;
	e->slot_ns += interval_ns;
	if (e->slot_ns < e->window_ns)
		e->slot_ns = e->window_ns;
	e->next_window_ns = e->slot_ns + (uint64_t)((double)interval_ns * chance(e->windows_n, 1));
	if (earned < HOUR_NS)
		earned_ns = (uint64_t)earned;
	if (e->next_window_ns < e->window_ns + earned_ns)
		e->next_window_ns = e->window_ns + earned_ns;
}

const char *escalation_step_name(enum escalation_step step)
{
	static const char *const names[] = {"rest", "windows", "reachability", "watchpoints",
					    "call_sites"};

	return step <= ESCALATION_COUNT ? names[step] : "?";
}
