/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/leak_search_state.h"

#include <errno.h>
#include <fnmatch.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "keeper/keeper.h"
#include "leaks/process_memory.h"
#include "log/log.h"
#include "target/maps.h"
#include "target/process.h"
#include "target/process_access.h"
#include "watch/leak_report.h"

/* Memory that is searched in one round: some 0.1 s. */
#define ROUND_BYTES (128ULL << 20)
/* One may fail because the target goes on meanwhile. */
#define FAILED_ROUNDS 3

uint64_t leak_search_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

static int read_memory(void *ctx, struct memory_read *reads, size_t n)
{
	const struct leak_search *s = ctx;
	const struct target_memory memory = process_memory(s->opts.proc);

	return *s->opts.stop ? -ECANCELED : memory.read(memory.ctx, reads, n);
}

struct leak_search *leak_search__new(const struct leak_search_opts *opts)
{
	const struct leak_options options = {.settle_ns = opts->config->settle_ns,
					     .check_first_ns = opts->config->settle_ns / 10,
					     .watch_ns = opts->config->watch_ns};
	struct leak_search *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->opts = *opts;
	s->memory = (struct target_memory){s, read_memory};
	s->ledger = leak_ledger__new(&options);
	s->stacks = leak_stacks__new(opts->fetched);
	s->paths = call_paths__new();
	s->census = census__new();
	if (s->ledger && s->stacks && s->paths && s->census)
		return s;
	leak_search__free(s);
	errno = ENOMEM;
	return NULL;
}

void leak_search__free(struct leak_search *s)
{
	if (!s)
		return;
	leak_search_unwatch(s);
	for (size_t i = 0; i < s->counters_n; i++)
		link_list_free(&s->counters[i].links);
	alloc_windows__free(s->windows);
	alloc_plan_free(&s->plan);
	survivor_judge__free(s->judge);
	leak_ledger__free(s->ledger);
	leak_stacks__free(s->stacks);
	mappings_free(&s->mappings);
	call_paths__free(s->paths);
	census__free(s->census);
	reachability__free(s->reach);
	free(s);
}

static int refuse(struct leak_search *s, int err, const char *why)
{
	snprintf(s->why, sizeof(s->why), "%s: %s", why, err_str(err));
	return err;
}

/* The functions of the allocator, and mmap of the C library wherever that is. */
static int make_plan(struct leak_search *s)
{
	struct object_table *objects = s->opts.objects;
	int err = alloc_plan_add(&s->plan, s->opts.proc, objects, s->allocator.object, ALLOC_BLOCKS,
				 s->opts.avoid);

	for (size_t i = 0; i < objects->n_objects && !err; i++) {
		const struct object *obj = objects->objects[i];

		if (obj->gone ||
		    (fnmatch("libc.so*", obj->basename, 0) &&
		     fnmatch("libc-2*", obj->basename, 0) && fnmatch("ld-musl*", obj->basename, 0)))
			continue;
		err = alloc_plan_add(&s->plan, s->opts.proc, objects, (uint32_t)i, ALLOC_MAPPINGS,
				     s->opts.avoid);
		break;
	}
	if (err)
		return refuse(s, err, "the functions of its allocator cannot be probed");
	if (s->plan.places_n)
		return 0;
	return refuse(s, -EOPNOTSUPP, "no function of its allocator can be probed");
}

static int find(struct leak_search *s)
{
	int err = allocator_find(&s->allocator, s->opts.proc, s->opts.objects, &s->memory);

	if (err)
		return refuse(s, err, "its allocator cannot be looked for");
	if (s->allocator.kind == ALLOCATOR_UNKNOWN) {
		snprintf(s->why, sizeof(s->why), "its allocator was not found%s%s",
			 s->allocator.why[0] ? ": " : "", s->allocator.why);
		return -EOPNOTSUPP;
	}
	err = make_plan(s);
	if (err)
		return err;
	err = keeper__load_alloc(s->opts.keeper, &s->windows);
	if (err)
		return refuse(s, err, "the programs for its allocator cannot be loaded");
	s->data_inode = s->opts.objects->objects[s->allocator.object]->inode;
	s->judge = survivor_judge__new(&s->allocator);
	return s->judge ? 0 : -ENOMEM;
}

int leak_search_read_mappings(struct leak_search *s)
{
	char *text;
	size_t len;
	int err = process_read_maps(s->opts.proc, PROCESS_MAPS_LOOK, &text, &len);

	if (err)
		return err;
	mappings_free(&s->mappings);
	err = mappings_parse(&s->mappings, text);
	free(text);
	return err;
}

/* Two counts, and then the second is the first of the next two. */
static int take_census(struct leak_search *s, bool begin)
{
	int more;

	if (begin && !s->census_open) {
		int err = census__begin(s->census, &s->mappings, leak_search_now_ns());

		if (err)
			return err;
		s->census_open = true;
	}
	if (!s->census_open)
		return 0;
	more = census__step(s->census, &s->memory, ROUND_BYTES);
	if (more > 0)
		return 0;
	s->census_open = false;
	/* Kept, since there is nothing to be said while the next count is under way. */
	if (!more)
		s->types_n = census__growing(s->census, s->types, LEAK_REPORT_TYPES,
					     &s->types_elapsed_s);
	return more;
}

static int work(struct leak_search *s, const struct escalation_round *round)
{
	int err = leak_search_read_mappings(s);

	if (!err && !s->found)
		err = find(s);
	if (err)
		return err;
	s->found = true;
	err = leak_stacks__refresh(s->stacks, s->opts.objects, s->opts.proc);
	if (!err && round->window)
		err = leak_search_window(s, round->delay_ns);
	if (!err && round->check)
		err = leak_search_check(s);
	if (round->unwatch && leak_search_watched(s))
		leak_search_unwatch(s);
	leak_search_counted(s);
	if (!err)
		err = leak_search_reach(s, round->reach);
	if (!err && round->watch)
		leak_search_watch(s);
	if (!err && round->count)
		leak_search_count(s);
	return err ?: take_census(s, round->census);
}

static void report(struct leak_search *s, const struct leak_growth *growth, struct leak_report *out)
{
	*out = (struct leak_report){.at_ns = leak_search_now_ns(), .growth = *growth};
	out->allocator = s->allocator.kind;
	snprintf(out->allocator_name, sizeof(out->allocator_name), "%s", s->allocator.name);
	snprintf(out->why, sizeof(out->why), "%s", s->why[0] ? s->why : s->allocator.why);
	out->cost_ns = s->cost_ns;
	out->lost = s->lost + leak_stacks__lost(s->stacks);
	leak_ledger__counts(s->ledger, &out->counts);
	if (!s->found)
		return;
	s->ranked_n = leak_ledger__rank(s->ledger, growth, allocator_tells(s->allocator.kind),
					out->at_ns, s->ranked,
					sizeof(s->ranked) / sizeof(s->ranked[0]));
	for (size_t i = 0; i < s->ranked_n && out->sites_n < LEAK_REPORT_SITES; i++) {
		const struct leak_stack *stack = leak_stacks__find(s->stacks, s->ranked[i].site);
		struct leak_report_site *site = &out->sites[out->sites_n];
		const struct leak_classes *classes;

		if (!stack || s->ranked[i].verdict < LEAK_SUSPECT)
			continue;
		site->site = s->ranked[i];
		leak_stacks__name(s->stacks, stack, out->at_ns, site);
		classes = leak_search_classes(s, &site->site, out->at_ns);
		if (classes)
			site->classes = *classes;
		out->sites_n++;
	}
	memcpy(out->types, s->types, s->types_n * sizeof(*s->types));
	out->types_n = s->types_n;
	out->types_elapsed_s = s->types_elapsed_s;
}

int leak_search__round(struct leak_search *s, const struct escalation_round *round,
		       const struct leak_growth *growth, struct leak_report *out)
{
	s->cost_round_ns = 0;
	if (!s->err) {
		int err = work(s, round);

		/* Before the allocator is found, what fails will fail again. */
		if (err && !s->found && err != -ECANCELED)
			s->err = err;
		if (err && err != -ECANCELED && s->found)
			log_info("leaks: a round failed: %s", err_str(err));
		if (err != -ECANCELED)
			s->failed_n = err ? s->failed_n + 1 : 0;
		if (s->failed_n == FAILED_ROUNDS)
			refuse(s, err, "it cannot be searched just now");
		else if (s->found && !s->failed_n)
			s->why[0] = '\0';
	}
	report(s, growth, out);
	if (leak_stacks__let_go(s->stacks, out->at_ns))
		malloc_trim(0);
	out->failing = s->err || s->failed_n >= FAILED_ROUNDS;
	return s->err;
}

void leak_search__between(struct leak_search *s)
{
	s->cost_round_ns = 0;
	leak_search_counted(s);
}

uint64_t leak_search__cost_ns(const struct leak_search *s)
{
	return s->cost_round_ns;
}

bool leak_search__watching(const struct leak_search *s)
{
	return s->watches_n != 0;
}

bool leak_search__python(const struct leak_search *s)
{
	const struct object_table *objects = s->opts.objects;

	for (size_t i = 0; i < objects->n_objects; i++)
		if (!objects->objects[i]->gone &&
		    (!fnmatch("python3*", objects->objects[i]->basename, 0) ||
		     !fnmatch("libpython3*", objects->objects[i]->basename, 0)))
			return true;
	return false;
}
