/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sampled_spans.h - what was seen of Python's frames at points of time becomes spans.
 *
 * Pure.  Fed with the records of python_sample.bpf.c: the frames of named functions on one thread,
 * whenever they are not those of before.  A span begins in the middle between the last look at
 * which its frame was not there and the first at which it was, and ends likewise: either end is
 * wrong by at most half of that.  Example: looks every 2 ms; a frame is missing at 10 ms, there
 * from 12 to 30 ms, missing at 32 ms: a span from 11 to 31 ms.
 *
 * What cannot be told apart is one: a frame that ends, and another one of the same function in the
 * same place before the next look.  A call that no look falls into is none.  So the number of spans
 * is a lower bound, and a latency may be that of several calls in a row.
 *
 * A generator or coroutine that leaves its thread may come back.  Its span is from its making to
 * its end, both told by records of python_generators.bpf.h; while it is seen on no thread it counts
 * as waiting (other).  Of one that was seen on a thread, but not being made, nobody knows since
 * when it is there: it is not counted.
 */
#ifndef CHESHIRE_PYTHON_SAMPLED_SPANS_H
#define CHESHIRE_PYTHON_SAMPLED_SPANS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cheshire/wire_python.h"

/* Frames that are followed at the same time; further ones are counted as lost. */
#define SAMPLED_SPANS_MAX 512

/* Frames that were there before. */
#define SAMPLED_UNDER_WAY_MAX 1024

struct sampled_spans;

struct sampled_spans_ops {
	/* Something of the stage is in flight since then; what is returned is given back. */
	uint32_t (*opened)(void *ctx, uint32_t stage, uint64_t start_ns, uint32_t tid);
	void (*landed)(void *ctx, uint32_t stage, uint32_t slot);
	/* A span is over: valid during the call. */
	void (*span)(void *ctx, const struct wire_span *span);
};

struct sampled_spans_stats {
	uint64_t spans;
	uint64_t under_way; /* nobody saw them begin: not counted */
	uint64_t lost; /* more frames at the same time than are followed; ends that were lost */
};

/* NULL and errno. */
struct sampled_spans *sampled_spans__new(const struct sampled_spans_ops *ops, void *ctx);
void sampled_spans__free(struct sampled_spans *s);

/* A record, in the order of its thread; decoded, its values may be anything. */
void sampled_spans__feed(struct sampled_spans *s, const struct wire_python_sample *sample);
/* A generator or coroutine was made, or is over. */
void sampled_spans__generator(struct sampled_spans *s,
			      const struct wire_python_generator *generator);
/* The class of a code object, that is, stage + 1 or WIRE_PYTHON_NOTHING. */
void sampled_spans__resolve(struct sampled_spans *s, uint64_t code, uint32_t cls);

/* A frame: of a generator that is not on any thread just now. */
struct sampled_suspended {
	uint64_t frame;
	uint64_t code;
};

/*
 * Of those that are for a second or more, whose end may have been lost: writes at most `n`, and
 * returns how many.
 */
size_t sampled_spans__suspended(const struct sampled_spans *s, uint64_t now_ns,
				struct sampled_suspended *out, size_t n);
/* A generator or coroutine of a stage that is on no thread just now. */
struct sampled_waiting {
	uint64_t frame;
	uint64_t code;
	uint32_t stage;
};

/* Of those that began before that: writes at most `n`, and returns how many. */
size_t sampled_spans__waiting(const struct sampled_spans *s, uint64_t before_ns,
			      struct sampled_waiting *out, size_t n);
/*
 * One of them is over, and its end was not told; when this is still so a second later, it is
 * forgotten and counted as lost.  True: it was.
 */
bool sampled_spans__gone(struct sampled_spans *s, uint64_t frame, uint64_t code, uint64_t now_ns);

/* Nobody looks any more: what is open is forgotten. */
void sampled_spans__stop(struct sampled_spans *s);
/*
 * Frames that were there before the looks began, as far as they could be read: spans of those are
 * not counted.  Copied; before it is called all are, that are there at the first look.
 */
void sampled_spans__under_way(struct sampled_spans *s, const struct sampled_suspended *frames,
			      size_t n);

void sampled_spans__stats(const struct sampled_spans *s, struct sampled_spans_stats *out);

#endif
