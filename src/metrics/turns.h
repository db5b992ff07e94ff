/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * turns.h - spans to turns.
 *
 * A turn begins at the start of its first stage (the end of speech: the start of the stt span) and
 * ends at the first audio out: complete.  Without audio it is abandoned after `idle` with nothing
 * in it, or interrupted by the next turn of the same key.  What comes after the audio (further
 * sentences) belongs to it until the next turn or idle, and changes nothing.
 *
 * Spans come in the order of their ends.  A turn is found by its key; spans without key are given
 * to the one open turn, and where more than one is open nobody knows: the turns concerned are
 * given up as unknown, until nothing without a key has happened for `idle`.
 */
#ifndef CHESHIRE_METRICS_TURNS_H
#define CHESHIRE_METRICS_TURNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "metrics/evidence.h"

#define TURNS_MAX 256 /* kept at once, lingering ones included */

enum turn_outcome {
	TURN_COMPLETE = 0,
	TURN_ABANDONED = 1,
	TURN_INTERRUPTED = 2,
	TURN_UNKNOWN = 3, /* overlapped without a key, or the table was full */
	TURN_OUTCOMES = 4,
};

enum turn_what {
	TURN_EVENT_STARTED = 1,
	TURN_EVENT_GAP = 2,	/* value_ns between stages a and b */
	TURN_EVENT_SPEECH = 3,	/* value_ns from wake hit to end of speech */
	TURN_EVENT_LATENCY = 4, /* value_ns; item describes the turn */
	TURN_EVENT_OUTCOME = 5,
};

struct turn_event {
	enum turn_what what;
	uint64_t value_ns;
	uint16_t a, b;
	enum turn_outcome outcome;
	const struct evidence_item *item;
};

typedef void (*turn_fn)(void *ctx, const struct turn_event *event);

struct turns_losses {
	uint64_t full, overlapped, unjoined;
};

/* What pairs this span.  False: it has no key. */
bool turn_key_of(const struct turn_config *config, const struct wire_span *span, uint64_t *key);
/* Index of the stage of that name, or -1. */
int turn_stage(const struct config *config, const char *name);

struct turns;

/* NULL and errno on failure.  `config` is kept by reference. */
struct turns *turns__new(const struct config *config, turn_fn fn, void *ctx);
void turns__free(struct turns *turns);
/* Whether first audio out can be seen at all: there is an end stage. */
bool turns__has_end(const struct turns *turns);

void turns__wake(struct turns *turns, const struct wire_span *hit);
/* A stage began at span->start_ns; calls: followed by turns__end at once. */
void turns__begin(struct turns *turns, const struct wire_span *span);
/* A stream gave its first output at span->first_ns. */
void turns__first(struct turns *turns, const struct wire_span *span);
void turns__end(struct turns *turns, const struct wire_span *span);
/*
 * Ends what has been idle at `time_ns` (up to which all spans are known).  A stage still in flight
 * since in_flight_ns (0: none) is not idleness of a turn that it may belong to.
 */
void turns__tick(struct turns *turns, uint64_t time_ns, uint64_t in_flight_ns);

size_t turns__open(const struct turns *turns); /* begun, no audio yet */
/*
 * The most that were open at any one time since the last call, up to time_ns.  *whole is false
 * where there may have been more: some were over before it was known that others had begun.
 */
size_t turns__most(struct turns *turns, uint64_t time_ns, bool *whole);
void turns__losses(const struct turns *turns, struct turns_losses *out);

#endif /* CHESHIRE_METRICS_TURNS_H */
