/* SPDX-License-Identifier: GPL-2.0-only */
#include "rules/notify.h"

#include <stdlib.h>
#include <string.h>

#define NS_PER_S      1000000000ULL
#define NS_PER_MINUTE (60 * NS_PER_S)
#define SECONDS	      60

/* What a reader of alerts knows: pending, inactive and resolved are the same to him. */
struct view {
	enum alert_state state; /* firing, unknown, or inactive */
	enum severity severity;
};

struct item {
	struct view told, now;
	int priority;
	uint64_t told_ns;
	bool changed; /* and not told yet */
};

struct notify {
	struct alerts_config config;
	double tokens;
	uint64_t filled_ns; /* 0: not yet */
	uint64_t held;
	bool storm;
	uint64_t storm_held;
	uint32_t changes; /* since the last settling */
	uint32_t per_s[SECONDS];
	uint64_t second; /* of the newest */
	size_t n;
	struct item items[];
};

struct notify *notify__new(size_t alerts_n, const struct alerts_config *config)
{
	struct notify *n = calloc(1, sizeof(*n) + alerts_n * sizeof(n->items[0]));

	if (!n)
		return NULL;
	n->config = *config;
	n->tokens = config->rate_per_min;
	n->n = alerts_n;
	return n;
}

void notify__free(struct notify *n)
{
	free(n);
}

void notify__configure(struct notify *n, const struct alerts_config *config)
{
	n->config = *config;
}

static struct view view_of(enum alert_state state, enum severity severity)
{
	if (state == ALERT_FIRING || state == ALERT_UNKNOWN)
		return (struct view){.state = state, .severity = severity};
	return (struct view){.state = ALERT_INACTIVE};
}

static bool same(struct view a, struct view b)
{
	return a.state == b.state && a.severity == b.severity;
}

void notify__change(struct notify *n, size_t i, enum alert_state state, enum severity severity,
		    int priority)
{
	struct item *item = &n->items[i];
	struct view now = view_of(state, severity);

	if (same(now, item->now))
		return;
	item->now = now;
	item->priority = priority;
	/* That something can be known again, and is well, is no news. */
	if (now.state == ALERT_INACTIVE && item->told.state == ALERT_UNKNOWN &&
	    item->told.severity == SEVERITY_NONE) {
		item->told = now;
		item->changed = false;
		return;
	}
	item->changed = true;
	n->changes++;
}

static void fill(struct notify *n, uint64_t now_ns)
{
	double rate = n->config.rate_per_min;

	if (n->filled_ns && now_ns > n->filled_ns)
		n->tokens += rate * (double)(now_ns - n->filled_ns) / (double)NS_PER_MINUTE;
	if (n->tokens > rate)
		n->tokens = rate;
	n->filled_ns = now_ns;
}

static bool urgent(const struct item *item)
{
	return item->priority == 0 && item->now.state == ALERT_FIRING;
}

static bool remind_due(const struct notify *n, const struct item *item, uint64_t now_ns)
{
	return n->config.remind_ns && item->now.state == ALERT_FIRING &&
	       now_ns - item->told_ns >= n->config.remind_ns;
}

/* P0 to P3, then those without a priority. */
static int rank(const struct item *item)
{
	return item->priority < 0 ? CONFIG_PRIORITIES : item->priority;
}

/* The most urgent that is to be told; changes come before reminders.  NULL: none. */
static struct item *most_urgent(struct notify *n, uint64_t now_ns)
{
	struct item *change = NULL, *reminder = NULL;

	for (size_t i = 0; i < n->n; i++) {
		struct item *item = &n->items[i];

		if (!same(item->told, item->now)) {
			if (!change || rank(item) < rank(change))
				change = item;
		} else if (remind_due(n, item, now_ns) &&
			   (!reminder || rank(item) < rank(reminder))) {
			reminder = item;
		}
	}
	/* A reminder of P0 does not wait for the changes that have to. */
	if (reminder && urgent(reminder) && !(change && urgent(change)))
		return reminder;
	return change ? change : reminder;
}

static bool take_token(struct notify *n, const struct item *item)
{
	if (!n->config.rate_per_min)
		return true;
	if (n->tokens < 1.0)
		return urgent(item);
	n->tokens -= 1.0;
	return true;
}

bool notify__next(struct notify *n, uint64_t now_ns, struct notify_due *due)
{
	struct item *item;

	fill(n, now_ns);
	item = most_urgent(n, now_ns);
	if (!item || !take_token(n, item))
		return false;
	*due = (struct notify_due){
		.i = (size_t)(item - n->items),
		.reminder = same(item->told, item->now),
		.over = item->now.state == ALERT_INACTIVE,
		.severity = item->told.severity,
	};
	item->told = item->now;
	item->told_ns = now_ns;
	item->changed = false;
	return true;
}

bool notify__quiet(const struct notify *n, size_t i)
{
	const struct item *item = &n->items[i];

	return item->now.state == ALERT_INACTIVE && same(item->told, item->now);
}

static uint64_t last_minute(struct notify *n, uint64_t now_ns)
{
	uint64_t second = now_ns / NS_PER_S, sum = 0;

	for (uint64_t s = n->second + 1; s <= second && s <= n->second + SECONDS; s++)
		n->per_s[s % SECONDS] = 0;
	if (second > n->second)
		n->second = second;
	n->per_s[n->second % SECONDS] += n->changes;
	n->changes = 0;
	for (int i = 0; i < SECONDS; i++)
		sum += n->per_s[i];
	return sum;
}

/* Counts the changes that were not told; true when any alert waits to be told. */
static bool count_held(struct notify *n)
{
	bool waiting = false;

	for (size_t i = 0; i < n->n; i++) {
		struct item *item = &n->items[i];

		n->held += item->changed;
		n->storm_held += item->changed;
		item->changed = false;
		waiting |= !same(item->told, item->now);
	}
	return waiting;
}

bool notify__settle(struct notify *n, uint64_t now_ns, struct notify_storm *storm)
{
	uint64_t per_min = last_minute(n, now_ns);
	bool waiting = count_held(n);

	*storm = (struct notify_storm){.began = !n->storm, .per_min = per_min};
	if (!n->storm) {
		n->storm = n->storm_held > 0;
		return n->storm;
	}
	/* Calm: all is told, and there is room for more again. */
	if (waiting || n->tokens < n->config.rate_per_min / 2.0)
		return false;
	storm->held = n->storm_held;
	n->storm = false;
	n->storm_held = 0;
	return true;
}

uint64_t notify__held(const struct notify *n)
{
	return n->held;
}
