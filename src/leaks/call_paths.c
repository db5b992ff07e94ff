/* SPDX-License-Identifier: GPL-2.0-only */
#include "leaks/call_paths.h"

#include <stdlib.h>
#include <string.h>

#include "leaks/ledger.h"

#define PLACES	  (2 * CALL_PATHS_MAX) /* a power of two */
#define SITES_MAX 4u

struct path {
	uint64_t path; /* 0: the place is free */
	uint64_t sites[SITES_MAX];
	uint32_t sites_n; /* SITES_MAX + 1: more than are known */
};

struct call_paths {
	size_t n;
	struct path places[PLACES]; /* by hash, linear probing */
};

struct call_paths *call_paths__new(void)
{
	return calloc(1, sizeof(struct call_paths));
}

void call_paths__free(struct call_paths *p)
{
	free(p);
}

static struct path *place_of(struct call_paths *p, uint64_t path)
{
	size_t at = (path >> 16) & (PLACES - 1);

	while (p->places[at].path && p->places[at].path != path)
		at = (at + 1) & (PLACES - 1);
	return &p->places[at];
}

/* Those of threads and coroutines that are gone would fill it: what is there now is learned anew.
 */
static struct path *take_place(struct call_paths *p, uint64_t path)
{
	if (p->n == CALL_PATHS_MAX)
		memset(p, 0, sizeof(*p));
	p->n++;
	return place_of(p, path);
}

void call_paths__saw(struct call_paths *p, uint64_t path, uint64_t site)
{
	struct path *place;

	if (!path || !site)
		return;
	place = place_of(p, path);
	if (!place->path) {
		place = take_place(p, path);
		place->path = path;
	}
	for (uint32_t i = 0; i < place->sites_n && i < SITES_MAX; i++)
		if (place->sites[i] == site)
			return;
	if (place->sites_n < SITES_MAX)
		place->sites[place->sites_n] = site;
	if (place->sites_n <= SITES_MAX)
		place->sites_n++;
}

static bool is_brief(const struct path *path, const struct leak_ledger *ledger)
{
	if (!path->sites_n || path->sites_n > SITES_MAX)
		return false;
	for (uint32_t i = 0; i < path->sites_n; i++)
		if (!leak_ledger__brief(ledger, path->sites[i]))
			return false;
	return true;
}

size_t call_paths__brief(const struct call_paths *p, const struct leak_ledger *ledger,
			 uint64_t *out, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < PLACES && n < max; i++)
		if (p->places[i].path && is_brief(&p->places[i], ledger))
			out[n++] = p->places[i].path;
	return n;
}
