/* SPDX-License-Identifier: GPL-2.0-only */
#include "rules/groups.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/cause.h"

#define NOBODY SIZE_MAX

/* The newest group of a cause. */
struct group {
	char cause[CAUSE_MAX]; /* "": free */
	uint64_t id;
	size_t firing;
	uint64_t changed_ns;
	size_t first; /* alert that was told first, or NOBODY */
};

struct member {
	uint64_t id;
	char cause[CAUSE_MAX];
	bool firing;
};

struct groups {
	uint64_t group_ns;
	uint64_t last;
	size_t n;	      /* members */
	struct group *groups; /* n + 1: one is free when all members fire for causes of their own */
	struct member members[];
};

struct groups *groups__new(size_t alerts_n, uint64_t group_ns)
{
	struct groups *g = calloc(1, sizeof(*g) + alerts_n * sizeof(g->members[0]));

	if (!g)
		return NULL;
	g->groups = calloc(alerts_n + 1, sizeof(*g->groups));
	if (!g->groups) {
		free(g);
		errno = ENOMEM;
		return NULL;
	}
	g->group_ns = group_ns;
	g->n = alerts_n;
	return g;
}

void groups__free(struct groups *g)
{
	if (!g)
		return;
	free(g->groups);
	free(g);
}

static struct group *find(struct groups *g, const char *cause)
{
	for (size_t i = 0; i <= g->n; i++)
		if (g->groups[i].cause[0] && !strcmp(g->groups[i].cause, cause))
			return &g->groups[i];
	return NULL;
}

/* A free place, or that of the cause which has been over for the longest time. */
static struct group *place(struct groups *g, const char *cause)
{
	struct group *oldest = NULL;

	for (size_t i = 0; i <= g->n; i++) {
		struct group *group = &g->groups[i];

		if (!group->cause[0]) {
			oldest = group;
			break;
		}
		if (!group->firing && (!oldest || group->changed_ns < oldest->changed_ns))
			oldest = group;
	}
	assert(oldest); /* there are more groups than alerts can fire */
	memset(oldest, 0, sizeof(*oldest));
	snprintf(oldest->cause, sizeof(oldest->cause), "%s", cause);
	return oldest;
}

/* The group that an alert of this cause belongs to now: the one there is, or a new one. */
static struct group *join(struct groups *g, const char *cause, uint64_t now_ns)
{
	struct group *group = find(g, cause);

	if (group && (group->firing || now_ns - group->changed_ns <= g->group_ns))
		return group;
	if (!group)
		group = place(g, cause);
	group->id = ++g->last;
	group->first = NOBODY;
	return group;
}

void groups__change(struct groups *g, size_t i, const char *cause, bool firing, uint64_t now_ns)
{
	struct member *member = &g->members[i];
	struct group *group;

	if (!member->firing)
		snprintf(member->cause, sizeof(member->cause), "%s", cause);
	/* That of an alert which fires is there: its own firing keeps it. */
	group = join(g, member->cause, now_ns);
	member->id = group->id;
	group->firing += firing;
	group->firing -= member->firing;
	group->changed_ns = now_ns;
	member->firing = firing;
}

struct group_ref groups__tell(struct groups *g, size_t i)
{
	const struct member *member = &g->members[i];
	struct group_ref ref = {.id = member->id};
	struct group *group;

	if (!member->id)
		return ref;
	ref.cause = member->cause;
	group = find(g, member->cause);
	if (!group || group->id != member->id)
		return ref; /* a later group of its cause has begun */
	if (group->first == NOBODY)
		group->first = i;
	ref.also = group->first != i;
	return ref;
}

uint64_t groups__last(const struct groups *g)
{
	return g->last;
}
