/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * leak_search_proof.c - what is done about sites that probably leak: pointers to their blocks
 * looked for, their blocks watched, their calls counted.
 */
#include "watch/leak_search_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "keeper/keeper.h"
#include "log/log.h"
#include "target/maps.h"
#include "watch/alloc_window.h"
#include "watch/leak_report.h"

#define REACH_PER_SITE 256
#define ROUND_BYTES    (256ULL << 20)
/* A call site that allocates more often than that is not probed for good: 0.5 % of a CPU. */
#define COUNTED_PER_S 300.0

static bool is_probable(const struct leak_site *site)
{
	return site->verdict >= LEAK_PROBABLE;
}

static int reach_begin(struct leak_search *s)
{
	struct reach_block *blocks = calloc(LEAK_REPORT_SITES * REACH_PER_SITE, sizeof(*blocks));
	size_t n = 0, sites = 0;
	int err = 0;

	if (!blocks)
		return -ENOMEM;
	for (size_t i = 0; i < s->ranked_n && sites < LEAK_REPORT_SITES; i++) {
		if (!is_probable(&s->ranked[i]))
			continue;
		n += leak_ledger__survivors(s->ledger, s->ranked[i].site, blocks + n,
					    REACH_PER_SITE);
		sites++;
	}
	if (n) {
		s->reach = reachability__new(blocks, n, &s->mappings);
		err = s->reach ? 0 : -errno;
	}
	free(blocks);
	return err;
}

int leak_search_reach(struct leak_search *s, bool begin)
{
	const struct reach_block *blocks;
	size_t n;
	int more = begin && !s->reach ? reach_begin(s) : 0;

	if (more || !s->reach)
		return more;
	more = reachability__step(s->reach, &s->memory, ROUND_BYTES);
	if (more > 0)
		return 0;
	if (!more) {
		blocks = reachability__blocks(s->reach, &n);
		leak_ledger__reached(s->ledger, blocks, n);
	}
	reachability__free(s->reach);
	s->reach = NULL;
	return more;
}

/* --- watchpoints --- */

/* The registers that Python's functions, or a debugger, do not hold. */
static bool slot_is_free(struct leak_search *s, uint32_t slot)
{
	struct keeper_watched watched;

	return keeper__watched(s->opts.keeper, slot, &watched) == -ENOENT;
}

/* The middle of the block: both ends are also touched by the allocator when neighbours move. */
static int watch_block(struct leak_search *s, uint32_t slot, const struct reach_block *block)
{
	uint64_t middle = block->size_bytes >= 32 ? block->size_bytes / 2 : 0;
	struct keeper_watch watch = {
		.address = (block->ptr + middle) & ~7ULL, .length = 8, .kind = WATCHPOINT_TOUCHES};
	struct keeper_watched out;

	return keeper__watch(s->opts.keeper, slot, &watch, &out);
}

void leak_search_watch(struct leak_search *s)
{
	/* Python's functions are given the first ones first. */
	uint32_t slots = WATCHPOINTS_MAX;

	for (size_t i = 0; i < s->ranked_n && s->watches_n < LEAK_WATCHES_MAX; i++) {
		struct reach_block block;
		int err;

		if (!is_probable(&s->ranked[i]) ||
		    s->ranked[i].watched_ns >= s->opts.config->watch_ns)
			continue;
		while (slots && !slot_is_free(s, slots - 1))
			slots--;
		if (!slots || !leak_ledger__survivors(s->ledger, s->ranked[i].site, &block, 1))
			continue;
		err = watch_block(s, slots - 1, &block);
		if (err) {
			log_info("leaks: a block cannot be watched: %s", err_str(err));
			continue;
		}
		s->watches[s->watches_n++] =
			(struct leak_watch){s->ranked[i].site, --slots, leak_search_now_ns()};
	}
}

bool leak_search_watched(const struct leak_search *s)
{
	uint64_t now_ns = leak_search_now_ns();

	for (size_t i = 0; i < s->watches_n; i++)
		if (now_ns - s->watches[i].since_ns < s->opts.config->watch_ns)
			return false;
	return true;
}

void leak_search_unwatch(struct leak_search *s)
{
	for (size_t i = 0; i < s->watches_n; i++) {
		const struct leak_watch *watch = &s->watches[i];
		struct keeper_watched watched;

		if (!keeper__watched(s->opts.keeper, watch->slot, &watched)) {
			leak_ledger__watched(s->ledger, watch->site,
					     leak_search_now_ns() - watch->since_ns, watched.hits);
			s->cost_round_ns += watched.hits * watched.cost_ns;
			s->cost_ns += watched.hits * watched.cost_ns;
		}
		(void)keeper__watch(s->opts.keeper, watch->slot, NULL, &watched);
	}
	s->watches_n = 0;
}

/* --- call sites --- */

static bool is_counted(const struct leak_search *s, uint64_t site)
{
	for (size_t i = 0; i < s->counters_n; i++)
		if (s->counters[i].site == site)
			return true;
	return false;
}

/* What the frame calls: the allocator itself, or operator new, or something else. */
static enum wire_alloc_function called_by(const struct leak_search *s,
					  const struct leak_stack *stack, size_t frame)
{
	const struct object_table *objects = s->opts.objects;
	uint32_t inner = frame ? stack->frames[frame - 1].object : OBJECT_NONE;

	if (!frame)
		return stack->function;
	if (frame == 1 && inner < objects->n_objects &&
	    !strncmp(objects->objects[inner]->basename, "libstdc++.so", strlen("libstdc++.so")) &&
	    stack->function == WIRE_ALLOC_MALLOC)
		return WIRE_ALLOC_NEW;
	return WIRE_ALLOC_OTHER;
}

static int count_site(struct leak_search *s, const struct leak_stack *stack,
		      struct leak_counter *counter)
{
	size_t own = leak_stack_own_frame(stack, s->opts.objects);
	const struct leak_stack_frame *frame = &stack->frames[own];
	struct alloc_site_plan plan;
	uint32_t number = (uint32_t)(counter - s->counters);
	int err;

	if (frame->object == OBJECT_NONE)
		return -EOPNOTSUPP;
	err = alloc_site_plan_make(&plan, s->opts.proc, s->opts.objects, frame->object,
				   frame->offset, called_by(s, stack, own), number, s->opts.avoid);
	if (err == -EOPNOTSUPP)
		log_info("leaks: a call cannot be counted: %s", plan.reason);
	if (err)
		return err;
	alloc_windows__site(s->windows, number, &counter->before);
	counter->booked = counter->before.calls + counter->before.returned;
	counter->since_ns = counter->booked_ns = leak_search_now_ns();
	return alloc_site_attach(s->opts.keeper, s->opts.objects, &plan, &counter->links);
}

void leak_search_count(struct leak_search *s)
{
	for (size_t i = 0; i < s->ranked_n && s->counters_n < WIRE_ALLOC_SITES_MAX; i++) {
		const struct leak_site *site = &s->ranked[i];
		const struct leak_stack *stack = leak_stacks__find(s->stacks, site->site);
		struct leak_counter *counter = &s->counters[s->counters_n];

		if (site->verdict != LEAK_CONFIRMED || site->blocks_per_s > COUNTED_PER_S ||
		    !stack || is_counted(s, site->site))
			continue;
		*counter = (struct leak_counter){.site = site->site};
		s->counters_n++;
		counter->over = count_site(s, stack, counter) != 0;
	}
}

/* Both ends are taken for the dear kind of place.  Returns the part of a CPU since the last time.
 */
static double book(struct leak_search *s, struct leak_counter *counter,
		   const struct wire_alloc_site *now, uint64_t now_ns)
{
	uint64_t hits = now->calls + now->returned;
	uint64_t cost_ns = (hits - counter->booked) * s->opts.calibration.trap[TRAP_STEPPED].hot_ns;
	uint64_t elapsed_ns = now_ns - counter->booked_ns;

	counter->booked = hits;
	counter->booked_ns = now_ns;
	s->cost_round_ns += cost_ns;
	s->cost_ns += cost_ns;
	return elapsed_ns ? (double)cost_ns / (double)elapsed_ns : 0;
}

/* What was rare when it was found need not stay so.  What was counted then says nothing of now. */
static void take_off(struct leak_search *s, struct leak_counter *counter, double part)
{
	log_info("leaks: a call is not counted any more: that costs %.2g %% of a CPU by now",
		 part * 100);
	link_list_free(&counter->links);
	counter->over = true;
	leak_ledger__counted(s->ledger, counter->site, 0, 0, 0);
}

void leak_search_counted(struct leak_search *s)
{
	double dearest = 0, sum = 0;
	size_t dear = 0;

	for (size_t i = 0; i < s->counters_n; i++) {
		struct leak_counter *counter = &s->counters[i];
		uint64_t now_ns = leak_search_now_ns();
		struct wire_alloc_site now;
		double part;

		if (counter->over)
			continue;
		alloc_windows__site(s->windows, (uint32_t)i, &now);
		part = book(s, counter, &now, now_ns);
		sum += part;
		if (part > dearest) {
			dearest = part;
			dear = i;
		}
		if (now_ns - counter->since_ns >= s->opts.config->settle_ns)
			leak_ledger__counted(
				s->ledger, counter->site, now.calls - counter->before.calls,
				now.bytes - counter->before.bytes, now_ns - counter->since_ns);
	}
	if (sum > s->opts.share)
		take_off(s, &s->counters[dear], dearest);
}
