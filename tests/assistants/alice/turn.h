/* SPDX-License-Identifier: GPL-2.0-only */
/* One interaction, from the wake word to the first sound of the answer. */
#ifndef ALICE_TURN_H
#define ALICE_TURN_H

#include <stdbool.h>
#include <stdint.h>

#include "corpus.h"
#include "intent.h"
#include "recording.h"
#include "span.h"
#include "tts.h"

struct session;

enum turn_outcome {
	TURN_COMPLETE = 0,
	TURN_ABANDONED,
	TURN_INTERRUPTED,
	TURN_MISSED,
	TURN_UNFINISHED
};

/* Wake word frames of one turn, and of the quiet before it. */
struct frame_summary {
	uint64_t cnt, min_ns, median_ns, max_ns, sum_ns;
};

struct turn {
	struct session *session;
	const struct utterance *utterance;
	uint32_t number;
	enum turn_outcome outcome;
	struct span spans[SPAN_CNT];
	struct frame_summary frames;
	uint64_t speech_start_ns;      /* wake word heard, or button pressed */
	uint64_t feed_ns, feed_frames; /* time and calls spent feeding speech-to-text */
	struct recording recording;
	uint64_t kept_bytes; /* of the recording, when it was not needed any more */
	char heard[256];
	struct intent intent;
	char answer[256];
	struct speech speech;
	bool understood;
};

/*
 * Runs the session's next turn: waits for the wake word, listens, answers. The turn that is
 * @follow_up has no wake word. Returns false if the assistant is to end.
 */
bool turn_run(struct session *s, bool follow_up, enum turn_outcome *outcome);

/* Second half of a turn: response and speech; logs the turn and frees it. */
void turn_answer(struct turn *turn);

#endif
