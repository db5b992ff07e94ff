/* SPDX-License-Identifier: GPL-2.0-only */
/* leak_search_window.c - windows on the allocator, and what became of the blocks seen in them. */
#include "watch/leak_search_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "log/log.h"
#include "watch/alloc_window.h"

/*
 * A target that allocates next to nothing: the window ends by time.  What is open costs nothing but
 * its calls, so that it lasts for half of the time where these are few.
 */
#define WINDOW_MS_MIN 200
#define WINDOW_MS_MAX 2000
#define WAIT_NS	      20000000ULL /* until the next look at `stop` */
/*
 * Most programs map memory seldom: windows that are full of malloc()s would hardly see it.  So some
 * are for mappings alone, and last; fewer where there are none.
 */
#define MAPPINGS_MS	    1000
#define MAPPINGS_EVERY	    3
#define MAPPINGS_EVERY_SLOW 12
#define MAPPINGS_TRIES	    3
#define CHECKS_MAX	    4096
/* Sampled by size, more coarsely when a window gives more records than are kept. */
#define SAMPLE_BYTES_MIN 64U
#define SAMPLE_BYTES_MAX (16U << 20)
/* Of a window, together less than ALLOC_BLOCKS_FIT: chance may bring more. */
#define RECORDS_WANTED	     280
#define BRIEF_RECORDS_WANTED 140

/* While the probes are on, lists of free chunks are not followed for longer than some 0.1 ms. */
#define LOOK_CHUNKS_MAX 64

#define RECORD_BYTES (offsetof(struct wire_alloc, stack) + LEAK_STACK_KEPT)

static void on_block(void *ctx, const struct wire_alloc *block)
{
	struct leak_search *s = ctx;
	struct wire_alloc *kept;
	size_t bytes = block->head.kind == WIRE_ALLOC_BLOCK ? block->stack_bytes : 0;

	if (block->head.kind != WIRE_ALLOC_BLOCK)
		return;
	if (s->records_n == LEAK_RECORDS_MAX) {
		s->records_lost++;
		return;
	}
	if (bytes > LEAK_STACK_KEPT)
		bytes = LEAK_STACK_KEPT;
	kept = (struct wire_alloc *)(s->records + s->records_n++ * RECORD_BYTES);
	memcpy(kept, block, offsetof(struct wire_alloc, stack) + bytes);
	kept->stack_bytes = (uint32_t)bytes;
}

static const struct wire_alloc *record_at(const struct leak_search *s, size_t i)
{
	return (const struct wire_alloc *)(s->records + i * RECORD_BYTES);
}

/* How many of the window's calls would become records, were they sampled so. */
static double expected(const struct leak_search *s, bool brief, uint32_t sample_bytes)
{
	double sum = 0;

	for (size_t i = 0; i < s->records_n; i++) {
		struct wire_alloc_head head = record_at(s, i)->head;
		double weight = alloc_block_weight(&head);

		if (head.brief != brief)
			continue;
		head.sample_bytes = sample_bytes;
		sum += weight / alloc_block_weight(&head);
	}
	return sum;
}

static uint32_t sample_bytes_for(const struct leak_search *s, bool brief, double records_max)
{
	uint32_t sample_bytes = 0;

	while (sample_bytes < SAMPLE_BYTES_MAX && expected(s, brief, sample_bytes) > records_max)
		sample_bytes = sample_bytes ? sample_bytes * 2 : SAMPLE_BYTES_MIN;
	return sample_bytes;
}

/*
 * A window ends with its number of calls, or when no more records fit: so many are to be sampled
 * that the next has room for all.  One that ended by time is followed by one of as few calls, and
 * if that is wrong, then it is a short one.
 */
static void adapt(struct leak_search *s, const struct alloc_window_stats *stats)
{
	double part = stats->ended ? (double)stats->calls / s->opts.config->calls : 1;

	if (!s->records_n) {
		/* Nothing to go by but that it was too little. */
		s->sample_bytes /= 2;
		s->brief_sample_bytes /= 2;
		return;
	}
	part *= (double)s->records_n / (double)(s->records_n + s->records_lost);
	s->sample_bytes = sample_bytes_for(s, false, RECORDS_WANTED * part);
	s->brief_sample_bytes = sample_bytes_for(s, true, BRIEF_RECORDS_WANTED * part);
}

/* Before a window. */
static int tell_brief(struct leak_search *s)
{
	uint64_t *paths = calloc(CALL_PATHS_MAX, sizeof(*paths));
	int err = paths ? 0 : -ENOMEM;
	size_t n;

	if (!err) {
		n = call_paths__brief(s->paths, s->ledger, paths, CALL_PATHS_MAX);
		log_debug("leaks: blocks of %zu paths do not last", n);
		err = alloc_windows__brief(s->windows, paths, n);
	}
	free(paths);
	return err;
}

static bool gives_mappings(uint8_t function)
{
	return function == WIRE_ALLOC_MMAP || function == WIRE_ALLOC_MREMAP;
}

/* Mappings of the program's own have no allocator that knows of them: they are there, or not. */
static void judge_mapping(const struct leak_search *s, struct block_check *check)
{
	bool there = mappings_at(&s->mappings, check->ptr) != NULL;

	check->state = there ? BLOCK_LIVE : BLOCK_FREED;
	check->evidence = there ? BLOCK_EVIDENCE_NONE : BLOCK_EVIDENCE_UNMAPPED;
}

/* Only where it is known (head.kept): its address was given to another call. */
static bool was_reused(const struct leak_search *s, const struct wire_alloc_head *head)
{
	return head->kept && !alloc_windows__keeps(s->windows, head->pointer);
}

/* Most were handed out again already: only the others are looked at. */
static size_t choose_looks(struct leak_search *s, bool mappings, size_t looks_n)
{
	for (size_t i = 0; i < s->records_n; i++) {
		const struct wire_alloc_head *head = &record_at(s, i)->head;

		if (gives_mappings(head->function) == mappings && !was_reused(s, head))
			s->looks[looks_n++] = (struct block_check){
				.ptr = head->pointer, .size_bytes = head->size_bytes, .id = i};
	}
	return looks_n;
}

/*
 * Which of the blocks are there, while the probes still see whether their addresses are handed out
 * again.  The target pays for it: those of the heap are judged by one pass over their chunks.
 */
static int look(void *ctx)
{
	struct leak_search *s = ctx;
	size_t heap_n = choose_looks(s, false, 0), n = choose_looks(s, true, heap_n);
	int err;

	s->looked_ns = leak_search_now_ns();
	err = n > heap_n ? leak_search_read_mappings(s) : 0;
	survivor_judge__follow_at_most(s->judge, LOOK_CHUNKS_MAX);
	if (!err && heap_n)
		err = survivor_judge__check(s->judge, &s->memory, s->looks, heap_n);
	survivor_judge__follow_at_most(s->judge, 0);
	for (size_t i = heap_n; !err && i < n; i++)
		judge_mapping(s, &s->looks[i]);
	s->looked_n = err ? 0 : n;
	log_debug("leaks: %zu of %zu blocks of a window looked at in %llu us", n, s->records_n,
		  (unsigned long long)(leak_search_now_ns() - s->looked_ns) / 1000);
	return err;
}

/* What became of the block until the probes came off. */
static void fill_fate(const struct leak_search *s, const struct wire_alloc_head *head,
		      const struct block_check *look, struct leak_sample *sample)
{
	if (look && look->state == BLOCK_FREED)
		sample->ended = look->evidence;
	else if (was_reused(s, head))
		sample->ended = BLOCK_EVIDENCE_REUSED;
	else if (!head->kept || !look)
		sample->unseen = true;
	if (!look)
		return;
	sample->looked_ns = s->looked_ns;
	sample->fingerprint = look->fingerprint;
	sample->unknowable = look->state == BLOCK_UNKNOWABLE;
}

static int take_over(struct leak_search *s, const struct alloc_window_stats *stats,
		     bool mappings_only)
{
	const struct leak_window window = {.opened_ns = stats->opened_ns,
					   .closed_ns = stats->ended_ns,
					   .hits = stats->calls,
					   .sampled = s->records_n,
					   .mappings_only = mappings_only};
	const struct block_check *looks[LEAK_RECORDS_MAX] = {};
	int err = leak_ledger__window(s->ledger, &window);

	for (size_t i = 0; i < s->looked_n; i++)
		looks[s->looks[i].id] = &s->looks[i];
	for (size_t i = 0; i < s->records_n && !err; i++) {
		const struct wire_alloc *r = record_at(s, i);
		struct leak_sample sample = {.ptr = r->head.pointer,
					     .size_bytes = r->head.size_bytes,
					     .time_ns = r->head.time_ns,
					     .mapping = gives_mappings(r->head.function),
					     .stands_for = alloc_block_weight(&r->head)};

		fill_fate(s, &r->head, looks[i], &sample);
		sample.site = leak_stacks__add(s->stacks, s->opts.objects, r);
		call_paths__saw(s->paths, r->head.path, sample.site);
		if (sample.site)
			err = leak_ledger__add(s->ledger, &sample);
	}
	return err;
}

static bool plans_mappings(const struct leak_search *s)
{
	for (size_t i = 0; i < s->plan.places_n; i++)
		if (s->plan.places[i].functions & ALLOC_MAPPINGS)
			return true;
	return false;
}

static bool is_turn_of_mappings(struct leak_search *s)
{
	bool none = !s->mappings_seen && s->mappings_turns_n >= MAPPINGS_TRIES;
	uint32_t every = none ? MAPPINGS_EVERY_SLOW : MAPPINGS_EVERY;

	return ++s->windows_n % every == 0 && plans_mappings(s);
}

static void only_mappings(struct leak_search *s, struct alloc_window_job *job)
{
	job->functions = ALLOC_MAPPINGS;
	job->opts.sample_bytes = job->opts.brief_sample_bytes = 0;
	job->opts.outer_only = true;
	job->time_max_ms = MAPPINGS_MS;
	s->mappings_turns_n++;
}

static int window_ms(uint64_t interval_ns)
{
	uint64_t half_ms = interval_ns / 2 / 1000000;

	if (half_ms < WINDOW_MS_MIN)
		return WINDOW_MS_MIN;
	return half_ms < WINDOW_MS_MAX ? (int)half_ms : WINDOW_MS_MAX;
}

/* Not for longer than somebody waits for the round's end. */
static void wait_for(const struct leak_search *s, uint64_t delay_ns)
{
	uint64_t end_ns = leak_search_now_ns() + delay_ns, now_ns;

	while (!*s->opts.stop && (now_ns = leak_search_now_ns()) < end_ns) {
		uint64_t left_ns = end_ns - now_ns < WAIT_NS ? end_ns - now_ns : WAIT_NS;

		nanosleep(&(struct timespec){.tv_nsec = (long)left_ns}, NULL);
	}
}

int leak_search_window(struct leak_search *s, uint64_t delay_ns)
{
	bool mappings_only = is_turn_of_mappings(s);
	struct alloc_window_job job = {.keeper = s->opts.keeper,
				       .objects = s->opts.objects,
				       .windows = s->windows,
				       .plan = &s->plan,
				       .functions = ALLOC_BLOCKS | ALLOC_MAPPINGS,
				       .opts = {.calls_max = s->opts.config->calls,
						.sample_bytes = s->sample_bytes,
						.brief_sample_bytes = s->brief_sample_bytes},
				       .time_max_ms = window_ms(s->opts.config->interval_ns),
				       .stop = s->opts.stop,
				       .block = on_block,
				       .look = look,
				       .ctx = s};
	const struct calibration *c = &s->opts.calibration;
	struct alloc_window_stats stats;
	int err;

	s->records = malloc(LEAK_RECORDS_MAX * RECORD_BYTES);
	s->looks = malloc(LEAK_RECORDS_MAX * sizeof(*s->looks));
	s->records_n = s->records_lost = s->looked_n = 0;
	err = s->records && s->looks ? 0 : -ENOMEM;
	if (mappings_only)
		only_mappings(s, &job);
	wait_for(s, delay_ns);
	/* Before the probes are there, so that the look is short. */
	err = err ?: survivor_judge__prepare(s->judge, &s->memory, &s->mappings, s->data_inode);
	err = err ?: tell_brief(s);
	err = err ?: alloc_window_run(&job, &stats);
	if (!err) {
		s->cost_round_ns = alloc_window_cost_ns(&stats, c->trap[TRAP_EMULATED].hot_ns,
							c->trap[TRAP_STEPPED].hot_ns);
		s->cost_ns += s->cost_round_ns;
		s->lost += s->records_lost + stats.counters[WIRE_ALLOC_CTR_LOST];
		if (!mappings_only)
			adapt(s, &stats);
		s->mappings_seen |= mappings_only && s->records_n;
		err = take_over(s, &stats, mappings_only);
	}
	free(s->records);
	free(s->looks);
	s->records = NULL;
	s->looks = NULL;
	return err;
}

static bool is_mapping(const struct leak_search *s, uint64_t site)
{
	const struct leak_stack *stack = leak_stacks__find(s->stacks, site);

	return stack && gives_mappings((uint8_t)stack->function);
}

static size_t judge_mappings(const struct leak_search *s, struct block_check *checks, size_t n)
{
	size_t first = 0;

	/* Those that are judged here come first. */
	for (size_t i = 0; i < n; i++) {
		struct block_check check = checks[i];

		if (!is_mapping(s, check.site))
			continue;
		judge_mapping(s, &check);
		checks[i] = checks[first];
		checks[first++] = check;
	}
	return first;
}

int leak_search_check(struct leak_search *s)
{
	uint64_t now_ns = leak_search_now_ns();
	struct block_check *checks;
	size_t n, mapped;
	int err;

	if (leak_ledger__next_due_ns(s->ledger) > now_ns)
		return 0;
	checks = calloc(CHECKS_MAX, sizeof(*checks));
	if (!checks)
		return -ENOMEM;
	err = survivor_judge__prepare(s->judge, &s->memory, &s->mappings, s->data_inode);
	n = err ? 0 : leak_ledger__due(s->ledger, now_ns, checks, CHECKS_MAX);
	mapped = judge_mappings(s, checks, n);
	if (n > mapped)
		err = survivor_judge__check(s->judge, &s->memory, checks + mapped, n - mapped);
	if (n && !err)
		leak_ledger__judged(s->ledger, checks, n, now_ns);
	free(checks);
	return err;
}
