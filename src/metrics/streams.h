/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * streams.h - when does a stream end?
 *
 * The kernel says when a stream opens, when it gives its first output, and when the next `from`
 * of the same key ends it.  Otherwise it ends, as of its last output, when the next stage of its
 * turn begins or when `gap` has passed without output; outputs after that are not its.
 */
#ifndef CHESHIRE_METRICS_STREAMS_H
#define CHESHIRE_METRICS_STREAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

#define STREAMS_MAX 256 /* followed at once, those just closed included */

enum stream_step {
	STREAM_BEGIN = 1,
	STREAM_FIRST = 2, /* span->first_ns is valid */
	STREAM_END = 3,	  /* everything is valid */
	STREAM_EMPTY = 4, /* closed without any output */
};

typedef void (*stream_fn)(void *ctx, enum stream_step step, const struct wire_span *span);

/* The newest state of a stream in the kernel's table: 0, or -ENOENT when it is not there. */
typedef int (*stream_lookup_fn)(void *ctx, const struct wire_stream_key *key,
				struct wire_stream *out);

struct streams;

/* NULL and errno on failure.  `config` is kept by reference. */
struct streams *streams__new(const struct config *config, stream_fn fn, void *ctx);
void streams__free(struct streams *streams);

/* Who is asked about a stream that is to be closed; without it what was polled has to do. */
void streams__lookup_by(struct streams *streams, stream_lookup_fn lookup, void *ctx);

/* A record of a stream stage (OPEN, FIRST or CLOSED). */
void streams__feed(struct streams *streams, const struct wire_span *span);
/* A span of `stage` began: streams of other stages in the same turn end. */
void streams__next_stage(struct streams *streams, const struct wire_span *span);
/* Ends streams whose gap has passed at `time_ns`. */
void streams__tick(struct streams *streams, uint64_t time_ns);
/* The target is gone: what had output so far has ended with it. */
void streams__end_all(struct streams *streams);

/* For the look-up: the i-th key worth asking for, i < STREAMS_MAX; false: none at i. */
bool streams__wanted(const struct streams *streams, size_t i, struct wire_stream_key *key);
/*
 * The answer; state NULL: the kernel has it no more.  Returns true when the kernel should forget
 * it: it is closed here, and what was found is still the same stream.
 */
bool streams__state(struct streams *streams, size_t i, const struct wire_stream *state);

uint64_t streams__full(const struct streams *streams);	/* not followed: no room */
uint64_t streams__empty(const struct streams *streams); /* closed without output */

#endif /* CHESHIRE_METRICS_STREAMS_H */
