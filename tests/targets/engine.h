/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The interface of libengine.so, a speech engine that only spends time: a quarter of what it is
 * asked for on the CPU, the rest asleep.
 */
#ifndef TESTS_TARGETS_ENGINE_H
#define TESTS_TARGETS_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

/* What a handle does; its name is behind two pointers: *(*(handle + 8) + 8). */
struct engine_search {
	uint64_t version;
	const char *name; /* "kws" or "ngram" */
};

struct engine {
	uint64_t magic;
	const struct engine_search *search; /* at 8 */
	const char *hit;		    /* what get_hit() returns; kept until the next hit */
	int chunks_left;		    /* of the stream */
	long chunk_us;
};

/* An answer, its audio behind two pointers: rate *(*(ret + 8) + 8), samples *(*(ret + 8) + 12). */
struct engine_audio {
	const int16_t *samples;
	int32_t rate;	     /* at 8 */
	int32_t samples_cnt; /* at 12 */
};

struct engine_answer {
	uint64_t magic;
	struct engine_audio *audio; /* at 8 */
};

void set_keyword(struct engine *engine);
void set_grammar(struct engine *engine);

/* One frame; hits when its first sample is negative, and then returns 1. */
int process_frame(struct engine *engine, const int16_t *samples, long samples_cnt, long us);

/* The newest hit of the engine, NULL before the first. */
const char *get_hit(const struct engine *engine);

/* A stream: next_chunk() returns the size of one of `chunks` chunks, in the end 0. */
void begin_stream(struct engine *engine, int chunks, long us);
int next_chunk(struct engine *engine);

/* Returns `wanted`; negative is an error. */
int parse_text(struct engine *engine, int wanted, long us);

/* Fills and returns the caller's answer. */
struct engine_answer *make_answer(struct engine_answer *answer, long us);

/* Eight integer arguments: session and us are on the stack. Both return the sum of the others. */
uint64_t hear_eight(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f,
		    uint64_t session, long us);
uint64_t speak_eight(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f,
		     uint64_t session, long us);

#endif /* TESTS_TARGETS_ENGINE_H */
