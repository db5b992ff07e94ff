/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/db_handles.h"

#include <string.h>

#include "kernel/loader.h"
#include "log/log.h"
#include "target/sqlite_files.h"
#include "watch/watching.h"

#define BASE_TRIES 3
#define NO_STAGE   SIZE_MAX

struct counts {
	uint64_t opened, closed;
};

static size_t stage_of(const struct watching *w, const char *name)
{
	for (size_t i = 0; i < w->config->stages_n; i++)
		if (!strcmp(w->config->stages[i].name, name))
			return i;
	return NO_STAGE;
}

/* A handle is there also where opening it failed; closing one that fails leaves it. */
static struct counts read_counts(const struct watching *w, size_t open, size_t close)
{
	const volatile struct wire_stage_stats *o = loader__stats(w->loader, (uint32_t)open);
	const volatile struct wire_stage_stats *c = loader__stats(w->loader, (uint32_t)close);
	uint64_t failed = c->errors;

	return (struct counts){.opened = o->spans, .closed = c->spans - failed};
}

/* What is open already, at an instant at which nothing is opened or closed. */
static void find_base(struct db_handles *h, const struct watching *w, size_t open, size_t close,
		      bool sqlite)
{
	struct counts before = read_counts(w, open, close), after = before;
	uint32_t n = 0;
	int err = 0;

	for (int i = 0; sqlite && i < BASE_TRIES; i++) {
		err = sqlite_files_count(w->proc, &n);
		after = read_counts(w, open, close);
		if (after.opened == before.opened && after.closed == before.closed)
			break;
		before = after;
		h->partial = i + 1 == BASE_TRIES;
	}
	if (err) {
		log_info("the target's open SQLite databases cannot be counted: %s", err_str(err));
		h->partial = true;
	}
	h->base = n;
	h->opened0 = after.opened;
	h->closed0 = after.closed;
	h->based = true;
}

enum db_handles_state db_handles_look(struct db_handles *h, const struct watching *w,
				      const struct database_config *db, uint32_t *n)
{
	size_t open = stage_of(w, db->open), close = stage_of(w, db->close);
	enum attach_state states[2];
	struct counts now;
	int64_t handles;

	if (open == NO_STAGE || close == NO_STAGE)
		return DB_HANDLES_NONE;
	states[0] = w->attachment.stages[open].state;
	states[1] = w->attachment.stages[close].state;
	if (states[0] != ATTACH_ARMED || states[1] != ATTACH_ARMED) {
		h->based = false;
		return states[0] == ATTACH_TRIAL || states[1] == ATTACH_TRIAL ? DB_HANDLES_NONE
									      : DB_HANDLES_UNKNOWN;
	}
	if (!h->based)
		find_base(h, w, open, close, !strcmp(db->kind, "sqlite"));
	now = read_counts(w, open, close);
	handles = h->base + (int64_t)(now.opened - h->opened0) - (int64_t)(now.closed - h->closed0);
	if (handles < 0) {
		/* One was closed that nobody saw opening. */
		h->base -= handles;
		h->partial = true;
		handles = 0;
	}
	*n = (uint32_t)handles;
	return DB_HANDLES_KNOWN;
}
