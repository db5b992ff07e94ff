/* SPDX-License-Identifier: GPL-2.0-only */
/* libengine.so: see engine.h. It is a library so that its stages are found through its name. */
#include "engine.h"
#include "truth.h"

#include <errno.h>
#include <time.h>

static uint64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void spend(long us)
{
	uint64_t burnt_ns = cpu_ns() + (uint64_t)us * 250;
	long left_ns = us * 750;
	struct timespec left = {.tv_sec = left_ns / 1000000000, .tv_nsec = left_ns % 1000000000};

	if (!us)
		return;
	while (cpu_ns() < burnt_ns)
		;
	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR)
		;
	TRUTH_BARRIER();
}

/* As engines do that choose by it: a page that nobody has read yet, BPF cannot read either. */
static void use_search(struct engine *engine, const struct engine_search *search)
{
	const volatile char *name = search->name;

	engine->search = *name ? search : NULL;
}

static const struct engine_search keyword_search = {1, "kws"};
static const struct engine_search grammar_search = {1, "ngram"};

STAGE void set_keyword(struct engine *engine)
{
	use_search(engine, &keyword_search);
}

STAGE void set_grammar(struct engine *engine)
{
	use_search(engine, &grammar_search);
}

STAGE int process_frame(struct engine *engine, const int16_t *samples, long samples_cnt, long us)
{
	bool hit = samples_cnt > 0 && samples[0] < 0;

	spend(us);
	if (hit)
		engine->hit = engine->search->name;
	return hit;
}

STAGE const char *get_hit(const struct engine *engine)
{
	return engine->hit;
}

STAGE void begin_stream(struct engine *engine, int chunks, long us)
{
	engine->chunks_left = chunks;
	engine->chunk_us = us;
	spend(us);
}

STAGE int next_chunk(struct engine *engine)
{
	if (!engine->chunks_left)
		return 0;
	spend(engine->chunk_us);
	return 100 + engine->chunks_left--;
}

STAGE int parse_text(struct engine *engine, int wanted, long us)
{
	spend(us);
	return engine->magic ? wanted : 0;
}

STAGE struct engine_answer *make_answer(struct engine_answer *answer, long us)
{
	spend(us);
	answer->audio->rate = 22050;
	answer->audio->samples_cnt = (int32_t)(us * 5);
	return answer;
}

STAGE uint64_t hear_eight(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f,
			  uint64_t session, long us)
{
	spend(us);
	return session ? a + b + c + d + e + f : 0;
}

STAGE uint64_t speak_eight(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f,
			   uint64_t session, long us)
{
	spend(us);
	return session ? a + b + c + d + e + f : 0;
}
