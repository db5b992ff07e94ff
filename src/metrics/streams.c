/* SPDX-License-Identifier: GPL-2.0-only */
#include "metrics/streams.h"

#include <stdlib.h>
#include <string.h>

#include "metrics/turns.h"

/* A stream without any output is given up after so long, or its stage's hang limit. */
#define SILENT_NS (30ULL * 1000000000ULL)

enum stream_state {
	FREE = 0,
	OPEN = 1,
	CLOSED = 2,    /* by us; the kernel may still have it */
	FORGOTTEN = 3, /* ... not any more: kept to know its CLOSED record again */
};

struct stream {
	enum stream_state state;
	bool first_said;
	struct wire_span span;
};

struct streams {
	const struct config *config;
	stream_fn fn;
	void *ctx;
	stream_lookup_fn lookup;
	void *lookup_ctx;
	uint64_t full, empty;
	struct stream stream[STREAMS_MAX];
};

struct streams *streams__new(const struct config *config, stream_fn fn, void *ctx)
{
	struct streams *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->config = config;
	s->fn = fn;
	s->ctx = ctx;
	return s;
}

void streams__free(struct streams *s)
{
	free(s);
}

void streams__lookup_by(struct streams *s, stream_lookup_fn lookup, void *ctx)
{
	s->lookup = lookup;
	s->lookup_ctx = ctx;
}

static void say_first(struct streams *s, struct stream *stream)
{
	if (stream->first_said || !stream->span.first_ns)
		return;
	stream->first_said = true;
	s->fn(s->ctx, STREAM_FIRST, &stream->span);
}

/* until_ns: when that is found, for those that had no output. */
static void close_stream(struct streams *s, struct stream *stream, uint64_t until_ns)
{
	stream->state = CLOSED;
	if (!stream->span.first_ns) {
		/* It has waited in vain for so long. */
		stream->span.end_ns = until_ns > stream->span.start_ns ? until_ns
								       : stream->span.start_ns;
		s->empty++;
		s->fn(s->ctx, STREAM_EMPTY, &stream->span);
		return;
	}
	say_first(s, stream);
	s->fn(s->ctx, STREAM_END, &stream->span);
}

static void take_state(struct wire_span *span, const struct wire_stream *state)
{
	span->first_ns = state->first_ns;
	span->end_ns = state->last_ns > span->start_ns ? state->last_ns : span->start_ns;
	if (span->first_ns > span->end_ns)
		span->end_ns = span->first_ns;
	span->handle = state->handle;
	span->work = state->work;
	span->per_second = state->per_second;
	span->outputs = state->outputs;
	span->cpu_ns = state->cpu_ns;
	span->process_cpu_ns = state->process_cpu_ns;
	memcpy(span->wait_ns, state->wait_ns, sizeof(span->wait_ns));
	/* An output on another thread takes the CPU time back. */
	span->flags &= ~(uint32_t)WIRE_SPAN_CPU;
	span->flags |= state->flags &
		       (WIRE_SPAN_CPU | WIRE_SPAN_ERROR | WIRE_SPAN_WORK | WIRE_SPAN_RATE);
}

/*
 * Before a stream is closed: what has it put out since it was last looked at?  Records are joined
 * a moment late, so a short stream has never been looked at.  Outputs after `until_ns` are not its.
 */
static void refresh(struct streams *s, struct stream *stream, uint64_t until_ns)
{
	const struct wire_stream_key key = {.key = stream->span.key, .stage = stream->span.stage};
	struct wire_stream state;

	if (!s->lookup || s->lookup(s->lookup_ctx, &key, &state) ||
	    state.start_ns != stream->span.start_ns || !state.outputs)
		return;
	if (state.first_ns >= state.start_ns && state.last_ns <= until_ns)
		take_state(&stream->span, &state);
}

static struct stream *find(struct streams *s, const struct wire_span *span, bool same_start)
{
	for (size_t i = 0; i < STREAMS_MAX; i++) {
		struct stream *stream = &s->stream[i];

		if (stream->state == FREE || stream->span.stage != span->stage ||
		    stream->span.key != span->key)
			continue;
		if (!same_start || stream->span.start_ns == span->start_ns)
			return stream;
	}
	return NULL;
}

/* The place of this key, else a free one, else the oldest that is closed, else NULL. */
static struct stream *place(struct streams *s, const struct wire_span *span)
{
	struct stream *best = find(s, span, false);

	for (size_t i = 0; i < STREAMS_MAX && !best; i++)
		if (s->stream[i].state == FREE)
			best = &s->stream[i];
	for (size_t i = 0; i < STREAMS_MAX; i++) {
		struct stream *stream = &s->stream[i];

		if (best && best->state != FORGOTTEN)
			break;
		if (stream->state == FORGOTTEN &&
		    (!best || stream->span.start_ns < best->span.start_ns))
			best = stream;
	}
	return best;
}

static void feed_open(struct streams *s, const struct wire_span *span)
{
	struct stream *stream = place(s, span);

	if (!stream) {
		s->full++;
		return;
	}
	if (stream->state != FREE && stream->span.stage == span->stage &&
	    stream->span.key == span->key && stream->span.start_ns >= span->start_ns)
		return;
	if (stream->state == OPEN)
		close_stream(s, stream, span->start_ns);
	stream->state = OPEN;
	stream->first_said = false;
	stream->span = *span;
	stream->span.first_ns = 0;
	stream->span.end_ns = span->start_ns;
	s->fn(s->ctx, STREAM_BEGIN, &stream->span);
}

/* A stream whose opening we were not told: its record has all there is to know. */
static void feed_whole(struct streams *s, const struct wire_span *span)
{
	struct stream stream = {.span = *span};

	s->fn(s->ctx, STREAM_BEGIN, span);
	close_stream(s, &stream, span->hdr.ts_ns);
}

/* The first output: everything there is to know of the stream if it stays the only one. */
static void take_first(struct wire_span *stream, const struct wire_span *first)
{
	const struct wire_hdr hdr = stream->hdr;
	const uint64_t end_ns = stream->end_ns;

	*stream = *first;
	stream->hdr = hdr;
	stream->flags &= ~(uint32_t)WIRE_SPAN_STREAM_FIRST;
	if (stream->end_ns < end_ns)
		stream->end_ns = end_ns;
}

void streams__feed(struct streams *s, const struct wire_span *span)
{
	struct stream *stream;

	if (span->flags & WIRE_SPAN_STREAM_OPEN) {
		feed_open(s, span);
		return;
	}
	stream = find(s, span, true);
	if (span->flags & WIRE_SPAN_STREAM_FIRST) {
		if (!stream) {
			feed_open(s, span);
			stream = find(s, span, true);
		}
		if (!stream || stream->state != OPEN || stream->span.first_ns)
			return;
		take_first(&stream->span, span);
		say_first(s, stream);
		return;
	}
	if (!stream) {
		feed_whole(s, span);
	} else if (stream->state == OPEN) {
		/* The record is made on the thread of the next `from`: the stream keeps its own. */
		struct wire_hdr hdr = stream->span.hdr;

		stream->span = *span;
		stream->span.hdr = hdr;
		close_stream(s, stream, span->hdr.ts_ns);
		stream->state = FORGOTTEN;
	}
}

static bool same_turn(const struct streams *s, const struct wire_span *a, const struct wire_span *b)
{
	uint64_t key_a, key_b;
	bool keyed_a = turn_key_of(&s->config->turn, a, &key_a);
	bool keyed_b = turn_key_of(&s->config->turn, b, &key_b);

	return keyed_a == keyed_b && key_a == key_b;
}

void streams__next_stage(struct streams *s, const struct wire_span *span)
{
	struct stream *found = NULL;
	uint64_t key;
	size_t n = 0;

	for (size_t i = 0; i < STREAMS_MAX; i++) {
		struct stream *stream = &s->stream[i];

		if (stream->state != OPEN || stream->span.stage == span->stage ||
		    stream->span.start_ns > span->start_ns ||
		    !s->config->stages[stream->span.stage].turn)
			continue;
		if (!same_turn(s, &stream->span, span))
			continue;
		/* No output so far: that stage is not through, whatever runs beside it. */
		if (!stream->span.first_ns)
			continue;
		found = stream;
		n++;
		if (!turn_key_of(&s->config->turn, span, &key))
			continue;
		refresh(s, stream, span->start_ns);
		close_stream(s, stream, span->start_ns);
	}
	/* Without a key: only where there is no doubt which stream it is. */
	if (n == 1 && found->state == OPEN) {
		refresh(s, found, span->start_ns);
		close_stream(s, found, span->start_ns);
	}
}

/* Is the stream over by then?  A first output may be late, and the stage be said to hang. */
static bool overdue(const struct streams *s, const struct stream *stream, uint64_t time_ns)
{
	const struct stage_config *stage = &s->config->stages[stream->span.stage];
	uint64_t patience_ns = stage->gap_ns;

	if (!stream->span.first_ns && patience_ns < SILENT_NS)
		patience_ns = SILENT_NS;
	if (!stream->span.first_ns && patience_ns < stage->hang_ns)
		patience_ns = stage->hang_ns;
	return time_ns > stream->span.end_ns + patience_ns;
}

void streams__tick(struct streams *s, uint64_t time_ns)
{
	for (size_t i = 0; i < STREAMS_MAX; i++) {
		struct stream *stream = &s->stream[i];

		if (stream->state != OPEN || !overdue(s, stream, time_ns))
			continue;
		refresh(s, stream, UINT64_MAX);
		if (overdue(s, stream, time_ns))
			close_stream(s, stream, time_ns);
	}
}

void streams__end_all(struct streams *s)
{
	for (size_t i = 0; i < STREAMS_MAX; i++) {
		struct stream *stream = &s->stream[i];

		if (stream->state != OPEN)
			continue;
		refresh(s, stream, UINT64_MAX);
		if (stream->span.first_ns)
			close_stream(s, stream, stream->span.end_ns);
	}
}

bool streams__wanted(const struct streams *s, size_t i, struct wire_stream_key *key)
{
	const struct stream *stream = &s->stream[i];

	if (stream->state != OPEN && stream->state != CLOSED)
		return false;
	*key = (struct wire_stream_key){.key = stream->span.key, .stage = stream->span.stage};
	return true;
}

bool streams__state(struct streams *s, size_t i, const struct wire_stream *state)
{
	struct stream *stream = &s->stream[i];
	/* Another stream of the same key may have taken its place since. */
	bool same = state && state->start_ns == stream->span.start_ns;

	if (stream->state == CLOSED) {
		stream->state = FORGOTTEN;
		return same;
	}
	if (stream->state != OPEN || !same)
		return false;
	if (state->first_ns >= state->start_ns && state->outputs)
		take_state(&stream->span, state);
	say_first(s, stream);
	return false;
}

uint64_t streams__full(const struct streams *s)
{
	return s->full;
}

uint64_t streams__empty(const struct streams *s)
{
	return s->empty;
}
